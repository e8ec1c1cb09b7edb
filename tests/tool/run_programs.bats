#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# heaptracker run: programs of all kinds; what cannot be tracked runs unharmed, and is named.

load helpers

@test "stacks that begin before main or in a coroutine are whole, those through code without tables are cut" {
    need_tracking
    shapes=$HT_BUILD/tests/truth/stack_shapes
    [ -x "$shapes" ] || skip "stack_shapes is not built"
    ldd "$shapes" | grep -q ld-linux-x86-64 || skip "makecontext's start is known for glibc on x86-64 alone"
    split "$tool" run -q -o x.ht -- "$HT_BUILD/tests/engine/early_late.preload"
    "$tool" report --format=json x.ht >out
    json out '[.sites[].stack[-1].module | select(test("ld-linux"))] | length > 0' true
    json out .lost.frames 0
    "$tool" run -q -o x.ht -- "$shapes" coroutines
    "$tool" report --format=json x.ht >out
    json out .lost.frames 0
    "$tool" run -q -o x.ht -- "$shapes" bare
    "$tool" report --format=json x.ht >out
    json out '.lost.frames > 0' true
}

@test "a script is tracked as its interpreter" {
    need_tracking
    printf '#!/bin/sh\nexit 6\n' >script
    chmod +x script
    split "$tool" run -o x.ht -- ./script
    [ "$status" -eq 6 ]
    "$tool" report --format=json x.ht >out
    json out '.command[1]' '"./script"'
    printf 'exit 7\n' >script # no #! line: execvp lets the shell run it
    split "$tool" run -o x.ht -- ./script
    [ "$status" -eq 7 ]
    "$tool" report x.ht >/dev/null
}

@test "a static program runs untouched, and it is said that it was not tracked" {
    [ -x "$workload-static" ] || skip "no static libc"
    split "$tool" run -o x.ht -- "$workload-static" exit 9
    [ "$status" -eq 9 ]
    one_line "$err"
    [[ $err == *"not tracked: it is statically linked"*"HeapTracker::wrap"* ]]
    [ ! -e x.ht ]
    no_state_left
}

# runs_sanitized NAME PROGRAM: as it does without the tool, with a line that names the sanitizer.
runs_sanitized() {
    split "./$2" # not every runtime starts on every kernel
    [ "$status" -eq 3 ] || return 0
    built=$((built + 1))
    split "$tool" run -o x.ht -- "./$2"
    [ "$status" -eq 3 ]
    [ "$out" = "on stdout" ]
    one_line "$err"
    [[ $err == *"not tracked: it is built with $1, "*"without -fsanitize="* ]]
    [ ! -e x.ht ]
    no_state_left
}

@test "a program with a sanitizer runs as it does, untracked, and the line says what to do" {
    need gcc
    cat >sanitized.c <<-'END'
	#include <stdio.h>
	#include <stdlib.h>
	int main(void) { free(malloc(100)); puts("on stdout"); return 3; }
	END
    built=0 # and run
    for kind in address=AddressSanitizer thread=ThreadSanitizer leak=LeakSanitizer; do
        for how in "" "-static-liba" "-static-libt" "-static-libl"; do
            [ -z "$how" ] || [ "${how: -1}" = "${kind::1}" ] || continue
            # shellcheck disable=SC2086 # no word, or one
            gcc -fsanitize="${kind%=*}" ${how:+${how}san} -o sanitized sanitized.c 2>/dev/null || continue
            runs_sanitized "${kind#*=}" sanitized
        done
    done
    for kind in address=AddressSanitizer memory=MemorySanitizer; do # clang's are in the program itself
        clang -fsanitize="${kind%=*}" -o sanitized sanitized.c 2>/dev/null || continue
        runs_sanitized "${kind#*=}" sanitized
    done
    [ "$built" -gt 0 ] || skip "no sanitizer's runtime is there"
}

@test "a program with UndefinedBehaviorSanitizer alone is tracked" {
    need_tracking
    need gcc
    printf '#include <stdlib.h>\nint main(void) { free(malloc(100)); return 3; }\n' >sanitized.c
    gcc -fno-builtin -fsanitize=undefined -o sanitized sanitized.c 2>/dev/null || skip "no libubsan"
    split "$tool" run -q -o x.ht -- ./sanitized
    [ "$status" -eq 3 ]
    [ -z "$err" ]
    "$tool" report --format=json x.ht >json
    json json '.totals.allocs > 0' true
}

@test "a static program with the tracker linked in is tracked" {
    [ -x "$workload-static-wrap" ] || skip "no static libc"
    split "$tool" run -o x.ht -- "$workload-static-wrap" exit 9
    [ "$status" -eq 9 ]
    [[ $err != *"not tracked"* ]]
    # A static libc allocates at its start too: what known_calls adds is exact.
    "$tool" report --format=json x.ht >once
    "$tool" run -q -o y.ht -- "$workload-static-wrap" again
    "$tool" report --format=json y.ht >twice
    json <(jq -s '[.[1].totals.allocs - .[0].totals.allocs, .[1].totals.bytes_allocated - .[0].totals.bytes_allocated,
                   .[1].totals.live_bytes - .[0].totals.live_bytes]' once twice) . '[13,1714,800]'
}

@test "a musl program gets musl's library" {
    [ -x "$workload-musl" ] || skip "no musl-gcc (apt-get install musl-tools)"
    [ -e "$HT_BUILD/lib/libheaptracker-preload-musl.so" ] || skip "the musl library is not built"
    "$tool" run -q -o x.ht -- "$workload-musl"
    "$tool" report --format=json x.ht >out
    known_totals out
}

@test "an exec into a static program runs unharmed and is named" {
    need_tracking
    [ -x "$workload-static" ] || skip "no static libc"
    split "$tool" run -q -- "$workload" exec "$workload-static" exit 3
    [ "$status" -eq 3 ]
    one_line "$err"
    [[ $err == *"went on as 'workload-static', which was not tracked"* ]]
    # A script ends under its own name, and without exit handlers: not such a case.
    printf '#!/bin/sh\nkill -TERM $$\n' >script
    chmod +x script
    split "$tool" run -q -- ./script
    [ "$status" -eq 143 ]
    [ -z "$err" ]
    printf 'exit 7\n' >script # the shell runs it, under a name that is not its file's
    split "$tool" run -q -o x.ht -- ./script
    [ "$status" -eq 7 ]
    [ -z "$err" ]
}

@test "a program that gives itself another name is not taken for another program" {
    need_tracking
    split "$tool" run -q -o x.ht -- "$workload" rename
    [ "$status" -eq 143 ]
    [ -z "$err" ]
    split "$tool" run -q -o x.ht -- sh -c 'exec "$0" rename' "$workload"
    [ -z "$err" ]
}

@test "a program that goes on without the library is named, whatever it is called, with the reason" {
    need_tracking
    split "$tool" run -q -o x.ht -- env -i "$workload"
    one_line "$err"
    [[ $err == *"/env went on as 'workload', which was not tracked: LD_PRELOAD was taken"* ]]
    # Under its own name again, and for long enough to be looked at.
    split "$tool" run -q -o x.ht -- sh -c 'exec env -i sh -c "sleep 0.3; :"'
    one_line "$err"
    [[ $err == *"/env went on as '"*"', which was not tracked: LD_PRELOAD was taken"* ]]
    cp "$workload" sh
    split "$tool" run -q -o x.ht -- "$workload" exec /usr/bin/env LD_PRELOAD= ./sh rename
    [ "$status" -eq 143 ]
    [[ $err == *"/env went on as 'sh', which was not tracked"* ]]
    [ -x "$workload-static" ] || skip "no static libc"
    split "$tool" run -q -o x.ht -- env "$workload-static" exit 3
    [ "$status" -eq 3 ]
    one_line "$err"
    [[ $err == *"went on as 'workload-static', which was not tracked: it is statically linked"* ]]
}

@test "an exec between libcs runs unharmed and is named" {
    need_tracking
    [ -x "$workload-musl" ] || skip "no musl-gcc (apt-get install musl-tools)"
    split "$tool" run -q -- "$workload" exec "$workload-musl" exit 3
    [ "$status" -eq 3 ]
    one_line "$err"
    [[ $err == *"went on as 'workload-musl', which was not tracked"* ]]
    [ -e "$HT_BUILD/lib/libheaptracker-preload-musl.so" ] || skip "the musl library is not built"
    split "$tool" run -q -- "$workload-musl" exec "$workload" exit 4
    [ "$status" -eq 4 ]
    [[ $err == *"cannot be preloaded"*": ignored."* ]] # said by glibc's loader
}

@test "a program that gets another user's rights is named as not tracked" {
    [ "$(id -u)" -eq 0 ] || skip "only root can make such a file"
    mkdir -m 755 bin
    cp "$workload" bin/suid
    chown 12345 bin/suid
    chmod u+s bin/suid
    split "$tool" run -- ./bin/suid exit 2
    [ "$status" -eq 2 ]
    [[ $err == *"not tracked: it gets another user's rights"* ]]
}

@test "a program with file capabilities is named as not tracked, for all but root" {
    [ "$(id -u)" -eq 0 ] || skip "only root can make such a file"
    need setcap libcap2-bin
    need setpriv util-linux
    chmod 755 "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")" "$(dirname "$(dirname "$BATS_TEST_TMPDIR")")"
    mkdir -m 755 bin
    cp "$workload" bin/able
    setcap cap_net_raw+ep bin/able 2>/dev/null || skip "this file system keeps no capabilities"
    split setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'cd / && exec "$@"' sh \
        "$tool" run --state-dir=/tmp -- "$PWD/bin/able" exit 2
    [ "$status" -ne 126 ] || skip "another user cannot reach the test's directory"
    [ "$status" -eq 2 ]
    [[ $err == *"not tracked: it gets another user's rights or capabilities"* ]]
    split "$tool" run -q -o x.ht -- bin/able exit 2
    [ -s x.ht ]
}

@test "a tool without its library says so and runs the program" {
    mkdir bin
    cp "$tool" bin/
    split bin/heaptracker run -- sh -c 'exit 8'
    [ "$status" -eq 8 ]
    one_line "$err"
    [[ $err == *"libheaptracker-preload.so is not beside"* ]]
}

@test "a program that defines malloc is named where nothing was counted, and check cannot tell" {
    need_tracking
    own=$HT_BUILD/tests/tool/own_malloc
    [ -x "$own" ] || skip "own_malloc is not built"
    split "$tool" run -q -o x.ht -- "$own"
    [ "$status" -eq 0 ]
    one_line "$err"
    [[ $err == *"nothing was counted: $own defines malloc itself"*"HeapTracker::wrap"* ]]
    split "$tool" report x.ht
    [ "$status" -eq 0 ]
    one_line "$err"
    [[ $err == *"defines malloc itself"* ]]
    # There is no time when nothing was most, and no share of nothing.
    [[ $out == *"peak  "* ]]
    fails grep -e "peak was" -e "over time" -e "temporary" <<<"$out"
    split "$tool" check --max-peak=1 x.ht
    [ "$status" -eq 2 ]
    one_line "$err"
    split "$tool" check --max-peak=1 -- "$own"
    [ "$status" -eq 2 ]
    one_line "$err"
    # A program that just allocates nothing is not such a one.
    need gcc
    echo 'int main(void) { return 0; }' >nothing.c
    gcc -o nothing nothing.c
    split "$tool" run -q -o x.ht -- ./nothing
    [ -z "$err" ]
}

@test "threads that begin to allocate at the same moment have their stacks, more than find room at first, too" {
    need_tracking
    "$HT_BUILD/tests/tool/beginnings" threads 600 || skip "600 threads cannot be made here"
    "$tool" run -q -o x.ht -- "$HT_BUILD/tests/tool/beginnings" threads 600
    "$tool" report --format=json x.ht >json
    [ "$(jq .lost.sites json)" -eq 0 ]
    [ "$(jq '[.sites[] | select(any(.stack[]; .function == "allocate_at_once")) | .allocs] | add' json)" -eq 600 ]
}

@test "more threads at once than there are slots: the others' stacks are counted as lost" {
    need_tracking
    "$HT_BUILD/tests/tool/beginnings" threads 4300 || skip "4300 threads cannot be made here"
    "$tool" run -q -o x.ht -- "$HT_BUILD/tests/tool/beginnings" threads 4300
    "$tool" report --format=json x.ht >json
    [ "$(jq '.lost.sites >= 204' json)" = true ]
    [ "$(jq '.totals.allocs == ([.sites[].allocs] | add)' json)" = true ]
}

@test "a program that is started through its loader is tracked, as bundles start theirs" {
    need_tracking
    need readelf binutils
    loader=$(readelf -l "$workload" | sed -n 's/.*interpreter: \(.*\)]/\1/p')
    split "$tool" run -q -o x.ht -- "$loader" "$workload"
    [ "$status" -eq 0 ]
    [ -z "$err" ]
    "$tool" report --format=json x.ht >out
    known_totals out
}

@test "a library that is opened so that libc's malloc comes first is told as not seen" {
    need_tracking
    local deep=$HT_BUILD/tests/tool/deep_bound
    [ -x "$deep" ] || skip "deep_bound is not built"
    "$tool" run -q -o x.ht -- "$deep" "$HT_BUILD/tests/engine/plugin.so"
    "$tool" report --format=json x.ht >json
    # What it allocates is not counted; and its blocks are nothing that was freed twice.
    json json '[.lost.libraries, .totals.invalid_frees, (.totals.largest_bytes < 100000)]' '[1,0,true]'
    "$tool" report x.ht >out
    grep -Eq '^  unseen +1   dlopen with RTLD_DEEPBIND' out
    split "$tool" check --max-peak=1M x.ht
    [ "$status" -eq 0 ]
    one_line "$err"
    [[ $err == *"called dlopen with RTLD_DEEPBIND, 1 in all"* ]]
}

@test "a program that limits its own memory has as much as without the tracker" {
    need_tracking
    local own=$HT_BUILD/tests/tool/own_limits
    "$own" >alone
    cat alone
    grep -qx 'address space: set, told; 300 MiB: yes, 800 MiB: no' alone || skip "this system's own limits come first"
    "$tool" run -q -- "$own" >tracked
    cmp alone tracked
    # What shells set is the shell's, and its children's.
    [ "$("$tool" run -q -- bash -c 'ulimit -v 600000; ulimit -v')" = 600000 ]
}

@test "a thread's first allocation fits onto a coroutine's stack of 4 KiB" {
    need_tracking
    "$tool" run -q -- "$HT_BUILD/tests/tool/beginnings" coroutine 4096
}

@test "a program whose own malloc and free pass on to the next runs as it does alone, and is counted" {
    need_tracking
    own=$HT_BUILD/tests/tool/passes_on
    [ -x "$own" ] || skip "passes_on is not built"
    [ "$("$own")" = "no error, called" ]
    split "$tool" run -q -o x.ht -- "$own"
    [ "$status" -eq 0 ]
    [ "$out" = "no error, called" ]
    "$tool" report --format=json x.ht >json
    [ "$(jq '.totals.allocs >= 1000 and .totals.frees >= 1000' json)" = true ]
}

@test "a program that defines malloc is counted by the tracker that is linked in, with its names or without" {
    need_tracking
    need strip binutils
    own=$HT_BUILD/tests/tool/own_malloc-wrap
    [ -x "$own" ] || skip "own_malloc-wrap is not built"
    strip -o stripped "$own"
    for program in "$own" ./stripped; do
        split "$tool" run -q -o x.ht -- "$program"
        [ "$status" -eq 0 ]
        [ -z "$err" ]
        "$tool" report --format=json x.ht >json
        json json '[.totals.allocs, .totals.peak_bytes]' '[1,100000]'
    done
}

@test "no more of a state file is in memory than was written, though root's may become 64 MiB long" {
    need_tracking
    need fincore util-linux
    [ "$(stat -f -c %T .)" != tmpfs ] || skip "a file of tmpfs is all in memory"
    # A file as it is while the program runs: nobody closes it.
    HEAPTRACKER_OPTIONS=quiet=1:state_dir=$PWD LD_PRELOAD=$HT_BUILD/lib/libheaptracker-preload.so /bin/true
    resident=$(fincore -b -n -o RES ./*.ht)
    echo "$resident bytes"
    [ "$resident" -le $((1 << 20)) ]
}
