# SPDX-License-Identifier: MIT
#
# What is tracked now, and what processes that have ended left behind.

load helpers

teardown() { # also where a test fails: what it has started must not outlive it
    local pid
    for pid in ${started:-}; do
        kill -KILL "$pid" 2>/dev/null || true
    done
}

# A process that a run has left, its pid in $daemon. It holds descriptor 4's other end.
begin_daemon() {
    mkfifo hold
    exec 4<>hold
    "$tool" run -q -o "${1:-x.ht}" ${2:-} -- "$workload" survivor <hold 4>&-
    daemon=$("$tool" report --format=json "${1:-x.ht}" | jq '.children[0].pid')
    started=$daemon
}

# of PID: STATE, LIVE, PEAK, PROGRAM as `list` has them
row() {
    awk -v pid="$1" '$1 == pid { print $2, $3 $4, $5 $6, $7 }' <<<"$out"
}

@test "a daemon that crashes is found, said how, and what it left is removed when that is asked" {
    need_tracking
    begin_daemon
    split "$tool" list --state-dir=states
    [ "$status" -eq 0 ]
    [ "$(row "$daemon")" = "running 833B 833B workload" ]
    split "$tool" list --state-dir=states --remove
    [ -z "$out" ]
    kill -SEGV "$daemon"
    ended "$daemon"
    split "$tool" report "$daemon"
    [[ $out == *"pid $daemon: ended, how is not known (killed, crashed, or left by _exit)"* ]]
    split "$tool" list --state-dir=states
    [ "$(row "$daemon")" = "ended 833B 833B workload" ]
    [[ $out == *"/heaptracker-run."*"/$daemon.0.ht"* ]]
    [[ $err == "1 file of processes that have ended takes "*"list --remove removes all" ]]
    split "$tool" list --state-dir=states --remove
    [ "$status" -eq 0 ]
    [[ $out == "removed "*"/$daemon.0.ht" ]]
    no_state_left
    split "$tool" report "$daemon"
    [ "$status" -eq 2 ]
    [[ $err == *"heaptracker list"* ]]
}

@test "a run that goes on is listed by what runs, and nothing is taken from it" {
    need_tracking
    mkfifo from
    "$tool" run -q -o x.ht -- sh -c '"$0"; "$0" wait & wait' "$workload" >from &
    started=$!
    exec 5<from
    read -r line <&5
    shell=$(pgrep -P "$started")
    child=$(pgrep -P "$shell")
    started="$started $shell $child"
    ls states/*/*.ht >before
    split "$tool" list --state-dir=states
    [ "$(row "$shell" | cut -d' ' -f1,4)" = "running $(basename "$(readlink "/proc/$shell/exe")")" ]
    [ "$(row "$child")" = "running 800B 1000B workload" ]
    [ "$(wc -l <<<"$out")" -eq 3 ] # not the one that has ended: the run takes it up
    split "$tool" list --state-dir=states --remove
    [ -z "$out" ]
    [ "$(ls states/*/*.ht)" = "$(<before)" ]
    kill -TERM "$child"
    wait "${started%% *}" || true
    "$tool" report --format=json x.ht >out
    json out '[.children[] | select(.program | endswith("/workload"))] | length' 2
}

@test "what programs left that had the library without run is seen, and removed once they have ended" {
    need_tracking
    mkdir all
    mkfifo from
    export HEAPTRACKER_OPTIONS=state_dir=$PWD/all:quiet=1 LD_PRELOAD=$HT_BUILD/lib/libheaptracker-preload.so
    "$workload"
    "$workload" wait >from &
    started=$!
    unset HEAPTRACKER_OPTIONS LD_PRELOAD
    exec 5<from
    read -r line <&5
    touch all/notes.ht all/1.2.ht.bak
    split "$tool" list # by its mapping: in none of the usual places
    [ "$(row "$started")" = "running 800B 1000B workload" ]
    split "$tool" list --state-dir=all
    [ "$(grep -c ' exited ' <<<"$out")" -eq 1 ]
    split "$tool" list --state-dir=all --remove
    [ "$(wc -l <<<"$out")" -eq 1 ]
    [[ $out == "removed all/"*".0.ht" ]]
    [ "$(ls all | sort)" = "$(printf '%s\n' 1.2.ht.bak "$started.0.ht" notes.ht | sort)" ]
}

@test "the directory of numbers that could not be written goes when that is asked, and no sooner" {
    need_tracking
    mkdir -m 700 states/heaptracker-run.kept11
    "$make_state" states/heaptracker-run.kept11/77.0.ht pid=77 ended=1
    "$tool" run -q -o x.ht -- "$workload"
    [ -e states/heaptracker-run.kept11/77.0.ht ]
    split "$tool" list --state-dir=states
    [ "$(row 77 | cut -d' ' -f1)" = exited ]
    split "$tool" list --state-dir=states --remove
    no_state_left
}

@test "another user's files, broken ones and none at all are no trouble" {
    mkdir -m 700 states/heaptracker-7
    echo junk >states/heaptracker-7/5.0.ht
    "$make_state" states/heaptracker-7/6.0.ht pid=6 program=$'/red\n\033[31m'
    split "$tool" list --state-dir=states
    [ "$status" -eq 0 ]
    fails grep -q $'\033' <<<"$out"
    if [ "$(id -u)" -eq 0 ]; then
        chown 12345 states/heaptracker-7/6.0.ht
        split "$tool" list --state-dir=states --remove
        [ -e states/heaptracker-7/6.0.ht ]
    fi
    mkdir empty
    split "$tool" list --state-dir=empty/missing
    [ "$status" -eq 2 ]
    one_line "$err"
    split "$tool" list --state-dir=empty 123
    [ "$status" -eq 2 ]
    one_line "$err"
}

@test "a place that can be reached in two ways is looked through once" {
    mkdir -m 700 states/heaptracker-7
    "$make_state" states/heaptracker-7/77.0.ht pid=77 ended=1
    for _ in {1..5}; do # others' files in the usual places may come and go meanwhile
        split env -u TMPDIR "$tool" list
        once=$err
        split env TMPDIR="$PWD/states/" "$tool" list
        [ "$err" != "$once" ] || break
    done
    [ "$err" = "$once" ]
    [[ $err == *"ended take"* ]]
    [ "$(grep -c '/heaptracker-7/77.0.ht$' <<<"$out")" -eq 1 ]
}

@test "a link among the state directories leads to no file that is removed" {
    mkdir -m 700 elsewhere
    "$make_state" elsewhere/77.0.ht pid=77 ended=1
    ln -s ../elsewhere states/heaptracker-7
    split "$tool" list --state-dir=states --remove
    [ "$status" -eq 0 ]
    [ -z "$out" ]
    [ -e elsewhere/77.0.ht ]
}

@test "a process that has ended is not said to run while a child that has not allocated yet lives" {
    need_tracking
    mkfifo hold
    exec 4<>hold
    mkdir all
    LD_PRELOAD=$HT_BUILD/lib/libheaptracker-preload.so HEAPTRACKER_OPTIONS=state_dir=$PWD/all:quiet=1 \
        "$workload" daemon <hold 4>&-
    parent=$(basename all/*.0.ht .0.ht)
    child=$(grep -l "/all/$parent.0.ht" /proc/[0-9]*/maps 2>/dev/null | cut -d/ -f3)
    started=$child
    [ -n "$child" ]
    [ "$child" != "$parent" ]
    split "$tool" list --state-dir=all
    [ "$(row "$parent")" = "ended 800B 1000B workload" ]
    split "$tool" list --state-dir=all --remove # the child has it mapped
    [ -z "$out" ]
    kill -KILL "$child"
    ended "$child"
    split "$tool" list --state-dir=all --remove
    [[ $out == "removed "*"/$parent.0.ht" ]]
}

@test "a process whose first thread has ended before the others runs" {
    need_tracking
    mkfifo hold
    exec 4<>hold
    "$tool" run -q -o x.ht -- "$HT_BUILD/tests/tool/headless" <hold 4>&- &
    started=$!
    for _ in {1..100}; do
        pid=$(pgrep -P "${started%% *}" || true)
        [ -n "$pid" ] && grep -q '^State:.*zombie' "/proc/$pid/status" && break
        sleep 0.05
    done
    started="$started $pid"
    split "$tool" list --state-dir=states
    [ "$(row "$pid" | cut -d' ' -f1,4)" = "running headless" ]
    "$tool" report --format=json "$pid" >out
    json out .ended '"running"'
    exec 4>&-
    wait "${started%% *}"
    "$tool" report --format=json x.ht >out
    json out '[.ended, .status]' '["exit",0]'
}

# What this shell and the commands that it has waited for have read.
bytes_read() {
    local name value
    while read -r name value; do
        [ "$name" != rchar: ] || echo "$value"
    done <"/proc/$1/io"
}

@test "of a large state file only the pages with the totals are read" {
    need nm binutils
    need jq
    self=$BASHPID
    [ -r "/proc/$self/io" ] || skip "this kernel does not count what processes read"
    mkdir -m 700 states/heaptracker-7
    large=states/heaptracker-7/4000000000.0.ht
    nm -S "$workload" | "$HT_BUILD/tests/state/make_many" "$large" 50000 "$workload"
    [ "$(stat -c %s "$large")" -gt 15000000 ]
    before=$(bytes_read "$self")
    split "$tool" list --state-dir=states
    after=$(bytes_read "$self")
    echo "read $((after - before)) bytes"
    [ "$status" -eq 0 ]
    [ "$((after - before))" -gt 0 ]
    [ "$((after - before))" -lt 1000000 ]
    "$tool" report --format=json "$large" >report
    peak=$(jq -r '.totals.peak_bytes / 1048576 * 10 | round / 10' report)
    grep -qE " $peak(\.0)? MiB " <<<"$out"
}

@test "the columns stand where they are, however wide a name's characters" {
    need_tracking
    cp "$workload" 堆栈
    HEAPTRACKER_OPTIONS=state_dir=$PWD/states:quiet=1 LD_PRELOAD=$HT_BUILD/lib/libheaptracker-preload.so ./堆栈 >/dev/null
    split "$tool" list --state-dir=states
    [[ $out == *"  堆栈             states/"* ]] # 4 columns, 12 to 16, and one
}

@test "the list as JSON has the report's fields for each process, and what is left" {
    need_tracking
    "$tool" list --format=json --state-dir=states >out 2>err
    [ ! -s err ]
    json out . '{"schema":1,"kind":"list","processes":[],"left":{"files":0,"bytes":0}}'
    mkdir -m 700 states/heaptracker-7
    "$make_state" states/heaptracker-7/77.0.ht pid=77 ended=1 program=$'/bin/\377x' 'command=x|-a'
    begin_daemon
    "$tool" list --format=json --state-dir=states >out 2>err
    [ ! -s err ]
    json out '[.schema, .kind]' '[1,"list"]'
    json out '[.processes[] | [.pid, .state, .removable]] | sort' \
        "$(jq -cn --argjson pid "$daemon" '[[77, "exited", true], [$pid, "running", false]] | sort')"
    json out '[.processes[] | select(.pid == 77) | [.program, .command]]' '[["/bin/�x",["x","-a"]]]'
    json out .left.files 1
    json out '.left.bytes == (.processes[] | select(.removable).file_bytes)' true
    jq --argjson pid "$daemon" '.processes[] | select(.pid == $pid)' out >one
    "$tool" report --format=json "$daemon" >report
    [ "$(jq -c '[.totals, .inherited, .command, .program, .calls_in_progress]' one)" = \
        "$(jq -c '[.totals, .inherited, .command, .program, .calls_in_progress]' report)" ]
    [ -e "$(jq -r .file one)" ]
}

@test "list takes no other format, and none where it removes" {
    for wrong in --format=xml "--format=json --remove"; do
        split "$tool" list $wrong
        [ "$status" -eq 2 ]
        [ -z "$out" ]
        one_line "$err"
    done
    split "$tool" list --format=text --state-dir=states
    [ "$status" -eq 0 ]
}
