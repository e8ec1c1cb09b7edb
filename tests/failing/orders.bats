#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# --fail-at, --fail-rate, --fail-site: capital letters are allocations that failed.

load ../tool/helpers

orders() {
    need_tracking
    program=$HT_BUILD/tests/failing/orders
    split "$tool" run -q -o x.ht "$@" -- "$program" ${plugin-}
    [ "$status" -eq 0 ]
}

# The library's own option is wrong: $err is one line on it, and the program runs as without.
library_refuses() {
    split env HEAPTRACKER_OPTIONS="$1:quiet=1:state_dir=$PWD/states" \
        LD_PRELOAD="$HT_BUILD/lib/libheaptracker-preload.so" "$HT_BUILD/tests/failing/orders"
    [ "$status" -eq 0 ]
    [ "$out" = hivmhivmhivm ]
    one_line "$err"
}

@test "without an order none fails" {
    orders
    [ "$out" = hivmhivmhivm ]
}

@test "the Nth fails, or all from the Nth on" {
    orders --fail-at=2
    [ "$out" = hIvmhivmhivm ]
    orders --fail-at=10+
    [ "$out" = hivmhivmhIVM ]
    orders --fail-at=1+
    [ "$out" = HIVMHIVMHIVM ]
    orders --fail-at=1000
    [ "$out" = hivmhivmhivm ]
    "$tool" report --format=json x.ht >out
    json out '.failures | [.injected, .numbered]' '[0,12]'
}

@test "a rate fails its share, and the same seed the same ones" {
    orders --fail-rate=0
    [ "$out" = hivmhivmhivm ]
    orders --fail-rate=1
    [ "$out" = HIVMHIVMHIVM ]
    orders --fail-rate=0.5:3
    first=$out
    orders --fail-rate=0.5:3
    [ "$out" = "$first" ]
    orders --fail-rate=0.5:4
    [ "$out" != "$first" ]
}

@test "a share of 0.1 is a tenth" {
    need_tracking
    split "$tool" run -q --stacks=none -o x.ht --fail-rate=0.1:1 -- "$HT_BUILD/tests/failing/many"
    "$tool" report --format=json x.ht >out
    json out '.failures | (.numbered >= 20000) and (.injected / .numbered > 0.09) and (.injected / .numbered < 0.11)' true
}

@test "what a function allocates: exported, static, inlined" {
    orders --fail-site=visible
    [ "$out" = hiVmhiVmhiVm ]
    orders --fail-site=hidden
    [ "$out" = HivmHivmHivm ]
    orders --fail-site=inlined
    [ "$out" = hIvmhIvmhIvm ]
    orders --fail-site='*i[ds]*' # hidden, visible
    [ "$out" = HiVmHiVmHiVm ]
    orders --fail-site=main
    [ "$out" = HIVMHIVMHIVM ]
    orders --fail-site='visible@orders'
    [ "$out" = hiVmhiVmhiVm ]
}

@test "of those, the Nth" {
    orders --fail-site=visible --fail-at=2
    [ "$out" = hivmhiVmhivm ]
    "$tool" report --format=json x.ht >out
    json out '.failures.first | map([.cause, .number, .bytes, .stack[0].function])' '[["injected",2,30,"visible"]]'
}

@test "by the symbol table alone, where there is no debug information" {
    need_tracking
    need strip binutils
    strip --strip-debug -o plain "$HT_BUILD/tests/failing/orders"
    split "$tool" run -q --fail-site=visible -- ./plain
    [ "$out" = hiVmhiVmhiVm ]
}

# The removed function's debug information lies, from 0 on, over all code of the program.
@test "inlined functions in .dwo files, and none that the linker removed" {
    need_tracking
    need gcc
    {
        cat <<-'END'
	#include <stdio.h>
	#include <stdlib.h>
	static inline __attribute__((always_inline)) int inlined(void) { return malloc(1) ? 'i' : 'I'; }
	int main(void) { putchar(inlined()); putchar(malloc(2) ? 'm' : 'M'); return 0; }
	volatile int v;
	void removed(void) {
	END
        seq -f '    v = %g;' 1500
        echo "}"
    } >program.c
    gcc -g -gsplit-dwarf -O2 -fno-builtin -w -ffunction-sections -Wl,--gc-sections -o program program.c
    split "$tool" run -q --fail-site=inlined -- ./program
    [ "$out" = Im ]
    split "$tool" run -q --fail-site=removed -- ./program
    [ "$status" -eq 125 ]
    [ -z "$out" ]
    [[ $err == *"--fail-site=removed: nothing in the program"* ]]
}

@test "a library that is loaded later, by its name or by its path" {
    plugin=$HT_BUILD/tests/failing/orders_plugin.so
    orders --fail-site='*@orders_plugin*'
    [ "$out" = hivmhivmhivmP ]
    orders --fail-site="plugin_allocate@$plugin"
    [ "$out" = hivmhivmhivmP ]
}

@test "a pattern that names nothing is one line, and nothing runs" {
    need_tracking
    split "$tool" run --fail-site=no_such_function -- touch ran
    [ "$status" -eq 125 ]
    one_line "$err"
    [[ $err == *"--fail-site=no_such_function: nothing in the program"* ]]
    [ ! -e ran ]
    no_state_left
}

@test "wrong orders are one line, and nothing runs" {
    for wrong in --fail-at=0 --fail-at=x --fail-at=+ --fail-rate=1.5 --fail-rate=x --fail-rate=0.5:x --fail-rate=-1 \
        --fail-site=@x '--fail-site=f --stacks=none'; do
        split "$tool" run $wrong -- touch ran
        [ "$status" -eq 125 ]
        one_line "$err"
        [[ $err == *"${wrong%% *}"* || $err == *--fail-site* ]]
    done
    [ ! -e ran ]
}

@test "the library's own options: wrong ones are named, the program runs" {
    need_tracking
    for wrong in fail_at=0 fail_rate=2 'fail_rate=1\:x' limit=12Q limit=0 fail_sites=relative fail_sites=/nonexistent; do
        library_refuses "$wrong"
        [[ $err == *"${wrong%%=*}"* ]]
    done
}

# For both: `run` must not pass on what the library then refuses, and a refused rate is no rate.
@test "run and the library take the same rates" {
    need_tracking
    for wrong in 0.:1 . '' :1 0.5: 0.5:x 1:x 1.5 2 -1 +0.5 1e-1 0.0000000001 0.5.5; do
        split "$tool" run -q --fail-rate="$wrong" -- touch ran
        [ "$status" -eq 125 ]
        one_line "$err"
        library_refuses "fail_rate=${wrong//:/\\:}"
        [[ $err == *"the default is used"* ]]
    done
    [ ! -e ran ]
    for right in 0 0:7 .0 0.000000000:1; do
        split "$tool" run -q --fail-rate="$right" -o x.ht -- "$HT_BUILD/tests/failing/orders"
        [ "$out" = hivmhivmhivm ]
        [ -z "$err" ]
    done
    for right in 1 1.0 1.000000000:7 001; do
        split "$tool" run -q --fail-rate="$right" -o x.ht -- "$HT_BUILD/tests/failing/orders"
        [ "$out" = HIVMHIVMHIVM ]
        [ -z "$err" ]
    done
}
