#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The tracked program's blocks lie where they would lie without the tracker, and
# their usable sizes are the same. A heap that grows takes one page fault more for each page of
# the map, which has 4 bytes for 16 of the heap.

# same_blocks PROGRAM LIBRARY FIELDS: PROGRAM prints "call place usable-size" lines
same_blocks() {
    [ -x "$1" ] || skip "$1 is not built"
    [ -e "$2" ] || skip "$2 is not built"
    setarch -R true 2>/dev/null || skip "setarch -R is not allowed here"
    cd "$BATS_TEST_TMPDIR"
    setarch -R "$1" >bare
    setarch -R env HEAPTRACKER_OPTIONS="quiet=1:state_dir=$PWD" LD_PRELOAD="$2" "$1" >tracked
    [ "$(wc -l <bare)" -eq 20000 ]
    diff <(cut -d' ' -f"$3" bare) <(cut -d' ' -f"$3" tracked) >difference || {
        head -20 difference
        return 1
    }
}

@test "blocks lie where they lay, and have the same usable sizes (glibc)" {
    same_blocks "$HT_BUILD/tests/engine/addresses" "$HT_BUILD/lib/libheaptracker-preload.so" 1-3
}

# musl gives the unused ends of every loaded library's pages to malloc, so any
# library more moves blocks: the sizes only.
@test "blocks have the same usable sizes (musl)" {
    same_blocks "$HT_BUILD/tests/engine/addresses.musl-preload" "$HT_BUILD/lib/libheaptracker-preload-musl.so" 1,3
}

@test "a heap that grows takes one page fault for each page of the map, not two" {
    [ "$(printf '%s\n' 5.14 "$(uname -r)" | sort -V | head -1)" = 5.14 ] || skip "MADV_POPULATE_WRITE is of Linux 5.14"
    [ "$(getconf PAGESIZE)" -eq 4096 ] || skip "pages are larger than a part of the map"
    cd "$BATS_TEST_TMPDIR"
    for stacks in none full; do
        read -r bytes bare < <("$HT_BUILD/tests/engine/heap_grows")
        read -r same tracked < <(HEAPTRACKER_OPTIONS="quiet=1:stacks=$stacks:state_dir=$PWD" \
            LD_PRELOAD="$HT_BUILD/lib/libheaptracker-preload.so" "$HT_BUILD/tests/engine/heap_grows")
        echo "$stacks: $bytes bytes, $bare faults; $same bytes, $tracked faults"
        [ "$bytes" -gt 30000000 ]
        [ "$same" -eq "$bytes" ]
        map=$((bytes / 4 / 4096))
        [ $((tracked - bare)) -ge $((map * 9 / 10)) ]
        [ $((tracked - bare)) -le $((map * 11 / 10 + 100)) ]
    done
}

# Its tables begin small: with stacks a thread took 37 faults when they were whole.
@test "a thread that allocates in a few places takes at most 20 page faults more" {
    [ "$(getconf PAGESIZE)" -eq 4096 ] || skip "pages are of another size"
    cd "$BATS_TEST_TMPDIR"
    bare=$("$HT_BUILD/tests/engine/idle_threads")
    for stacks in none full; do
        tracked=$(HEAPTRACKER_OPTIONS="quiet=1:stacks=$stacks:state_dir=$PWD" \
            LD_PRELOAD="$HT_BUILD/lib/libheaptracker-preload.so" "$HT_BUILD/tests/engine/idle_threads")
        echo "$stacks: $bare faults a thread, $tracked tracked"
        [ "$tracked" -gt "$bare" ]
        [ $((tracked - bare)) -le 20 ]
    done
}

# What it inherits is counted anew, by a look into the map: only where blocks can be.
@test "a fork's child looks for what is live where blocks are, not through all addresses" {
    cd "$BATS_TEST_TMPDIR"
    for stacks in none full; do
        HEAPTRACKER_OPTIONS="quiet=1:stacks=$stacks:state_dir=$PWD" \
            LD_PRELOAD="$HT_BUILD/lib/libheaptracker-preload.so" "$HT_BUILD/tests/engine/heap_grows" fork >faults
        echo "$stacks: $(<faults) faults"
        [ "$(<faults)" -gt 0 ]
        [ "$(<faults)" -lt 1500 ]
    done
}
