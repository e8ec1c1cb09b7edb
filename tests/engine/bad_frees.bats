#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Frees of blocks that no hook saw, and frees of what was freed already: reported
# once for each calling address, and counted.

bats_require_minimum_version 1.5.0

setup() {
    export HEAPTRACKER_OPTIONS=state_dir=$BATS_TEST_TMPDIR
    # Without its thread caches glibc does not see the double free of two small blocks.
    export GLIBC_TUNABLES=glibc.malloc.tcache_count=0
}

# bad_frees BINDING WHAT: what the program wrote to stderr is in $output
bad_frees() {
    local program=$HT_BUILD/tests/engine/bad_frees.$1 preload=
    case $1 in
    preload) preload=$HT_BUILD/lib/libheaptracker-preload.so ;;
    musl-preload) preload=$HT_BUILD/lib/libheaptracker-preload-musl.so ;;
    esac
    [ -x "$program" ] || skip "$program is not built"
    [ -z "$preload" ] || [ -e "$preload" ] || skip "$preload is not built"
    run env LD_PRELOAD="$preload" "$program" "$2"
    echo "$output"
}

# Lines of the tracker about frees that are "foreign" or "invalid"
reports() {
    local words
    case $1 in
    foreign) words='no hook saw' ;;
    invalid) words='freed already' ;;
    esac
    grep -c "^heaptracker: .*$words" <<<"$output" || true
}

# The first line that has $1 stands before the first that has $2.
in_order() {
    [ "$(grep -n "$1" <<<"$output" | head -1 | cut -d: -f1)" -lt "$(grep -n "$2" <<<"$output" | head -1 | cut -d: -f1)" ]
}

foreign_is_reported_once_per_place() {
    bad_frees "$1" foreign
    [ "$status" -eq 77 ] && skip "$output"
    [ "$status" -eq 0 ]
    [ "$(reports foreign)" -eq 2 ]
    [ "$(reports invalid)" -eq 0 ]
    grep -q '^foreign_frees=4$' <<<"$output"
}

@test "a foreign free is reported once for each calling address (preload)" {
    foreign_is_reported_once_per_place preload
}

@test "a foreign free is reported once for each calling address (shared)" {
    foreign_is_reported_once_per_place shared
}

@test "a foreign free is reported once for each calling address (static)" {
    foreign_is_reported_once_per_place static
}

@test "a foreign free is reported once for each calling address (musl-preload)" {
    foreign_is_reported_once_per_place musl-preload
}

@test "a double free is reported as invalid once for its calling address (preload)" {
    bad_frees preload double
    [ "$status" -eq 0 ]
    [ "$(reports invalid)" -eq 1 ]
    [ "$(reports foreign)" -eq 0 ]
    grep -q '^invalid_frees=2 foreign_frees=0 ' <<<"$output"
}

@test "a double free is reported as invalid once for its calling address (static)" {
    bad_frees static double
    [ "$status" -eq 0 ]
    [ "$(reports invalid)" -eq 1 ]
    [ "$(reports foreign)" -eq 0 ]
    grep -q '^invalid_frees=2 foreign_frees=0 ' <<<"$output"
}

# The shared libc may have given the address to itself, unseen.
@test "a double free counts as foreign where the libc's own calls are not seen" {
    bad_frees shared double
    [ "$status" -eq 0 ]
    [ "$(reports foreign)" -eq 1 ]
    [ "$(reports invalid)" -eq 0 ]
    grep -q '^invalid_frees=0 foreign_frees=2 ' <<<"$output"
}

reported_before_the_libc_aborts() {
    unset GLIBC_TUNABLES
    bad_frees "$1" abort
    [ "$status" -eq 134 ]
    [ "$(reports invalid)" -eq 1 ]
    in_order '^heaptracker: .*freed already' '^free(): double free'
    grep -q '^at abort: invalid_frees=1 foreign_frees=0$' <<<"$output"
}

@test "a double free is reported before the libc aborts (preload)" {
    reported_before_the_libc_aborts preload
}

@test "a double free is reported before the libc aborts (static)" {
    reported_before_the_libc_aborts static
}

# musl's free crashes by intent (a_crash), with a signal that depends on the machine.
@test "a double free is reported before the libc stops the program (musl-preload)" {
    bad_frees musl-preload abort
    [ "$status" -gt 128 ]
    [ "$(reports invalid)" -eq 1 ]
}

@test "a double free is reported before the libc stops the program (musl-static)" {
    bad_frees musl-static abort
    [ "$status" -gt 128 ]
    [ "$(reports invalid)" -eq 1 ]
}
