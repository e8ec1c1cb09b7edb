#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# --limit: a small device on a PC.

load ../tool/helpers

programs() {
    dir=$HT_BUILD/tests/failing
    mkdir -p states
}

# linked NAME: runs a linked-in program under the limit, by the library's option.
linked() {
    programs
    [ -x "$dir/$1" ] || skip "$1 is not built"
    HEAPTRACKER_OPTIONS=limit=$2:quiet=1:state_dir=$PWD/states "$dir/$1" "${3-}"
}

preloaded() {
    need_tracking
    programs
    [ -x "$dir/$1" ] || skip "$1 is not built"
    "$tool" run -q --limit="$2" -o x.ht -- "$dir/$1" "${3-}"
}

@test "exactly the limit can be live, in every thread and child (preload)" {
    preloaded limit.preload 1M 1048576
}

@test "exactly the limit can be live, in every thread and child (linked, shared libc)" {
    linked limit.shared 1M 1048576
}

@test "exactly the limit can be live, in every thread and child (linked, static libc)" {
    linked limit.static 1M 1048576
}

@test "exactly the limit can be live, in every thread and child (linked, static musl)" {
    linked limit.musl-static 1M 1048576
}

@test "operator new throws, or is NULL, beyond the limit (preload)" {
    preloaded limit_cxx.preload 1M
}

@test "operator new throws, or is NULL, beyond the limit (linked)" {
    linked limit_cxx.shared 1M
}

@test "the report says who was refused, and who held the rest" {
    need_tracking
    need gcc
    cat >app.c <<'END'
#include <stdlib.h>
static void *cache[100];
__attribute__((noinline)) static void fill_cache(void) { for (int i = 0; i < 100; i++) cache[i] = malloc(1024); }
__attribute__((noinline)) static int load_image(void) { void *p = malloc(40000); free(p); return p != 0; }
int main(void) { fill_cache(); for (int i = 0; i < 3; i++) load_image(); free(cache[0]); return load_image(); }
END
    gcc -g -O1 -fno-builtin -o app app.c
    split "$tool" run --limit=128K --threshold=100K -o x.ht -- ./app
    [ "$status" -eq 0 ]
    [[ $err == *"heaptracker: no 40000 bytes more: 102400 are live, the limit is 131072 (said once)"* ]]
    [[ $err == *"4 allocations were refused by the limit, the first:"*"39.1 KiB asked, 100.0 KiB live  load_image  app.c:4"* ]]
    [[ $err == *"Who held it when the limit of 128.0 KiB was met first"*"100.0 %   100.0 KiB       100  fill_cache  app.c:3"* ]]
    "$tool" report --format=json x.ht >out # of the small form that was kept
    json out '.failures | [.limit_bytes, .refused, .injected]' '[131072,4,0]'
    json out '.failures.first | map([.cause, .bytes, .live_bytes, .live_blocks, .stack[0].function])[0]' \
        '["limit",40000,102400,100,"load_image"]'
    json out '.failures.at_limit | map([.live_bytes, .live_blocks, .stack[0].function])' '[[102400,100,"fill_cache"]]'
    json out '.totals | [.allocs, .failed_allocs, .peak_bytes]' '[100,4,102400]'
}

@test "an allocation that the allocator refuses is named too" {
    need_tracking
    need gcc
    echo 'int main(void) { return __builtin_malloc((unsigned long)-1 / 4) != 0; }' >huge.c
    gcc -g -fno-builtin -o huge huge.c
    split "$tool" run -o x.ht -- ./huge
    [ "$status" -eq 0 ]
    [[ $err == *"1 allocation was given no block by the allocator"*"main  huge.c:1"* ]]
    "$tool" report --format=json x.ht >out
    json out '.failures.first | map([.cause, .live_bytes])' '[["allocator",0]]'
}

@test "a refused row names the caller, where libc asked for the program too" {
    need_tracking
    need gcc
    cat >app.c <<'END'
#include <stdio.h>
__attribute__((noinline)) static int open_log(void) { FILE *f = fopen("/dev/null", "w"); return f && fputs("x", f) < 0; }
int main(void) { return open_log() * 0; }
END
    gcc -g -O1 -fno-builtin -o app app.c
    split "$tool" run --limit=2K -o x.ht -- ./app
    [ "$status" -eq 0 ]
    grep -A1 'refused by the limit' <<<"$err" | grep -Eq ' asked, .* live  open_log  app\.c:2'
}

@test "a product that overflows asked for more than there can be" {
    need_tracking
    need gcc
    cat >over.c <<'END'
#define _GNU_SOURCE
#include <stdlib.h>
static void *volatile kept;
int main(void)
{
    volatile size_t many = (size_t)1 << 62;
    kept = calloc(many, 8);
    kept = reallocarray(malloc(10), many, 8);
    return 0;
}
END
    gcc -g -O1 -fno-builtin -o over over.c
    split "$tool" run -o x.ht -- ./over
    [ "$(grep -c '^ *>= 16 EiB asked, .* main  over\.c:[78]$' <<<"$err")" -eq 2 ]
    "$tool" report --format=json x.ht >out
    json out '.failures.first | map(.bytes >= 9223372036854775807)' '[true,true]'
    split "$tool" run --limit=1M -o x.ht -- ./over
    [[ $err == *"heaptracker: no more bytes than can be addressed: 0 are live, the limit is 1048576"* ]]
}

@test "a program that stays within its limit reports none of this" {
    need_tracking
    split "$tool" run --limit=1G -o x.ht -- "$HT_BUILD/tests/failing/many"
    [[ $err != *"limit"* ]]
    "$tool" report --format=json x.ht >out
    json out '.totals | [.failed_allocs, .allocs, .peak_bytes]' '[0,20000,100]'
}

@test "a wrong limit is one line, and nothing runs" {
    for wrong in 12Q '' -1 1.5M 0 0K; do # 0 bytes: the file could not tell it from no limit
        split "$tool" run --limit="$wrong" -- touch ran
        [ "$status" -eq 125 ]
        one_line "$err"
        [[ $err == *"--limit=$wrong"* ]]
    done
    [ ! -e ran ]
}
