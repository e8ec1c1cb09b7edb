#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# heaptracker run: its options, what it shows and what it returns; the numbers must be exact.

load helpers

@test "the totals of a known program are exact" {
    need_tracking
    "$tool" run -q -o x.ht -- "$workload"
    "$tool" report --format=json x.ht >out
    known_totals out
    json out '[.ended, .status, .totals.threads, .calls_in_progress, .children]' '["exit",0,1,0,[]]'
    json out '.lost | add' 0
    json out '.program == $ENV.HT_BUILD + "/tests/tool/workload"' true
    json out '.command == [.program]' true
    json out '.seconds > 0' true
}

@test "the summary is on stderr, the program's stdout is its own" {
    need_tracking
    split "$tool" run -- "$workload" say
    [ "$status" -eq 0 ]
    [ "$out" = "on stdout" ]
    grep -Eq '^ +allocated +13 +1714 ' <<<"$err"
    grep -Eq '^ +live at exit +4 +800 ' <<<"$err"
    no_state_left
}

@test "quiet says nothing, and keeps the file all the same" {
    need_tracking
    split "$tool" run --quiet -- "$workload"
    [ -z "$out$err" ]
    "$tool" report --format=json heaptracker.workload.*.ht >out
    known_totals out
}

@test "the log has a line for each call, in the original library's form" {
    need_tracking
    echo old >calls
    split "$tool" run -q -o x.ht --threshold=512 --log=calls -- "$workload" say
    [ "$out" = "on stdout" ]
    ! grep -v 'are above the threshold (512)' <<<"$err" || false
    "$tool" report --format=json x.ht >json
    # A realloc is one line, and one alloc and one free.
    [ "$(grep -Ec '^Heap-Tracker lib: [a-z_]+\(.*heap_allocated' calls)" -eq "$(wc -l <calls)" ]
    [ "$(grep -v FAILED calls | grep -Ec ' (malloc|calloc|realloc)\(')" -eq "$(jq .totals.allocs json)" ]
    [ "$(grep -c FAILED calls)" -eq "$(jq .totals.failed_allocs json)" ]
    grep -q 'is above heap_threshold (512 bytes)' calls
    [ "$(tail -1 calls | grep -o 'heap_allocated ([0-9]*')" = "heap_allocated ($(jq .totals.live_bytes json)" ]
    split "$tool" run -q -o x.ht --log -- "$workload" say
    [ "$out" = "on stdout" ]
    [ "$(wc -l <<<"$err")" -eq "$(wc -l <calls)" ]
}

@test "resident memory is sampled from outside" {
    need_tracking
    # The tracker makes a point where live bytes have moved, the tool where time has passed.
    "$tool" run -q -o x.ht --interval=1 -- perl -e 'for (1 .. 40) { $x .= "a" x 300000; select(undef, undef, undef, 0.005) }'
    "$tool" report --format=json x.ht >out
    json out '.timeline | length > 5' true
    json out '[.timeline[].rss_bytes] | max > 100000' true
}

@test "the timeline of a program that grows slowly is filled in from outside, in order" {
    need_tracking
    split "$tool" run -o x.ht --interval=20 -- sh -c '"$0" slowly; sleep 0.2' "$workload"
    "$tool" report --format=json x.ht >tree
    json tree '.timeline | length > 5' true
    # A child, whose file was made small while the first process went on.
    "$tool" report --format=json "$(jq -r '.children[] | select(.program | test("workload")) | .file' tree)" >out
    json out '.timeline | length > 5' true
    json out '[.timeline[].ms] == ([.timeline[].ms] | sort)' true
    json out '[.timeline[].live_bytes] == ([.timeline[].live_bytes] | sort)' true
    json out '[.timeline[] | select(.live_bytes % 1000 == 800 and .rss_bytes > 0)] | length > 5' true
    json out '[.timeline[].ms] as $t | all(range(1; $t | length); $t[.] - $t[. - 1] >= 10)' true
    split "$tool" run -o y.ht --interval=20 -- "$workload" slowly
    grep -q '^  over time ' <<<"$err"
}

@test "json is one line on stderr" {
    need_tracking
    split "$tool" run --format=json "$workload" exit 4
    [ "$status" -eq 4 ]
    [ -z "$out" ]
    [ "$(wc -l <<<"$err")" -eq 1 ]
    printf '%s\n' "$err" >out
    known_totals out
    json out '[.ended, .status]' '["exit",4]'
}

@test "the exit status is the program's own" {
    for wanted in 0 3 125 255; do
        split "$tool" run -q -- sh -c "exit $wanted"
        [ "$status" -eq "$wanted" ]
    done
    split "$tool" run -q -- sh -c 'kill -TERM $$'
    [ "$status" -eq 143 ]
    no_state_left
}

@test "an option whose file has no name is named itself" {
    for command in "run --output=" "run --state-dir=" "check --output=" "check --max-live=0 --baseline=" "report --output=" "report --exe=" "report --memory=" "torture --state-dir="; do
        # shellcheck disable=SC2086 # words are wanted
        split "$tool" $command true
        [ "$status" -eq 2 ] || [ "$status" -eq 125 ]
        one_line "$err"
        [[ $err =~ ": option '--"(output|state-dir|baseline|exe|memory)"' needs a value: "(FILE|OUT|DIR|PROGRAM|IMAGE\[@ADDRESS\])" (see " ]]
    done
}

@test "a file or a program without a name is shown in quotes, and what to do beside it" {
    for command in "report" "diff x.ht" "check --max-live=0" "run --" "check --max-live=0 --" "torture --"; do
        "$make_state" x.ht
        # shellcheck disable=SC2086 # words are wanted
        split "$tool" $command ''
        [ "$status" -eq 2 ] || [ "$status" -eq 125 ] || [ "$status" -eq 127 ]
        one_line "$err"
        [[ $err == "heaptracker: '': "*"; give "* ]]
    done
}

@test "a command that is not there is 127, one that cannot be executed 126" {
    touch plain
    split "$tool" run -- no-such-command-here
    [ "$status" -eq 127 ]
    one_line "$err"
    split "$tool" run -- ./missing
    [ "$status" -eq 127 ]
    one_line "$err"
    split "$tool" run -- ./plain
    [ "$status" -eq 126 ]
    one_line "$err"
    split "$tool" run -- .
    [ "$status" -eq 126 ]
    one_line "$err"
    no_state_left
}

@test "a failure of the tool itself is 125, before the program runs" {
    for options in "--frob" "-o missing/x.ht" "-o ." "--state-dir=missing" "--threshold=12Q" "--threshold=" "--threshold=9223372036854775808" "--stacks=deep" "--depth=0" "--depth=129" "--depth=x" "--interval=0" "--top=x" "--format=yaml"; do
        split "$tool" run $options -- touch ran
        [ "$status" -eq 125 ]
        [ -z "$out" ]
        one_line "$err"
        [ ! -e ran ]
    done
    split "$tool" run
    [ "$status" -eq 125 ]
    one_line "$err"
    split "$tool" run --state-dir=missing -- true
    [[ $err == *"missing: No such file or directory"*"--state-dir"* ]]
    long=$(printf 'x%.0s' {1..200})
    mkdir -p "$long/$long"
    split "$tool" run --state-dir="$long/$long" -- touch ran
    [ "$status" -eq 125 ]
    [[ $err == *"File name too long"* ]]
    [ ! -e ran ]
    no_state_left
}

@test "options after the command are the command's" {
    split "$tool" run -q sh -c 'echo "$1"' sh --help
    [ "$out" = "--help" ]
}

@test "what the user has in LD_PRELOAD and HEAPTRACKER_OPTIONS stays" {
    need_tracking
    mkdir own
    split env LD_PRELOAD=/nonexistent/allocator.so HEAPTRACKER_OPTIONS='threshold=1K:state_dir=own' \
        "$tool" run -q -- sh -c 'echo "$LD_PRELOAD"; echo "$HEAPTRACKER_OPTIONS"'
    [[ ${out%%$'\n'*} == *"/libheaptracker-preload.so:/nonexistent/allocator.so" ]]
    [[ ${out#*$'\n'} == "threshold=1K:state_dir=own:state_dir=$PWD/states/heaptracker-run."*":stacks=full" ]]
    split "$tool" run -q --stacks=caller --depth=7 --interval=20 -- sh -c 'echo "$HEAPTRACKER_OPTIONS"'
    [[ $out == *":stacks=caller:depth=7:interval=20" ]]
    [ -z "$(ls own)" ]
}
