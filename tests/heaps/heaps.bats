#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Heaps besides the C library's: each with its own numbers and sites.

load ../tool/helpers

# record PROGRAM WHAT: its report is ./out
record() {
    local program=$HT_BUILD/tests/heaps/$1
    [ -x "$program" ] || skip "$program is not built"
    case $1 in
    *.preload) need_tracking; "$tool" run -q -o x.ht -- "$program" "$2" ;;
    *) HEAPTRACKER_OPTIONS=state_dir=$PWD/states:quiet=1 "$program" "$2"
        mv states/*.0.ht .
        cp "$(ls *.0.ht | head -n 1)" x.ht ;;
    esac
    "$tool" report --format=json x.ht >out
}

each() {
    record "$1" each
    json out '.heaps | length' 2
    json out '.heaps[1] | [.name, .allocs, .frees, .reallocs, .failed_allocs, .foreign_frees, .lost_blocks]' \
        '["pool",5,3,1,2,2,0]'
    json out '.heaps[1] | [.peak_bytes, .peak_blocks, .live_bytes, .live_blocks, .bytes_allocated]' '[700,3,650,2,960]'
    json out '.heaps[0] | [.allocs, .live_bytes]' "$(jq -c '.totals | [.allocs, .live_bytes]' out)"
    # No stack begins in the header's own function, which is inlined there.
    json out '[.sites[] | select(.heap == "pool") | .stack[0].function] | unique' '["each_record"]'
    # Sites add up to their own heap.
    json out '[.sites[] | select(.heap == "pool") | .peak_bytes] | add' 700
    json out '[.sites[] | select(.heap == "pool") | .live_bytes] | add' 650
    json out '([.sites[] | select(.heap == "C") | .peak_bytes] | add) == .totals.peak_bytes' true
    json out '[.failures.first[] | select(.heap == "pool") | [.cause, .bytes, .live_bytes]]' \
        '[["allocator",5000,700],["allocator",6000,700]]'
}

@test "each record changes its own heap and no total (preload)" {
    each heaps.preload
}

@test "each record changes its own heap and no total (linked)" {
    each heaps.shared
}

@test "each record changes its own heap and no total (linked, static musl)" {
    each heaps.musl-static
}

@test "names: the same one is the same heap, 15 there are" {
    record heaps.preload names
    json out '.heaps | length' 16
    json out '.heaps[1].name | length' 31
}

@test "threads that share a heap lose nothing" {
    record heaps.preload threads
    json out '.heaps[1] | [.name, .allocs, .live_bytes, .live_blocks, .lost_blocks]' '["shared",8000,0,0,0]'
    json out '.heaps[1] | .frees == .allocs and .peak_bytes <= 16 * 4 * 64 and .peak_bytes >= 16' true
}

@test "records beside known ones ask the system for no memory" {
    record heaps.shared without-memory
    json out '.heaps[1] | [.name, .allocs, .live_bytes, .lost_blocks]' '["pool",10,160,0]'
}

@test "a forked child goes on from what was live" {
    need_tracking
    program=$HT_BUILD/tests/heaps/heaps.preload
    "$tool" run -q -o x.ht -- "$program" child
    "$tool" report --format=json x.ht >out
    json out '.heaps[1] | [.allocs, .frees, .live_bytes]' '[2,0,300]'
    "$tool" report --format=json x.ht.* >out
    json out '.heaps[1] | [.allocs, .frees, .live_bytes, .peak_bytes]' '[3,1,207,300]'
    json out '[.sites[] | select(.heap == "pool") | .live_bytes] | add' 207
}

@test "allocators of other shapes: the stack begins at who called them" {
    need_tracking
    "$tool" run -q -o x.ht -- "$HT_BUILD/tests/heaps/shapes"
    "$tool" report --format=json x.ht >out
    json out '.heaps[1:] | map([.name, .allocs, .frees, .live_bytes, .failed_allocs])' \
        '[["kernel",2,1,300,0],["byte pool",2,1,100,1]]'
    json out '[.sites[] | select(.heap == "byte pool")] | map([.live_bytes, .stack[0].function]) | unique' \
        '[[0,"start_driver"],[100,"start_driver"]]'
    json out '[.sites[] | select(.heap == "kernel" and .live_bytes > 0)] | map(.stack[0].function)' '["open_socket"]'
    json out '.failures.first | map([.heap, .bytes, .stack[0].function])' '[["byte pool",5000,"start_driver"]]'
    "$tool" run -q --stacks=caller -o y.ht -- "$HT_BUILD/tests/heaps/shapes"
    "$tool" report --format=json y.ht >out
    json out '[.sites[] | select(.heap == "kernel" and .live_bytes > 0)] | map(.stack[0].function)' '["open_socket"]'
    "$tool" run -q --stacks=none -o z.ht -- "$HT_BUILD/tests/heaps/shapes"
    "$tool" report --format=json z.ht >out
    json out '.heaps[1:] | map(.live_bytes)' '[300,100]'
}

@test "the FreeRTOS-shaped example: its heap, who holds it, who was refused" {
    need_tracking
    example=$HT_BUILD/examples/freertos_heap/freertos_heap
    split "$tool" run -o x.ht -- "$example"
    [ "$status" -eq 0 ]
    [[ $out == "log dumped: no memory"* ]]
    [[ $err == *"1 allocation was given no block by the allocator of heap freertos"*"16.0 KiB asked,   6.5 KiB live  dump_log"* ]]
    [[ $err == *"Heap freertos"*"peak 6848 bytes (6.7 KiB) in 10 blocks, live 6624 in 8, 83 allocated, 1 failed"* ]]
    [[ $err == *"Live in heap freertos"*"create_task"*"read_sensor"* ]]
    "$tool" report x.ht >again # the small form says the same
    diff <(sed -n '/^Heap freertos/,$p' again) <(sed -n '/^Heap freertos/,/^kept/p' <<<"$err" | sed '/^kept/d' | sed '$d')
}

@test "the example with the tracker linked in says the same" {
    example=$HT_BUILD/examples/freertos_heap/freertos_heap_linked
    HEAPTRACKER_OPTIONS=state_dir=$PWD/states:quiet=1 "$example" >/dev/null
    "$tool" report --format=json states/*.ht >out
    json out '.heaps[1] | [.name, .allocs, .frees, .peak_bytes, .live_bytes, .failed_allocs]' '["freertos",83,75,6848,6624,1]'
    json out '[.sites[] | select(.heap == "freertos") | .stack[0].function] | unique' '["create_task","read_sensor","receive"]'
}

@test "without a tracker the wrappers do nothing" {
    run "$HT_BUILD/tests/heaps/shapes"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

two_heaps() { # BYTES FILE
    need_tracking
    "$tool" run -q -o "$2" -- "$HT_BUILD/tests/heaps/two_heaps" "$1"
}

@test "check judges the C library's heap, and with --heap another" {
    two_heaps 500000 x.ht
    echo 'leak:pool_take' >suppressions
    split "$tool" check --max-live=1000 --suppressions=suppressions x.ht
    [ "$status" -eq 1 ]
    [[ $out == *"max-live: 4.9 KiB (5000 bytes)"*leak* && $out != *pool_take* ]]
    split "$tool" check --max-peak=4999 x.ht
    [ "$status" -eq 1 ]
    [[ $out == *leak* && $out != *pool_take* ]]
    "$tool" check --max-peak=5000 --max-live=5000 --site=pool_take:live=0 x.ht

    "$tool" check --heap=C --max-peak=5000 x.ht
    "$tool" check --heap=pool --max-peak=500000 --max-allocs=1 --site=leak:live=0 x.ht
    split "$tool" check --heap=pool --max-peak=499999 --site=pool_take:live=0 x.ht
    [ "$status" -eq 1 ]
    [[ $out == *"over 2 of 2 limits"*pool_take* ]]
    "$tool" check --heap=pool --max-peak=500000 -- "$HT_BUILD/tests/heaps/two_heaps" 500000
    two_heaps 400000 y.ht
    split "$tool" check --heap=pool --baseline=y.ht --growth=99999 x.ht
    [ "$status" -eq 1 ]
    "$tool" check --heap=pool --baseline=y.ht --growth=100000 x.ht
    "$tool" check --baseline=y.ht x.ht
}

@test "check of what another heap has no number of is refused" {
    two_heaps 500000 x.ht
    for wrong in --heap=none --heap=pool\ --max-temporary=1 --heap=pool\ --max-invalid=1 --heap=pool\ --max-block=1 \
        --heap=pool\ --site=x:temporary=1; do
        split "$tool" check $wrong --max-peak=1G x.ht
        [ "$status" -eq 2 ]
        one_line "$err"
        [[ $err == *heap* ]]
    done
}

@test "diff compares the C library's heap, and with --heap another" {
    two_heaps 500000 x.ht
    two_heaps 400000 y.ht
    "$tool" diff --format=json x.ht y.ht >out
    json out '[.sites[] | select(.old != .new)]' '[]'
    json out '[.sites[].stack[0].function]' '["leak"]'
    "$tool" diff --heap=pool --format=json x.ht y.ht >out
    json out '[.sites[] | [.old.peak_bytes, .new.peak_bytes, .stack[0].function]]' '[[500000,400000,"pool_take"]]'
    json out '[.old.totals.peak_bytes, .new.totals.peak_bytes]' '[500000,400000]'
    split "$tool" diff --heap=none x.ht y.ht
    [ "$status" -eq 2 ]
    [[ $err == *"x.ht: no heap is called 'none'; there are: C, pool"* ]]
}

# one_number FORMAT HEAP: what the format's sites add up to
one_number() {
    "$tool" report --format="$1" ${2:+--heap=$2} x.ht >"exported.$1"
    case $1 in
    collapsed) awk '{ sum += $NF } END { print sum }' exported.collapsed ;;
    csv) awk -F, 'NR > 1 { sum += $2 } END { print sum }' exported.csv ;;
    massif) sed -n '/heap_tree=peak/,/^#/s/^ n[0-9]*: \([0-9]*\) .*/\1/p' exported.massif | awk '{ sum += $1 } END { print sum }' ;;
    esac
}

@test "exports that know no heaps are of the C library's, and with --heap of another" {
    two_heaps 500000 x.ht
    for format in collapsed csv massif; do
        [ "$(one_number $format)" = 5000 ]
        [ "$(one_number $format C)" = 5000 ]
        [ "$(one_number $format pool)" = 500000 ]
    done
    grep -q '^mem_heap_B=500000$' exported.massif
    grep -q '^desc: heap: pool$' exported.massif
    for format in pprof heaptrack; do
        "$tool" report --format=$format -o "c.$format" x.ht
        "$tool" report --format=$format --heap=pool -o "pool.$format" x.ht
    done
    gzip -dc c.pprof >c.proto
    gzip -dc pool.pprof >pool.proto
    grep -q leak c.proto
    fails grep -q pool_take c.proto
    grep -q pool_take pool.proto
    grep -q 'heap: pool' pool.proto
    grep -qx '# heap: pool' pool.heaptrack
    fails grep -q leak pool.proto
    grep -qx 's leak' c.heaptrack
    fails grep -q pool_take c.heaptrack
    grep -qx 's pool_take' pool.heaptrack
    grep -qx "a $(printf %x 500000) .*" pool.heaptrack
    fails grep -q '^s 0x' pool.heaptrack # the mark of a heap is no frame
}

@test "a page is of the C library's heap, and with --heap of another" {
    two_heaps 500000 x.ht
    "$tool" report --format=html -o x.html x.ht || skip "there is no html format"
    "$tool" report --format=html --heap=pool -o pool.html x.ht
    grep -q '"leak"' x.html
    fails grep -q '"pool_take"' x.html
    grep -q '"pool_take"' pool.html
    fails grep -q '"leak"' pool.html
    grep -q '"heaps":\[{"name":"pool"' pool.html
}

@test "--heap is for formats of one heap, and names what there is" {
    two_heaps 500000 x.ht
    for format in text json; do
        split "$tool" report --heap=pool --format=$format x.ht
        [ "$status" -eq 2 ]
        one_line "$err"
    done
    split "$tool" report --heap=none --format=csv x.ht
    [ "$status" -eq 2 ]
    [[ $err == *"x.ht: no heap is called 'none'; there are: C, pool"* ]]
}
