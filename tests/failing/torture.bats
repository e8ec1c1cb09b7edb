#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# heaptracker torture, on a program whose every allocation ends in a known way.

load ../tool/helpers

fragile() {
    need_tracking
    split "$tool" torture --timeout=1 "$@" -- "$HT_BUILD/tests/failing/fragile"
}

@test "each allocation fails once, and what happens then is told apart" {
    fragile
    [ "$status" -eq 1 ]
    [ -z "$err" ]
    [[ $out == *"in 5 runs one allocation each was made to fail"* ]]
    [[ $out == *"       1  ended as without a failure"*"       1  ended with another exit status"* ]]
    [[ $out == *"       2  crashed"*"       1  hung"* ]]
    [[ $out == *"crashed by signal 11 (Segmentation fault) when 20 B could not be had, allocation 2, 3:"*careless*fragile.c:2*main*"again: heaptracker run --fail-at=2 -- "* ]]
    [[ $out == *"hung when 30 B could not be had, allocation 4:"*stubborn*fragile.c:3* ]]
    no_state_left
}

@test "the columns of a stack stand where they are, however wide a name's characters" {
    need_tracking
    need objcopy binutils
    objcopy --strip-debug --redefine-sym careless=堆栈 "$HT_BUILD/tests/failing/fragile" fragile
    split "$tool" torture --range=2-2 -- ./fragile
    [[ $out == *"    堆栈                             fragile"* ]] # 4 columns, 28 to 32, and one
}

@test "as JSON, and with several runs at a time the same" {
    fragile --format=json
    echo "$out" >one
    json one '[.schema, .runs, .last, .same, .other_status, .crashed, .hung, .complete]' '[1,5,5,1,1,2,1,true]'
    json one '.findings | map([.outcome, .signal, .bytes, .fail_at, .stack[0].function])' \
        '[["crash",11,20,[2,3],"careless"],["hang",0,30,[4],"stubborn"]]'
    fragile --format=json --jobs=4
    echo "$out" >four
    cmp <(jq 'del(.seconds)' one) <(jq 'del(.seconds)' four)
}

@test "what the finding says to run again does crash again" {
    need_tracking
    split "$tool" run -q --fail-at=2 -- "$HT_BUILD/tests/failing/fragile"
    [ "$status" -eq 139 ]
}

@test "the command to run again is quoted for a shell" {
    need_tracking
    cp "$HT_BUILD/tests/failing/fragile" "it's fragile"
    split "$tool" torture --range=2-2 -- "./it's fragile" 'a;b' ''
    [[ $out == *"again: heaptracker run --fail-at=2 -- './it'\\''s fragile' 'a;b' ''"* ]]
    again=$(sed -n 's/^  again: heaptracker //p' <<<"$out")
    status=0
    eval "\"\$tool\" ${again/run/run -q}" || status=$?
    [ "$status" -eq 139 ]
}

@test "a range and a function narrow it down" {
    fragile --range=5-
    [ "$status" -eq 0 ]
    [[ $out == *"in 1 run one allocation"* ]]
    fragile --range=1-2
    [ "$status" -eq 1 ]
    [[ $out == *"not all: the program makes more allocations"* ]]
    fragile --fail-site=careless --format=json
    echo "$out" >out
    json out '[.runs, .crashed, .complete]' '[2,2,true]'
    fragile --fail-site=needed --and-after
    [ "$status" -eq 0 ]
}

@test "where no allocation was made to fail nothing can be told" {
    need gcc
    fragile --range=100-
    [ "$status" -eq 2 ]
    [ -z "$out" ]
    one_line "$err"
    [[ $err == *"/fragile: no allocation was made to fail: it makes 5; give another --range than 100-" ]]
    fragile --range=3- --fail-site=careless
    [ "$status" -eq 2 ]
    [[ $err == *": no allocation was made to fail: it makes 2 there; give another --range than 3-" ]]
    fragile --fail-site=qsort
    [ "$status" -eq 2 ]
    one_line "$err"
    [[ $err == *": no allocation was made to fail: 'qsort' makes none; give another --fail-site" ]]
    fragile --range=100- --format=json
    [ "$status" -eq 2 ]
    echo "$out" >out
    json out '[.runs, .findings]' '[0,[]]'
    echo 'int main(void) { return 0; }' | gcc -x c -o idle -
    split "$tool" torture -- ./idle
    [ "$status" -eq 2 ]
    [ -z "$out" ]
    [[ $err == *"./idle: no allocation was made to fail: it makes none; "* ]]
    no_state_left
}

@test "a program that survives everything is said to" {
    need_tracking
    split "$tool" torture -- cat /dev/null
    [ "$status" -eq 0 ]
    [[ $out != *crashed* && $out != *hung* && $out != *"not all"* ]]
}

@test "in a shell's child too" {
    need_tracking
    program=$HT_BUILD/tests/failing/fragile
    split "$tool" torture --fail-site="careless@$program" --format=json -- sh -c '"$0"; exit $?' "$program"
    echo "$out" >out
    json out '[.crashed, .complete, (.findings | map([.outcome, .signal, .stack[0].function]))]' \
        '[2,true,[["crash",11,"careless"]]]'
}

@test "where SIGCHLD is ignored the ends of runs are seen all the same, and the command finds it so" {
    need_tracking
    env --ignore-signal=CHLD true 2>/dev/null || skip "env has no --ignore-signal (coreutils 8.31)"
    split timeout -k 5 30 env --ignore-signal=CHLD "$tool" torture --timeout=1 -- "$HT_BUILD/tests/failing/fragile"
    [ "$status" -eq 1 ]
    [[ $out == *"       2  crashed"*"       1  hung"* ]]
    split timeout -k 5 30 env --ignore-signal=CHLD "$tool" torture --verbose --range=1-1 -- grep SigIgn /proc/self/status
    [[ $out == *"SigIgn:"*1[0-9a-f][0-9a-f][0-9a-f][0-9a-f]$'\n'* ]] # bit 16
    no_state_left
}

@test "its own output is left out, and shown on demand" {
    need_tracking
    split "$tool" torture --range=1-1 -- sh -c 'echo said'
    [[ $out != said* ]]
    split "$tool" torture --verbose --range=1-1 -- sh -c 'echo said'
    [[ $out == said* ]]
}

@test "what cannot be tortured is one line and status 2" {
    need_tracking
    split "$tool" torture -- ./nonexistent
    [ "$status" -eq 2 ]
    one_line "$err"
    split "$tool" torture -- sh -c 'kill -SEGV $$'
    [ "$status" -eq 2 ]
    one_line "$err"
    [[ $err == *"it crashes without a failure too"* ]]
    for wrong in --range=0 --range=5-2 --range=x --timeout=0 --jobs=0 --format=xml; do
        split "$tool" torture $wrong -- true
        [ "$status" -eq 2 ]
        one_line "$err"
    done
    split "$tool" torture
    [ "$status" -eq 2 ]
    no_state_left
}

@test "stopped by a signal it leaves no process and no state behind" {
    need_tracking
    "$tool" torture --timeout=60 -- "$HT_BUILD/tests/failing/fragile" >out 2>err &
    pid=$!
    for try in $(seq 100); do
        pgrep -P $pid >/dev/null && [ "$(ls states | wc -l)" -ge 2 ] && break
        sleep 0.05
    done
    sleep 0.5 # it waits for the run that hangs
    children=$(pgrep -P $pid || true)
    kill -TERM $pid
    wait $pid || status=$?
    [ "$status" -ne 0 ]
    for child in $children; do
        fails kill -0 "$child"
    done
    no_state_left
}
