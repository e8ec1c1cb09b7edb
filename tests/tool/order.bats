#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The order of equal sites: two runs of one program are shown alike, wherever the loader put
# its files.

load helpers

# Runs that are to differ in addresses must be able to.
need_other_addresses() {
    need_tracking
    [ "$(cat /proc/sys/kernel/randomize_va_space)" = 2 ] || skip "addresses are the same in every run here"
}

# What a format may say of the run itself: addresses, times, the process. The CSV, the collapsed
# stacks and the sites of the JSON but for addresses say nothing of it. How many points of time
# there are is left to no machine: --interval.
without_run() {
    sed -E -e 's/0x[0-9A-Fa-f]+/ADDRESS/g' -e 's/^(i|I|c|R) [0-9a-f]+/\1/' -e 's/^time=[0-9]+/time/' \
        -e '/^  (over time|peak was) /d' -e 's/pid [0-9]+/PID/' -e 's/after [0-9.]+ s/TIME/' -e 's/^(old|new)( *) [^:]*:/\1\2/'
}

sites_in_order() {
    jq -c '.sites[] | .stack |= map(del(.address))' "$1"
}

# show_all FILE: all that is said of it, without the run
show_all() {
    for format in text csv collapsed massif heaptrack; do
        "$tool" report --format=$format "$1" | without_run >"$1.$format"
    done
    for value in live total allocs temporary; do
        "$tool" report --format=collapsed --value=$value "$1" >"$1.$value"
    done
    "$tool" report --format=json -o json "$1"
    sites_in_order json >"$1.sites"
}

@test "equal sites have the same order in every run, in every format" {
    need_other_addresses
    need jq
    "$tool" run -q --interval=3600000 -o first.ht -- "$HT_BUILD/tests/tool/ties"
    show_all first.ht
    [ "$(wc -l <first.ht.sites)" -ge 30 ]
    for _ in 1 2 3; do
        "$tool" run -q --interval=3600000 -o again.ht -- "$HT_BUILD/tests/tool/ties"
        show_all again.ht
        for form in text csv collapsed massif heaptrack live total allocs temporary sites; do
            diff first.ht.$form again.ht.$form
        done
    done
}

@test "equal sites are listed in the order of their code in the program" {
    need_tracking
    need jq
    "$tool" run -q --interval=3600000 -o x.ht -- "$HT_BUILD/tests/tool/ties"
    "$tool" report --format=json -o json x.ht
    jq -r '.sites[] | select(.live_bytes == 100) | .stack[0].offset' json >places # of as many digits
    [ "$(wc -l <places)" -eq 10 ]
    sort -c places
}

@test "run's report, and that of the file that it leaves, have the same order" {
    need_tracking
    need jq
    "$tool" run --format=json --interval=3600000 -o x.ht -- "$HT_BUILD/tests/tool/ties" 2>at_end
    "$tool" report --format=json -o later x.ht
    sites_in_order at_end >at_end.sites
    sites_in_order later >later.sites
    [ "$(wc -l <later.sites)" -ge 30 ]
    diff at_end.sites later.sites >/dev/null
}

@test "diff shows equal changes in the same order, whichever runs are compared" {
    need_other_addresses
    for run in 1 2 3; do
        "$tool" run -q --interval=3600000 -o once.$run -- "$HT_BUILD/tests/tool/ties"
        "$tool" run -q --interval=3600000 -o twice.$run -- "$HT_BUILD/tests/tool/ties" twice
        "$tool" diff --top=100 once.$run twice.$run | without_run >diff.$run
        "$tool" diff --format=json once.$run twice.$run | jq -c '.sites[] | .stack |= map(del(.address))' >json.$run
        diff diff.1 diff.$run
        diff json.1 json.$run
    done
    [ "$(grep -c hold_ diff.1)" -ge 20 ]
}

@test "pprof has the same samples in the same order" {
    need_other_addresses
    need go golang-go
    for run in 1 2 3; do
        "$tool" run -q --interval=3600000 -o $run.ht -- "$HT_BUILD/tests/tool/ties"
        "$tool" report --format=pprof -o $run.pprof $run.ht
        HOME=$PWD PPROF_TMPDIR=$PWD go tool pprof -symbolize=none -raw $run.pprof 2>/dev/null |
            sed -E -e '/^(Time|Duration)/d' -e 's/0x[0-9a-f]+/ADDRESS/g' -e '/^Mappings/,$d' >$run.raw
        diff 1.raw $run.raw
    done
    grep -q hold_a 1.raw
}
