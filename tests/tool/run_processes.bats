#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# heaptracker run: fork, exec, signals, the terminal, and who outlives whom.

load helpers

@test "--no-follow-fork tracks the program and nothing that it starts" {
    need_tracking
    split "$tool" run -q -o alone.ht --no-follow-fork -- sh -c '"$0" >/dev/null; ("$0" >/dev/null); "$0" say; exit 3' "$workload"
    [ "$status" -eq 3 ]
    [ "$out" = "on stdout" ]
    [ -z "$err" ]
    [ "$(ls alone.ht*)" = alone.ht ]
    "$tool" report --format=json alone.ht >json
    [ "$(jq '.children | length' json)" -eq 0 ]
    split "$tool" run -q -o all.ht --follow-fork -- sh -c '"$0" >/dev/null; "$0" say' "$workload"
    [ "$(ls all.ht* | wc -l)" -gt 1 ]
    split "$tool" run --follow-fork --no-follow-fork -- true
    [ "$status" -eq 125 ]
}

@test "resident memory of each process of the tree is sampled" {
    need_tracking
    "$tool" run -q -o x.ht --interval=1 -- sh -c \
        'perl -e '\''for (1 .. 40) { $x .= "a" x 300000; select(undef, undef, undef, 0.005) }'\''; true'
    "$tool" report --format=json x.ht >out
    child=$(jq -r '.children[] | select(.program | test("perl")) | .file' out)
    "$tool" report --format=json "$child" >out
    json out '[.timeline[].rss_bytes] | max > 1000000' true
}

@test "a program killed by SIGKILL leaves exact totals" {
    need_tracking
    split "$tool" run -o x.ht -- "$workload" kill
    [ "$status" -eq 137 ]
    [[ $err == *"killed by signal 9"* ]]
    "$tool" report --format=json x.ht >out
    known_totals out
    json out '[.ended, .status]' '["signal",9]'
}

@test "a forked child has a file of its own beside FILE" {
    need_tracking
    "$tool" run -q -o x.ht -- "$workload" fork
    "$tool" report --format=json x.ht >out
    known_totals out
    json out '.children | length' 1
    child=$(jq -r '.children[0].pid' out)
    json out '.children[0].file' "\"x.ht.$child\""
    "$tool" report --format=json "x.ht.$child" >out
    json out '.inherited' '{"live_bytes":800,"live_blocks":4}'
    json out '.totals | [.live_bytes, .live_blocks]' '[833,5]'
}

# The path of each site of 10000 bytes and more spells how many more (workload.c).
@test "a forked child goes on with its parent's stacks, and has new ones of its own" {
    need_tracking
    "$tool" run -q -o x.ht -- "$workload" spell
    spelled='[.sites[] | select(.live_bytes >= 10000) | [.live_bytes / .live_blocks - 10000,
        ([.stack[].function | select(startswith("spell_"))] | reverse | .[1:] |
            reduce .[] as $f (0; . * 2 + (if $f == "spell_one" then 1 else 0 end)))]]'
    "$tool" report --format=json x.ht >out
    json out "$spelled | [length, all(.[0] == .[1])]" '[334,true]'
    "$tool" report --format=json "x.ht.$(jq -r '.children[0].pid' out)" >out
    json out "$spelled | [length, all(.[0] == .[1])]" '[1000,true]'
    json out '[.sites[] | select(.live_bytes >= 10000) | .live_blocks] | add' 1334
}

@test "files of processes that have ended are made small while the run goes on, and say the same" {
    need_tracking
    [ "$(stat -f -c %T /dev/shm)" = tmpfs ] || skip "/dev/shm is no tmpfs"
    # Two processes of three images each, the shell's own first, and one that goes on.
    split "$tool" run -q -o x.ht --state-dir=/dev/shm --interval=10 -- sh -c \
        'for i in 1 2; do ("$0" exec "$0"); done; sleep 2 & sleep 1
         directory=${HEAPTRACKER_OPTIONS#*state_dir=}; stat -c "%s %n" "${directory%%:*}"/*.ht; kill $!' "$workload"
    [ "$(awk '$1 < 100000' <<<"$out" | wc -l)" -ge 6 ] # and what the shell waited with
    [ "$(awk '$1 >= 524288' <<<"$out" | wc -l)" -ge 2 ]
    "$tool" report --format=json x.ht >tree
    json tree '[.children[] | select(.program | test("workload")) | .ended] | sort' '["exec","exec","unknown","unknown"]'
    for file in $(jq -r '.children[] | select(.program | test("workload")) | .file' tree); do
        "$tool" report --format=json "$file" >out
        known_totals out
        json out '[.sites[].allocs] | add' 13
    done
}

@test "FILE is the last image, what ran before an exec is FILE.PID.N" {
    need_tracking
    split "$tool" run -q -o x.ht -- "$workload" exec "$workload" exit 3
    [ "$status" -eq 3 ]
    "$tool" report --format=json x.ht >out
    known_totals out
    json out '[.status, .command[1]]' '[3,"exit"]'
    pid=$(jq .pid out)
    json out '[.children[] | [.pid, .file, .ended]]' "[[$pid,\"x.ht.$pid.0\",\"exec\"]]"
    "$tool" report --format=json "x.ht.$pid.0" >out
    known_totals out
    json out '.command[1]' '"exec"'
}

# The pids that the summary in `err` says go on.
pids_that_go_on() {
    sed -nE 's/^[0-9]+ process(es go| goes) on \(pid ([0-9, ]+)\).*/\2/p' err | tr -d ,
}

@test "a process that outlives the run goes on, and is found by its pid; the next run clears up after it" {
    need_tracking
    mkfifo hold
    exec 4<>hold
    "$tool" run -o x.ht -- "$workload" survivor <hold 4>&- 2>err
    "$tool" report --format=json x.ht >out
    json out '[.children[].ended]' '["running"]'
    pid=$(pids_that_go_on)
    json out '.children[0].pid' "$pid"
    grep -q "report PID.* the next run removes $PWD/states/heaptracker-run" err
    "$tool" report --format=json "$pid" >out
    json out '[.ended, .totals.live_bytes]' '["running",833]'
    [ "$(ls states/*/*.ht)" = "$(echo states/*/"$pid".0.ht)" ] # what has ended has no file there
    "$tool" run -q -o y.ht -- "$workload" # while it lives nothing is taken from it
    [ -e states/*/"$pid".0.ht ]
    exec 4>&-
    ended "$pid"
    "$tool" report --format=json "$pid" >out
    json out '.totals.live_bytes' 833
    "$tool" run -q -o y.ht -- "$workload"
    no_state_left
}

@test "a daemon that calls for the first time after the run has its file, and is found by its pid" {
    need_tracking
    mkfifo hold
    exec 4<>hold
    "$tool" run -o x.ht -- "$workload" daemon <hold 4>&- 2>err
    pid=$(pids_that_go_on)
    [ -n "$pid" ]
    echo >hold
    for _ in {1..100}; do # it calls when it calls
        "$tool" report --format=json "$pid" >out 2>/dev/null &&
            json out '[.ended, .inherited.live_bytes, .totals.live_bytes]' '["running",800,833]' && break
        sleep 0.05
    done
    json out '[.ended, .inherited.live_bytes, .totals.live_bytes]' '["running",800,833]'
    exec 4>&-
    ended "$pid"
    "$tool" run -q -o y.ht -- true
    no_state_left
}

@test "a run's end is silent about who goes on where it shall be, or cannot be a line of text" {
    need_tracking
    mkfifo hold
    exec 4<>hold
    split "$tool" run -q -o x.ht -- "$workload" survivor <hold 4>&-
    [ -z "$err" ]
    split "$tool" run --format=json -o x.ht -- "$workload" survivor <hold 4>&-
    [ "$(wc -l <<<"$err")" -eq 1 ]
    exec 4>&-
}

# answers SIGNAL PID: the run of that pid, whose program writes to the pipe `from`, passes the signal on, and the
# program's answer comes back
answers() {
    local status=0
    exec 5<from
    read -r line <&5
    [ "$line" = ready ]
    kill "-$1" "$2"
    read -r line <&5
    [ "$line" = "got $1" ]
    wait "$2" || status=$?
    [ "$status" -eq 5 ]
    exec 5<&-
    rm from
    grep -q 'exit status 5' err
}

@test "signals to the tool reach the program, and its answer comes back" {
    need_tracking
    env --default-signal true 2>/dev/null || skip "env has no --default-signal (coreutils 8.31)"
    for signal in INT QUIT TERM HUP USR1 USR2 WINCH; do
        mkfifo from
        # Of what a script starts with &, bash ignores INT and QUIT.
        env --default-signal "$tool" run -o x.ht -- "$workload" wait >from 2>err &
        answers $signal $!
    done
}

# with_stack KIB COMMAND...: where the stack may have so much
with_stack() {
    bash -c 'ulimit -s "$1"; shift; exec "$@"' - "$@"
}

@test "a small stack is enough for the tool, and the program keeps its limit" {
    need_tracking
    for kib in 128 64; do
        with_stack $kib "$tool" run --quiet -o x.ht -- bash -c 'ulimit -s' >limit
        [ "$(<limit)" = $kib ]
        # Its names are in its debug information, and libdw needs the most.
        with_stack $kib "$tool" run -o x.ht -- "$HT_BUILD/tests/tool/gate" >out 2>err
        grep -q 'keep_line .*gate\.c:' err
        with_stack $kib "$tool" report x.ht >out
        grep -q 'keep_line .*gate\.c:' out
    done
}

@test "signals to a tool with a small stack reach the program" {
    need_tracking
    mkfifo from
    # No function: the process that gets the signal is to be the tool.
    bash -c 'ulimit -s 128; exec "$@"' - "$tool" run -o x.ht -- "$workload" wait >from 2>err &
    answers TERM $!
}

@test "after the program's end a signal stops the tool, where it waits for a reader" {
    need_tracking
    for signal in TERM HUP; do
        mkfifo kept
        # -o opens it when the program has ended, and waits until somebody reads.
        "$tool" run -q -o kept -- touch ended &
        for try in $(seq 100); do
            [ -e ended ] && ! pgrep -P $! >/dev/null && break
            sleep 0.05
        done
        for try in $(seq 100); do # one that comes a moment too early is handed on to nobody
            kill -$signal $! 2>/dev/null || break
            sleep 0.05
        done
        kill -KILL $! 2>/dev/null || true
        status=0
        wait $! || status=$?
        [ "$status" -eq $((128 + $(kill -l $signal))) ]
        rm kept ended
    done
}

@test "the keys of a terminal reach the program once, and the summary follows" {
    need_tracking
    need script bsdutils
    mkfifo keys from
    script -qec "'$tool' run -o x.ht -- '$workload' wait" /dev/null <keys >from &
    exec 6>keys 5<from
    read -r line <&5
    [[ $line == ready* ]]
    printf '\003' >&6
    cat <&5 >out
    status=0
    wait $! || status=$?
    exec 6>&- 5<&-
    [ "$status" -eq 5 ]
    [ "$(grep -c 'got INT' out)" -eq 1 ]
    grep -q 'exit status 5' out
}

@test "a running program can be reported by its pid" {
    need_tracking
    start_waiting
    "$tool" report --format=json "$pid" >out
    kill -TERM "$run_pid"
    known_totals out
    json out .ended '"running"'
    wait "$run_pid" || true
}

@test "if the tool itself is killed the program goes on and can be reported" {
    need_tracking
    start_waiting
    kill -KILL "$run_pid"
    wait "$run_pid" || true
    "$tool" report --format=json "$pid" >out
    kill -KILL "$pid"
    known_totals out
    left=$(echo states/*/"$pid".0.ht)
    [ "$(od -An -tu8 -j $checksum_at -N 8 "$left")" -eq 0 ] # nobody closed it
    "$tool" report --format=json "$left" >out
    known_totals out
}

@test "ignored signals stay ignored for the program" {
    split "$tool" run -q -- sh -c 'kill -PIPE $$; echo survived'
    [ "$status" -eq 141 ] # the tool ignores SIGPIPE, the program does not
    split env --ignore-signal=HUP "$tool" run -q -- sh -c 'kill -HUP $$; echo survived'
    [ "$out" = survived ]
}

@test "the tree of programs lists siblings by pid, and long names leave the columns where they are" {
    need_tracking
    cp "$workload" a-program-with-quite-a-long-name-that-ends
    cp "$workload" short
    split "$tool" run -o x.ht -- sh -c './short & ./a-program-with-quite-a-long-name-that-ends & ./short & ./short & wait'
    "$tool" report x.ht >out
    cat out
    sed -n '/^Its tree/,/^$/p' out | grep -E '(short|a-prog).* peak ' >lines
    [ "$(wc -l <lines)" -ge 4 ]
    awk '{ print $1 }' lines >pids
    sort -n pids | cmp - pids
    [ "$(sed 's/peak.*//' lines | while IFS= read -r line; do echo "${#line}"; done | sort -u | wc -l)" -eq 1 ]
    fails grep -Eq '^.{101}' lines
    # And the json has them in that order.
    "$tool" report --format=json x.ht >json
    json json '[.children[].pid] | . == sort' true
}

@test "a process that has the program's pid, in a namespace within, does not take its place" {
    need_tracking
    need unshare util-linux
    unshare -p -f --mount-proc true 2>/dev/null || skip "unshare -p is not allowed here"
    # Small pids, as in a container; the inner namespace has one process of each. Processes are told apart by
    # when they began, in hundredths of a second.
    # shellcheck disable=SC2016
    split unshare -p -f --mount-proc "$tool" run -q -o x.ht -- sh -c \
        'sleep 0.1; unshare -p -f --mount-proc sh -c "for i in 1 2 3 4 5 6; do $0 nothing; done; :"; exit 7' "$workload"
    [ "$status" -eq 7 ]
    [ -z "$err" ]
    split "$tool" report x.ht
    [ -z "$err" ] # each of the others has a file of its own
    [[ ${out%%$'\n'*} == *"sh, pid "*": exit status 7"* ]]
    [ "$("$tool" report --format=json x.ht | jq '.children | length')" -eq 9 ]
}

# A service of root's that becomes nobody: $dropped
need_dropped() {
    need_tracking
    [ "$(id -u)" -eq 0 ] || skip "only root can give up its rights"
    dropped=$HT_BUILD/tests/tool/dropped
    "$dropped" </dev/null >/dev/null || skip "root cannot give up its rights here"
}

@test "a process that has given up root's rights keeps the stacks that come then" {
    need_dropped
    [ "$(printf '%s\n' 5.14 "$(uname -r)" | sort -V | head -1)" = 5.14 ] || skip "Linux is older than 5.14"
    "$tool" run -q -o x.ht -- "$dropped" 12000 </dev/null
    "$tool" report --format=json x.ht >json
    [ "$(jq '[.sites[] | select(any(.stack[]; .function == "allocate_by"))] | [length, ([.[].live_bytes] | add)] | tostring' json)" = '"[12000,1200000]"' ]
    json json '[.lost[]] | add' 0
}

@test "a process that has given up root's rights, on a disk that fills up: what is lost is counted" {
    need_dropped
    mkdir small
    mount -t tmpfs -o size=900k,mode=700 none small 2>/dev/null || skip "no tmpfs can be mounted here"
    split "$tool" run -q --state-dir="$PWD/small" -o x.ht -- "$dropped" 12000 </dev/null
    umount small
    [ "$status" -eq 0 ]
    "$tool" report --format=json x.ht >json
    [ "$(jq '.lost.sites > 0' json)" = true ]
    json json '.totals.allocs == ([.sites[].allocs] | add)' true
    json json '.totals.live_bytes == ([.sites[].live_bytes] | add)' true
}

@test "processes that become another user's before they allocate are counted, and write nothing" {
    need_dropped
    need setpriv util-linux
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" 2>/dev/null || true
    local nobody="setpriv --reuid=65534 --clear-groups"
    # shellcheck disable=SC2086
    $nobody test -x "$workload" -a -x states || skip "another user cannot come here"
    split "$tool" run -q -o x.ht -- sh -c "$nobody '$workload' nothing; $nobody sh -c 'exec \"$workload\" nothing'; echo hello"
    [ "$out" = hello ]
    one_line "$err"
    [[ $err == *": 2 processes were not recorded: "*"Permission denied; "*"su USER -c"* ]]
    "$tool" report --format=json x.ht >json
    json json .lost.processes 2
    no_state_left
}

@test "a forked child that can neither make a file nor say so runs on" {
    need_tracking
    "$HT_BUILD/tests/tool/forked_away" || skip "no root directory can be changed here"
    "$tool" run -q -o x.ht -- "$HT_BUILD/tests/tool/forked_away"
    HEAPTRACKER_OPTIONS=state_dir=$PWD/states LD_PRELOAD=$HT_BUILD/lib/libheaptracker-preload.so "$HT_BUILD/tests/tool/forked_away"
    rm -f states/*.ht
}

@test "a process that has given up root's rights is reported by its pid" {
    need_dropped
    mkfifo from to
    "$tool" run -q -o x.ht -- "$dropped" <to >from &
    run_pid=$!
    exec 6>to 5<from
    read -r _ pid <&5
    split "$tool" report "$pid"
    exec 6>&- 5<&-
    wait "$run_pid"
    [ "$status" -eq 0 ]
    [[ $out == *", pid $pid: running"* ]]
}
