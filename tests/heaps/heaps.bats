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
