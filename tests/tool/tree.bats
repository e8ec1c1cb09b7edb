# SPDX-License-Identifier: MIT
#
# The processes of one run: of one that goes on, in what is kept of it, and beside what
# another run has kept.

load helpers

# A run in the background whose program is a shell; $run and $shell are their pids. Each
# program of it that says `ready` has been read when this returns.
begin_run() {
    local programs=$1
    shift
    mkfifo from
    "$tool" run -q "$@" >from &
    run=$!
    exec 5<from
    for _ in $(seq "$programs"); do
        read -r line <&5
        [ "$line" = ready ]
    done
    shell=$(pgrep -P "$run")
}

teardown() { # also where a test fails: what it has started must not outlive it
    local parent
    for parent in ${middle:-} ${shell:-} ${run:-}; do
        pkill -KILL -P "$parent" || true
        kill -KILL "$parent" 2>/dev/null || true
    done
    umount small 2>/dev/null || true
}

end_run() {
    pkill -TERM -P "$1" || true
    kill -TERM "$1" 2>/dev/null || true # not the run, which may be writing by now
    wait "$run" || true
}

workloads='[.children[] | select(.program | endswith("/workload"))]'

@test "a program that runs lists the children that it has by its pid, those that have ended too" {
    need_tracking
    begin_run 1 sh -c '"$0"; "$0" exec "$0" exit 3; "$0" wait & wait' "$workload"
    "$tool" report --format=json "$shell" >out
    "$tool" report "$shell" >text
    child=$(pgrep -P "$shell")
    "$tool" report --format=json "$(jq -r "$workloads[0].file" out)" >ended
    end_run "$shell"
    json out .ended '"running"'
    json out "$workloads | [.[].ended]" '["unknown","exec","unknown","running"]'
    json out "$workloads | [.[].peak_bytes] | unique" '[1000]'
    json out "$workloads[-1].pid" "$child"
    grep -Eq "^ +$child +workload +peak +1000 B, live +800 B, running$" text
    known_totals ended
}

@test "a process in the midst of a tree lists what is below it alone" {
    need_tracking
    begin_run 2 sh -c 'sh -c "\"\$0\" wait & wait" "$0" & "$0" wait & wait' "$workload"
    middle=$(pgrep -P "$shell" -x sh)
    child=$(pgrep -P "$middle")
    sibling=$(pgrep -P "$shell" -x workload)
    "$tool" report --format=json "$middle" >out
    "$tool" report --format=json "$shell" >all
    "$tool" report --format=json "$child" >leaf
    pkill -TERM -P "$middle" # first: what becomes an orphan is found by no parent any more
    end_run "$shell"
    json out "$workloads | [.[].pid]" "[$child]"
    json all "$workloads | [.[].pid] | sort" "$(jq -nc "[$child,$sibling] | sort")"
    json leaf "$workloads | length" 0
}

@test "without run, a program's children are told from other programs in the same directory" {
    need_tracking
    mkdir all
    export HEAPTRACKER_OPTIONS=state_dir=$PWD/all:quiet=1 LD_PRELOAD=$HT_BUILD/lib/libheaptracker-preload.so
    "$workload"
    "$workload" fork
    unset HEAPTRACKER_OPTIONS LD_PRELOAD
    found=0
    for file in all/*.ht; do
        "$tool" report --format=json "$file" >out
        known=$(jq '.children | length' out)
        [ "$known" -eq 0 ] && continue
        found=$((found + 1))
        json out '[.children[].live_bytes]' '[833]'
    done
    [ "$found" -eq 1 ] # the parent of the fork, and nobody else
}

@test "headers that name each other as parents are no endless tree" {
    mkdir all
    "$make_state" all/10.0.ht pid=10 parent_pid=11 start_ticks=100
    "$make_state" all/11.0.ht pid=11 parent_pid=10 start_ticks=100
    "$make_state" all/12.0.ht pid=12 parent_pid=10 start_ticks=99
    "$make_state" all/13.0.ht pid=13 parent_pid=12 start_ticks=100
    "$make_state" all/10.1.ht pid=10 parent_pid=1 image=1 start_ticks=5 # had the pid before
    split timeout 10 "$tool" report --format=json all/10.0.ht
    [ "$status" -eq 0 ]
    echo "$out" >out
    json out '[.children[].pid]' '[11]' # 12 began before it, and is another's child
}

@test "processes that were not recorded are in the json of a run, and in what it keeps" {
    need_tracking
    mkdir small
    mount -t tmpfs -o size=700k,mode=700 none small 2>/dev/null || skip "no tmpfs can be mounted here"
    split "$tool" run --format=json --state-dir="$PWD/small" -o x.ht -- sh -c 'perl -e 1; perl -e 2; exit 7'
    umount small
    [ "$status" -eq 7 ]
    tail -1 <<<"$err" >run
    json run .lost.processes 2
    "$tool" report --format=json x.ht >out
    json out .lost.processes 2
    "$tool" report x.ht >text
    grep -Eq '^  lost processes +2   .*No space left' text
    fails grep -Eq '^.{101}' text
    "$tool" run -q -o y.ht -- sh -c '"$0"; :' "$workload"
    "$tool" report --format=json y.ht >out
    json out .lost.processes 0
}

@test "what lies beside FILE and is not of its run is not among its children" {
    need_tracking
    "$tool" run -q -o x.ht -- sh -c '"$0"; :' "$workload"
    "$tool" run -q -o y.ht -- sh -c '"$0"; "$0" exec "$0"; :' "$workload"
    "$tool" report --format=json x.ht >before
    for file in y.ht.*; do
        mv "$file" "x.ht.${file#y.ht.}" # began after it, in the same start of the system
    done
    "$tool" report --format=json x.ht >after
    cmp before after
    json after "$workloads | length" 1
}

@test "a FILE that is used again takes the files of its run before with it, and nothing else" {
    need_tracking
    "$tool" run -q -o x.ht -- sh -c '"$0"; "$0" exec "$0"; :' "$workload"
    ls x.ht.* >first
    [ "$(wc -l <first)" -ge 3 ]
    "$tool" run -q -o y.ht -- sh -c '"$0"; :' "$workload"
    mv y.ht x.ht.99999999   # two that no list names: of another run,
    echo notes >x.ht.5      # and no state file
    echo mine >"$(head -1 first)" # the user's own by now
    split "$tool" run -o x.ht -- sh -c '"$0"; :' "$workload"
    [[ $err == *"removed: $(($(wc -l <first) - 1)) files x.ht.PID of the run that was kept there before"* ]]
    [ "$(cat x.ht.5)" = notes ]
    [ "$(cat "$(head -1 first)")" = mine ]
    [ -s x.ht.99999999 ]
    [ -z "$(ls x.ht.* | sort | comm -12 - <(tail -n +2 first | sort))" ]
    "$tool" report --format=json x.ht >out 2>err
    [ ! -s err ]
    json out "$workloads | length" 1
}

@test "of two runs at a time with the same FILE the last to end is what is kept, whole" {
    need_tracking
    begin_run 1 -o x.ht sh -c '"$0" wait & wait' "$workload"
    "$tool" run -q -o x.ht -- sh -c '"$0"; "$0"; :' "$workload"
    "$tool" report --format=json x.ht >out
    json out "$workloads | length" 2
    end_run "$shell"
    "$tool" report --format=json x.ht >out
    json out "$workloads | [.[].command // .[].live_bytes]" '[800]'
    [ "$(ls x.ht.* | wc -l)" -eq "$(jq '.children | length' out)" ]
}

@test "a FILE that is called as a state file is has the children that it lists, and is nobody's to remove" {
    need_tracking
    "$tool" run -q -o states/5.1.ht -- sh -c '"$0"; :' "$workload"
    "$tool" report --format=json states/5.1.ht >out
    json out "$workloads | length" 1
    split "$tool" list --state-dir=states --remove
    [ -z "$out" ]
    [ -e states/5.1.ht ]
}

@test "a FILE that was moved away from the others of its run says that they are left out" {
    need_tracking
    "$tool" run -q -o x.ht -- sh -c '"$0"; :' "$workload"
    mkdir elsewhere
    cp x.ht elsewhere/
    split "$tool" report --format=json elsewhere/x.ht
    [ "$status" -eq 0 ]
    [[ $err == "heaptracker: 1 of the run's 1 other processes is left out: elsewhere/x.ht.PID"* ]]
    split "$tool" report --format=json x.ht
    [ -z "$err" ]
}

@test "a FILE whose section of the run is empty says nothing of it" {
    need_tracking
    need perl
    "$tool" run -q -o x.ht -- sh -c '"$0"; :' "$workload"
    # No checksum, no entry, and another number where the entry was.
    perl -0777 -pi -e '
        my $at = index($_, pack("VV", 261, 8));
        my $run = unpack("Q<", substr($_, $at + 8, 8));
        substr($_, '"$checksum_at"', 8) = pack("Q<", 0);
        substr($_, $at + 16, 8) = pack("Q<", 0);
        substr($_, $run, 4) = pack("V", 7)' x.ht
    "$tool" report --format=json x.ht >out
    json out .lost.processes 0
    json out "$workloads | length" 1 # by its name, as without a list
}

@test "a run that leaves nothing takes nothing from the run that was kept before" {
    static=$HT_BUILD/tests/tool/workload-static
    [ -x "$static" ] || skip "workload-static is not built"
    need_tracking
    "$tool" run -q -o x.ht -- sh -c '"$0"; :' "$workload"
    md5sum x.ht* >sums
    split "$tool" run -q -o x.ht -- "$static"
    md5sum --quiet -c sums
    [[ $err == *"x.ht is still that of an earlier run"* ]]
}

@test "-o to a device keeps the first process alone: no file comes about beside it" {
    need_tracking
    "$tool" run -q -o /dev/null -- sh -c '"$0"; :' "$workload"
    [ -z "$(ls /dev/null.* 2>/dev/null)" ]
    mkfifo pipe
    cat pipe >x.ht &
    split "$tool" run -q -o pipe -- sh -c '"$0"; :' "$workload"
    wait $!
    [ "$(ls pipe*)" = pipe ]
    "$tool" report --format=json x.ht >out
    json out .ended '"exit"'
}

@test "the rows of a forked child add up to its numbers, its parent's calls among them" {
    need_tracking
    need perl
    "$tool" run -q -o x.ht -- perl -e 'my @x = map { "x$_" } 1 .. 2000; undef @x; unless (fork) { my @y = (1 .. 100); exit 0 } wait'
    child=$(ls x.ht.*)
    "$tool" report --format=json "$child" >json
    json json '[.totals.allocs, .totals.bytes_allocated, .totals.temporary_allocs] == [([.sites[].allocs] | add), ([.sites[].bytes_allocated] | add), ([.sites[].temporary_allocs] | add)]' true
    json json '[.totals.live_bytes, .totals.peak_bytes] == [([.sites[].live_bytes] | add), ([.sites[].peak_bytes] | add)]' true
    [ "$("$tool" report --format=collapsed --value=total "$child" | awk '{ sum += $NF } END { print sum }')" -eq "$(jq .totals.bytes_allocated json)" ]
    "$tool" report --format=collapsed --value=allocs "$child" | grep -q '^(freed before the fork) [0-9]'
}
