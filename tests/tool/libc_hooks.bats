#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Where the tracker is linked in, a block of libc's functions is counted after them, by the
# tracker's own functions: whom it is blamed on is who called libc.

load helpers

# keep_blocks PROGRAM [COMMAND...]: x.ht is of a run of the program that COMMAND has changed.
# expected: its functions that got a block.
keep_blocks() {
    need jq
    [ -x "$HT_BUILD/tests/tool/$1" ] || skip "made for glibc, without a sanitizer"
    cp "$HT_BUILD/tests/tool/$1" program
    shift
    "${@:-true}" program
    HEAPTRACKER_OPTIONS=quiet=1:state_dir=$PWD/states ./program >names
    mv states/*.ht x.ht
    LC_ALL=C sort -u names >expected
}

# whom the rows name
named() {
    "$tool" report --top=100 x.ht | sed -nE 's/^ +[0-9.]+ %.* ([0-9]+)  ([^ ]+)( .*)?$/\2/p' | LC_ALL=C sort -u
}

# the innermost calls of the stacks
called() {
    "$tool" report --format=json x.ht |
        jq -r '.sites[] | select(.stack != []) | [.stack[] | select(.inlined | not)][0].function' | LC_ALL=C sort -u
}

@test "the program calls every function of libc that the tracker hooks" {
    keep_blocks libc_hooks
    # What these two open is a block of who flushes it.
    sed -nE 's/^HOOK\(([a-z_0-9]+), libc,.*/\1/p' "$HT_SOURCE/src/entry/hooks.def" | grep -v 'open_w*memstream' |
        LC_ALL=C sort >hooks
    [ "$(wc -l <hooks)" -gt 20 ]
    diff hooks <(sed -n 's/_kept$//p' expected | LC_ALL=C sort)
}

@test "a block of libc's functions is blamed on who called them" {
    keep_blocks libc_hooks
    diff expected <(named)
    diff expected <(called)
    "$tool" report --top=100 x.ht | grep -q " strdup_kept  libc_hooks\.c:$(grep -n '^KEEPER(strdup,' "$HT_SOURCE/tests/tool/libc_hooks.c" | cut -d: -f1)\$"
}

@test "what glibc's headers inline is blamed on who called it" {
    keep_blocks libc_hooks-fortified
    "$tool" report --format=json x.ht >out
    [ "$(jq 'any(.sites[].stack[]; .inlined and .function == "asprintf")' out)" = true ] || skip "the compiler inlines none"
    diff expected <(named)
}

@test "a block of libc's functions is blamed on who called them, without debug information too" {
    need strip binutils
    keep_blocks libc_hooks strip -g
    grep '_kept$' expected >certain
    named >rows
    LC_ALL=C comm -23 certain rows >missing
    [ ! -s missing ]
    fails grep -E '^(outcome_|call_|__wrap_)' rows
}
