#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# run --sizes, on known_sizes.c, whose sizes are known, in every way of binding. For real
# programs tests/valgrind has memcheck's word.

load helpers

# [[log2, blocks], ...] of `times` calls of known_sizes()
expected() {
    jq -cn --argjson times "$1" '[[-1, 7], (range(21) | [., 2 * (. + 1) + if . == 3 or . == 11 then 1 else 0 end])]
        | map([.[0], .[1] * $times])'
}

# Of all sites of known_sizes(); get() is its alone, and all that is known of musl's stacks.
counted() {
    jq -c '[.sites[] | select(any(.stack[]; .function == "known_sizes" or .function == "get")) | .sizes[]]
        | group_by(.[0]) | map([.[0][0], (map(.[1]) | add)])' "$1"
}

# known FILE TIMES: the file has what known_sizes() does, and sums agree
known() {
    "$tool" report --format=json "$1" >report.json
    [ "$(counted report.json)" = "$(expected "$2")" ] || {
        counted report.json
        return 1
    }
    json report.json '[.sites[] | select(.stack[0].function != "(freed before the fork)" and (.sizes // [] | map(.[1]) | add // 0) != .allocs)] | length' 0
    json report.json '[.sites[].sizes[]?] | group_by(.[0]) | map([.[0][0], (map(.[1]) | add)])' "$(jq -c .sizes report.json)"
    json report.json '[.sites[].largest_bytes // 0] | max == 2097151' true
    json report.json '.totals.largest_bytes' 2097151
    json report.json '.lost.sizes' 0
}

@test "each site's sizes are exact with threads, and in a fork's child" {
    need_tracking
    need jq
    "$tool" run --quiet --sizes -o x.ht "$HT_BUILD/tests/tool/known_sizes"
    known x.ht 5
    json report.json '([.sizes[][1]] | add) == .totals.allocs' true
    known x.ht.* 1
}

@test "a linked program counts its sizes when the options ask for it" {
    need jq
    for how in wrap static-wrap musl-static; do
        program=$HT_BUILD/tests/tool/known_sizes-$how
        [ -x "$program" ] || continue
        mkdir "$how"
        HEAPTRACKER_OPTIONS=state_dir=$PWD/$how:sizes=1:quiet=1 "$program" &
        pid=$!
        wait $pid
        [ "$(ls "$how" | wc -l)" -eq 2 ]
        known "$how/$pid.0.ht" 5
        rm "$how/$pid.0.ht"
        known "$how"/*.0.ht 1
    done
}

@test "a musl program's sizes are exact" {
    need jq
    [ -x "$HT_BUILD/tests/tool/known_sizes-musl" ] || skip "musl-gcc is missing (apt-get install musl-tools)"
    "$tool" run --quiet --sizes -o x.ht "$HT_BUILD/tests/tool/known_sizes-musl"
    known x.ht 5
}

@test "without --sizes nothing is said of sizes, but the largest is known" {
    need_tracking
    need jq
    "$tool" run --quiet -o x.ht "$HT_BUILD/tests/tool/known_sizes"
    "$tool" report --format=json x.ht >x.json
    json x.json 'has("sizes") or any(.sites[]; has("sizes"))' false
    json x.json .totals.largest_bytes 2097151
    "$tool" report x.ht >text
    grep -Eq '^  largest +2097151   2\.0 MiB in one block$' text
    fails grep -q '^  sizes' text
}

@test "the text shows one line of bars" {
    need_tracking
    LC_ALL=C "$tool" run --sizes -o x.ht "$HT_BUILD/tests/tool/known_sizes" 2>text
    grep -Eq '^  sizes +[-.:=+*#@]{22}  0 B to 2\.0 MiB; half below 32\.0 KiB$' text
    fails grep -Eq '^.{101}' text
}

@test "without stacks the sizes of all are known" {
    need_tracking
    need jq
    "$tool" run --quiet --sizes --stacks=none -o x.ht "$HT_BUILD/tests/tool/known_sizes"
    "$tool" report --format=json x.ht >x.json
    json x.json '([.sizes[][1]] | add) == .totals.allocs' true
    json x.json '[(.sites | length), .lost.sizes]' '[1,0]' # one stands for all
    json x.json '.sites[0].allocs == .totals.allocs' true
}

# The file's size is limited to where the table of sizes is full before that of sites.
@test "where tables are full, the sizes of all stay exact and the rest is counted as lost" {
    need_tracking
    need jq
    need prlimit util-linux
    "$tool" run --quiet --sizes -o x.ht prlimit --fsize=8000000 "$HT_BUILD/tests/html/many_sites" 100000 >/dev/null
    "$tool" report --format=json x.ht >x.json
    json x.json '([.sizes[][1]] | add) == .totals.allocs' true
    json x.json '.lost.sizes > 0' true
    json x.json '([.sites[].sizes[]?[1]] | add) <= .totals.allocs' true
    "$tool" report x.ht | grep -q '^  lost sizes'
}
