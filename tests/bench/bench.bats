#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

setup() {
    [ -x "$HT_BUILD/bench/bench_runner" ] || skip "the bench was not built"
    export OUT=$BATS_TEST_TMPDIR/out
    unset WORKLOADS CONFIGURATIONS QUICK HEAPTRACKER_OPTIONS
}

# The shortest bench that there is, of build $1.
bench() {
    run env BUILD="$1" ROUNDS=1 SCALE=1 "$HT_SOURCE/bench/run.sh"
    echo "$output"
}

has_row() { # WORKLOAD CONFIGURATION
    grep -qF "{\"workload\":\"$1\",\"configuration\":\"$2\",\"rounds\":1," "$OUT/results.json"
}

# A plain "! command" fails no test.
has_no_row() {
    if has_row "$@"; then return 1; fi
}

@test "every workload is measured bare, behind the floor, preloaded and linked in" {
    [ -e "$HT_BUILD/lib/libheaptracker-preload.so" ] || skip "the preload library was not built"
    export CONFIGURATIONS="forward count wrap"
    bench "$HT_BUILD"
    [ "$status" -eq 0 ]
    for workload in tight live_1600 live_100000 threads_2 mixed; do
        for configuration in bare forward count wrap; do
            has_row $workload $configuration
        done
    done
    for program in sqlite3 perl python3 jq; do
        if command -v $program >/dev/null; then
            has_row $program bare
            has_row $program count
        else
            grep -qF "{\"name\":\"$program\",\"reason\":\"$program is missing" "$OUT/results.json"
        fi
    done
    ! command -v jq >/dev/null || jq -e '.results | length >= 20' "$OUT/results.json"
}

@test "a run that nothing tracked is an error and gives no figure" {
    # A build whose preload library tracks nothing.
    fake=$BATS_TEST_TMPDIR/build
    mkdir -p "$fake/lib" "$fake/bench"
    cp "$HT_BUILD"/bench/bench_* "$fake/bench"
    cp "$HT_BUILD/bench/bench_forward.so" "$fake/lib/libheaptracker-preload.so"
    # And a program that should have the tracker in it, and has not.
    printf '#!/bin/sh\nexit 3\n' >"$fake/bench/bench_workloads_wrap"
    export WORKLOADS=tight
    CONFIGURATIONS=count bench "$fake"
    [ "$status" -eq 1 ]
    [[ $output == *"tight, count: was not tracked"* ]]
    has_no_row tight count
    CONFIGURATIONS=wrap bench "$fake"
    [ "$status" -eq 1 ]
    [[ $output == *"tight, wrap: status 3"* ]]
    has_no_row tight wrap
}

@test "what is missing is skipped by name" {
    fake=$BATS_TEST_TMPDIR/build
    mkdir -p "$fake/bench"
    cp "$HT_BUILD/bench/bench_runner" "$HT_BUILD/bench/bench_workloads" "$fake/bench"
    export WORKLOADS=tight CONFIGURATIONS="count wrap"
    bench "$fake"
    [ "$status" -eq 0 ]
    grep -qF '{"name":"count","reason":"the preload library was not built"}' "$OUT/results.json"
    grep -qF '{"name":"wrap","reason":"it was not built"}' "$OUT/results.json"
    has_row tight bare
}

@test "the runner tells exit status, signal and a command that is not there" {
    runner=$HT_BUILD/bench/bench_runner
    run "$runner" -- sh -c 'exit 7'
    [ "$status" -eq 0 ]
    [[ $output =~ ^[0-9]+\ [0-9]+\ [0-9]+\ 7$ ]]
    run "$runner" -- sh -c 'kill -9 $$'
    [[ $output =~ ^[0-9]+\ [0-9]+\ [0-9]+\ 137$ ]]
    run "$runner" -- /nowhere/at/all
    [[ $output == *"/nowhere/at/all: No such file"* ]]
    [[ ${lines[-1]} =~ \ 125$ ]]
    run "$runner"
    [ "$status" -eq 125 ]
}

@test "the summary takes the median of each round's own ratio" {
    mkdir -p "$OUT"
    printf 'rounds\t3\nscale\t100\nworkloads\tw\nconfigurations\tbare slow\ncalls w\t1000\n' >"$OUT/facts"
    # The machine is three times slower in round 2: the ratios 2, 4 and 2.1 do not mind.
    printf 'w\t%s\t%s\t%s\t%s\t%s\t0\n' bare 1 1000 100 10 slow 1 2000 200 20 bare 2 3000 300 10 slow 2 12000 1200 20 \
        bare 3 1000 100 10 slow 3 2100 210 20 >"$OUT/samples.tsv"
    run awk -v json="$OUT/results.json" -f "$HT_SOURCE/bench/summary.awk" "$OUT/facts" "$OUT/samples.tsv"
    echo "$output"
    [ "$status" -eq 0 ]
    grep -qF '"configuration":"slow","rounds":3,"calls":1000,' "$OUT/results.json"
    grep -F '"configuration":"slow"' "$OUT/results.json" | grep -qF '"cpu_ratio":2.1000,"wall_ratio":2.1000,"peak_rss_kib":20'
    [[ $output == *"w                   0.1 ns        2.10"* ]]
}
