#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Two files copied into a project of one's own, as the original's users did: no
# library, no other header, the original's link line.

five='-Wl,--wrap=malloc -Wl,--wrap=realloc -Wl,--wrap=calloc -Wl,--wrap=alloc_aligned -Wl,--wrap=free'

setup() {
    cp "$HT_BUILD/amalgamation/heap_tracker_lib.h" "$HT_BUILD/amalgamation/heap_tracker_lib.c" "$BATS_TEST_TMPDIR"
    cp "$HT_SOURCE/tests/face/face_five.c" "$BATS_TEST_TMPDIR"
    cp -r "$HT_SOURCE/examples/azure_sphere" "$BATS_TEST_TMPDIR/sample"
    cd "$BATS_TEST_TMPDIR"
    unset HEAPTRACKER_OPTIONS
}

# Builds and runs the sample with compiler $1; the log in file $2.
drop_in_sample() {
    # shellcheck disable=SC2086 # five words
    $1 -D_GNU_SOURCE -Wall -Wextra -Werror -I. -Isample -o sample.out sample/main.c sample/applibs/log.c \
        heap_tracker_lib.c -pthread $five
    ./sample.out malloc 2>&1 | sed -E 's/0x[1-9a-f][0-9a-f]*/PTR/g' >"$2"
    [ "$(grep -c 'malloc(.*SUCCESS: heap_allocated' "$2")" -eq 250 ]
    grep -Fx 'Heap-Tracker lib: malloc(257024)=PTR... WARNING: heap_allocated (257024 bytes) is above heap_threshold (256000 bytes)' "$2"
    [ "$(tail -n 1 "$2")" = 'consumeHeap_malloc --> Currently available heap up to given heap_threshold: 251Kb (257024 bytes)' ]
}

@test "header and source alone make the sample with the right numbers" {
    drop_in_sample "${CC:-cc} -std=c11" log
}

@test "header and source alone make the sample with musl" {
    command -v musl-gcc >/dev/null || skip "musl-gcc is missing (apt-get install musl-tools)"
    drop_in_sample "musl-gcc -std=c11" log
}

@test "the drop-in's log is the library's" {
    [ -x "$HT_BUILD/examples/azure_sphere/azure_sphere_five" ] || skip "azure_sphere_five was not built"
    drop_in_sample "${CC:-cc} -std=c11" log
    "$HT_BUILD/examples/azure_sphere/azure_sphere_five" malloc 2>&1 | sed -E 's/0x[1-9a-f][0-9a-f]*/PTR/g' >library
    diff library log >differences || { head -n 12 differences; return 1; }
}

@test "header and source alone count the five functions" {
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -DDEBUG_LOGS_ON=0 -fno-builtin -I. -o five.out face_five.c heap_tracker_lib.c -pthread $five
    run ./five.out
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = fine ]
}
