#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The amalgamation on every target with an operating system, in each profile; and the
# sample application on ARMv7.

load helpers

# targets: each line is a name, the emulator, and the compiler
targets() {
    echo "host||${CC:-cc}"
    [ -z "$HT_MUSL_GCC" ] || [[ $HT_MUSL_GCC == *NOTFOUND ]] || echo "musl||$HT_MUSL_GCC"
    [ -z "$HT_ARMV7" ] || echo "armv7-musl|$HT_ARMV7_RUN|$HT_ARMV7"
    [ -z "$HT_AARCH64" ] || echo "aarch64-glibc|$HT_AARCH64_RUN|$HT_AARCH64"
}

need_targets() {
    [ "$(targets | wc -l)" -eq 4 ] || skip "a cross compiler, its emulator or its libc is missing (scripts/setup.sh test)"
}

@test "heaptracker.c alone: small and full, one compiler line on each target" {
    need_targets
    targets | while IFS='|' read -r name run compiler; do
        for profile in small full; do
            # shellcheck disable=SC2086 # words are wanted
            $compiler -std=c11 -O1 -Wall -Wextra -Werror -DHT_PROFILE=$profile -c heaptracker.c
            for link in "" -static; do
                echo "$name $profile $link"
                # shellcheck disable=SC2086
                $compiler $link -std=c11 -D_GNU_SOURCE -O1 -fno-builtin -I. -o app "$HT_SOURCE/tests/packaging/consumer.c" \
                    heaptracker.o -pthread $plain_wraps
                # shellcheck disable=SC2086
                $run ./app tracked </dev/null
            done
        done
    done
}

@test "heap_tracker_lib.c alone: small and full count the original's five on each target" {
    need_targets
    targets | while IFS='|' read -r name run compiler; do
        for profile in small full; do
            echo "$name $profile"
            # shellcheck disable=SC2086
            $compiler -std=c11 -D_GNU_SOURCE -O1 -fno-builtin -DHT_PROFILE=$profile -DDEBUG_LOGS_ON=0 -I. \
                -o app "$HT_SOURCE/tests/face/face_five.c" heap_tracker_lib.c -pthread $five_wraps
            # shellcheck disable=SC2086
            [ "$($run ./app </dev/null 2>/dev/null | tail -n 1)" = fine ]
        done
    done
}

@test "small and tiny: two threads, every call shown, and not one is lost" {
    for profile in small tiny; do
        # shellcheck disable=SC2086 # words are wanted
        ${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -Wno-alloc-size-larger-than -fno-builtin \
            -DHT_PROFILE=$profile -I. -o app "$here/two_tasks.c" heap_tracker_lib.c -pthread $five_wraps
        ./app
    done
}

# Past the hooks; the allocator then gives the address again.
@test "small and full: the peak before a free that no hook saw is neither lost nor too high" {
    cat >app.c <<-'END'
	#include <stdio.h>
	#include <stdlib.h>
	#include "heaptracker.h"
	extern void __real_free(void *block);
	int main(void)
	{
	    struct ht_totals now;
	    char *large = malloc(100000), *other;
	    __real_free(large);
	    other = malloc(90000);
	    if (other != large)
	        return 77;
	    free(other);
	    ht_get_totals(&now);
	    printf("%d %d %d\n", (int)now.peak_bytes, (int)now.live_bytes, (int)now.frees);
	}
	END
    for profile in small full; do
        # shellcheck disable=SC2086 # words are wanted
        ${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -fno-builtin -DHT_PROFILE=$profile -I. -o app app.c heaptracker.c -pthread $plain_wraps
        run ./app
        echo "$profile: $output"
        [ "$status" -ne 77 ] || skip "this allocator gives another address"
        [ "$output" = "100000 0 2" ]
    done
}

@test "CMake: an edit of the tracker's source is in the next build" {
    cp -r "$HT_SOURCE"/{CMakeLists.txt,cmake,include,src} .
    mkdir project
    cat >project/CMakeLists.txt <<-END
	cmake_minimum_required(VERSION 3.18)
	project(app C)
	add_subdirectory($PWD heaptracker)
	add_executable(app $here/two_tasks.c)
	target_link_libraries(app PRIVATE HeapTracker::wrap pthread)
	END
    cmake -S project -B out -DHT_PROFILE=small >log
    cmake --build out
    object=$(find out -name heap_tracker_lib.c.o)
    # What the program does not use is not to be in it.
    readelf -SW "$object" | grep -q ' \.text\.device_got '
    nm "$object" >before
    echo 'int edited = 1;' >>src/core/device/small.c
    cmake --build out
    nm "$object" >after
    run grep -c ' edited$' before after
    echo "$output"
    [ "$output" = $'before:0\nafter:1' ]
}

@test "the sample's log on ARMv7 is the host's, in each profile" {
    need_targets
    sample=$HT_SOURCE/examples/azure_sphere
    sources="$sample/main.c $sample/applibs/log.c heap_tracker_lib.c"
    targets | grep -E '^(host|armv7-musl)' | while IFS='|' read -r name run compiler; do
        for profile in tiny small full; do
            # shellcheck disable=SC2086
            $compiler -std=c11 -D_GNU_SOURCE -O1 -DHT_PROFILE=$profile -I. -I"$sample" -o app $sources -pthread $five_wraps
            for mode in malloc realloc; do
                # shellcheck disable=SC2086
                $run ./app $mode </dev/null 2>&1 | sed -E 's/0x[1-9a-f][0-9a-f]*/PTR/g' >log.$name.$profile.$mode
                [ "$(grep -c "$mode.*SUCCESS: heap_allocated" log.$name.$profile.$mode)" -ge 250 ]
                cmp log.host.tiny.$mode log.$name.$profile.$mode
            done
        done
    done
}

# Stacks through functions, by the tables in the program: AArch64 has CFI, ARMv7 .ARM.exidx.
@test "AArch64 and ARMv7: whole call stacks, linked in and read by the tool" {
    need_targets
    [ -x "$tool" ] || skip "the tool is not built"
    need jq jq
    cat >app.c <<-'END'
	#include <stdlib.h>
	#include <unistd.h>
	__attribute__((noinline)) static void *inner(void) { void *volatile p = malloc(777); return p; }
	__attribute__((noinline)) static void *middle(int n) { char a[n]; void *volatile p = (a[n - 1] = 1, inner()); return p; }
	__attribute__((noinline)) static void *outer(void) { void *volatile p = middle(9); return p; }
	int main(void) { return outer() == 0; }
	END
    targets | grep -E '^(armv7-musl|aarch64-glibc)' | while IFS='|' read -r name run compiler; do
        lib=$HT_BUILD/lib/$name
        mkdir state
        # shellcheck disable=SC2086
        $compiler -O2 -g -fno-builtin -fomit-frame-pointer -o app app.c "@$lib/heaptracker.wrap" $lib/libheaptracker.a -pthread
        # shellcheck disable=SC2086
        HEAPTRACKER_OPTIONS=state_dir=$PWD/state $run ./app </dev/null
        "$tool" report --exe=app --format=json state/*.ht >report.json
        echo "$name"
        jq -c '.sites[] | select(.live_bytes == 777) | [.stack[].function]' report.json
        [ "$(jq -c '.sites[] | select(.live_bytes == 777) | [.stack[0:4][].function]' report.json)" = '["inner","middle","outer","main"]' ]
        rm -r state
    done
}

# Against libgcc's unwinder, in Arm and in Thumb code (each with the tracker built alike).
@test "ARMv7: stacks by .ARM.exidx are those of _Unwind_Backtrace, frame for frame" {
    need_targets
    mkdir state
    for mode in -mthumb -marm; do
        compile="$HT_ARMV7 $mode -funwind-tables -std=c11 -D_GNU_SOURCE -fno-builtin"
        # shellcheck disable=SC2086 # words are wanted
        $compile -O1 -I. -c heaptracker.c
        for optimize in -O0 -O2; do
            # shellcheck disable=SC2086
            $compile $optimize -I"$HT_SOURCE/src" -I"$HT_SOURCE/include" -c "$here/arm_stacks.c" -Wall -Wextra -Werror
            # shellcheck disable=SC2086
            $compile $optimize -fPIC -shared -o libshared.so "$here/arm_stacks_shared.c"
            # shellcheck disable=SC2086
            $compile -o dynamic arm_stacks.o heaptracker.o ./libshared.so $plain_wraps -pthread -lgcc_eh
            # shellcheck disable=SC2086
            $compile $optimize -static -o static arm_stacks.o heaptracker.o "$here/arm_stacks_shared.c" $plain_wraps -pthread -lgcc_eh
            for program in dynamic static; do
                # shellcheck disable=SC2086
                HEAPTRACKER_OPTIONS=quiet=1:state_dir=$PWD/state $HT_ARMV7_RUN ./$program </dev/null >log || { cat log; false; }
                echo "# $mode $optimize $program: $(cat log)" >&3
            done
        done
    done
}
