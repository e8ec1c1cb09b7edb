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
    kill -TERM "$run" 2>/dev/null || true
    wait "$run" || true
}

workloads='[.children[] | select(.program | endswith("/workload"))]'

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
