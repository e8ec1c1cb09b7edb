# SPDX-License-Identifier: MIT
#
# An installed copy, used in each of the ways that the README names. The prefix is
# moved after the installation: nothing may remember where it was.

setup_file() {
    cmake --install "$HT_BUILD" --prefix "$BATS_FILE_TMPDIR/first" >/dev/null
    mv "$BATS_FILE_TMPDIR/first" "$BATS_FILE_TMPDIR/moved"
}

setup() {
    prefix=$BATS_FILE_TMPDIR/moved
    consumer=$HT_SOURCE/tests/packaging/consumer.c
    wrap=$prefix/share/heaptracker/heaptracker.wrap
    app=$BATS_TEST_TMPDIR/app
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
    unset HEAPTRACKER_OPTIONS
}

# need PROGRAM PACKAGE
need() {
    command -v "$1" >/dev/null || skip "$2 is missing (apt-get install $2)"
}

# compile COMPILER ARGUMENT...: the consumer, its calls left as they are written.
compile() {
    local compiler=$1
    shift
    "$compiler" -fno-builtin -o "$app" "$@"
}

build_with_cmake() {
    cmake -S "$HT_SOURCE/tests/packaging/consumer" -B "$BATS_TEST_TMPDIR/build" \
        -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$HT_CC" "$@"
    cmake --build "$BATS_TEST_TMPDIR/build"
}

@test "find_package and one target_link_libraries track a C program" {
    build_with_cmake
    "$BATS_TEST_TMPDIR/build/app" tracked
}

@test "find_package and one target_link_libraries track a C++ program, shared and static" {
    need "$HT_CXX" g++
    build_with_cmake -DWITH_CXX=ON -DCMAKE_CXX_COMPILER="$HT_CXX"
    "$BATS_TEST_TMPDIR/build/app_cxx" tracked
    "$BATS_TEST_TMPDIR/build/app_cxx_static" tracked
}

# Four tests within their limits, one over, one whose command fails.
gate_passes_and_breaks() {
    ctest --test-dir "$BATS_TEST_TMPDIR/build" >"$BATS_TEST_TMPDIR/out" || true
    cat "$BATS_TEST_TMPDIR/out"
    for passing in within still exact limits; do
        grep -Eq "Test +#[0-9]+: $passing \.+ +Passed" "$BATS_TEST_TMPDIR/out"
    done
    for failing in over fails; do
        grep -Eq "Test +#[0-9]+: $failing \.+\*+Failed" "$BATS_TEST_TMPDIR/out"
    done
    grep -q 'OVER .*max-peak' "$BATS_TEST_TMPDIR/build/Testing/Temporary/LastTest.log"
}

@test "heaptracker_add_test of an installed copy holds programs to limits" {
    [ -x "$HT_BUILD/bin/heaptracker" ] || skip "the tool is not built (apt-get install libjansson-dev libdw-dev libxxhash-dev)"
    cmake -S "$HT_SOURCE/tests/packaging/gate" -B "$BATS_TEST_TMPDIR/build" \
        -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$HT_CC"
    cmake --build "$BATS_TEST_TMPDIR/build"
    gate_passes_and_breaks
}

@test "heaptracker_add_test works with the sources in a project's tree" {
    [ -x "$HT_BUILD/bin/heaptracker" ] || skip "the tool is not built (apt-get install libjansson-dev libdw-dev libxxhash-dev)"
    cmake -S "$HT_SOURCE/tests/packaging/gate" -B "$BATS_TEST_TMPDIR/build" \
        -DIN_TREE="$HT_SOURCE" -DHT_MUSL=OFF -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER="$HT_CC"
    cmake --build "$BATS_TEST_TMPDIR/build" -j2 --target app heaptracker_tool heaptracker_preload
    gate_passes_and_breaks
}

# refused TEXT ARGUMENTS: heaptracker_add_test(ARGUMENTS) is an error that has TEXT
refused() {
    cat >"$BATS_TEST_TMPDIR/CMakeLists.txt" <<-END
	cmake_minimum_required(VERSION 3.13)
	project(refused NONE)
	enable_testing()
	include($prefix/lib/cmake/HeapTracker/HeapTrackerTest.cmake)
	set(EMPTY "")
	heaptracker_add_test($2)
	END
    run cmake -S "$BATS_TEST_TMPDIR" -B "$BATS_TEST_TMPDIR/build"
    echo "$2: $output"
    [ "$status" -ne 0 ]
    [[ $(tr -s '\n ' ' ' <<<"$output") == *"heaptracker_add_test: $1"* ]]
}

@test "heaptracker_add_test refuses a limit without a value, rather than to drop it" {
    for keyword in PEAK LIVE SITES BASELINE GROWTH LIMITS SUPPRESSIONS OUTPUT WORKING_DIRECTORY; do
        # shellcheck disable=SC2016 # CMake's variable
        for value in '${EMPTY}' '"${EMPTY}"'; do
            refused "$keyword has no value: give it one" "NAME x $keyword $value COMMAND app"
            refused "$keyword has no value: give it one" "NAME x $keyword $value ANY_EXIT COMMAND app"
        done
    done
    refused "unknown argument: '3'" "NAME x PEAK 2 3 COMMAND app"
    refused "unknown argument: 'PAEK'" "NAME x PAEK 2 COMMAND app"
    refused "NAME is missing" "PEAK 2 COMMAND app"
    refused "x: COMMAND is missing, or has no program" "NAME x PEAK 2"
    refused "x: COMMAND is missing, or has no program" "NAME x PEAK 2 COMMAND"
}

@test "pkg-config alone gives all that a link needs" {
    need pkg-config pkgconf
    # shellcheck disable=SC2046 # words are wanted
    compile "$HT_CC" "$consumer" $(pkg-config --cflags --libs heaptracker)
    "$app" tracked
}

@test "pkg-config, the response file and CMake name the same hooks" {
    need pkg-config pkgconf
    hooks() { grep -o -e '--wrap=[A-Za-z0-9_]*' "$@" | sort; }
    hooks "$wrap" >"$BATS_TEST_TMPDIR/wrap"
    pkg-config --libs heaptracker | hooks >"$BATS_TEST_TMPDIR/pc"
    hooks "$prefix/lib/cmake/HeapTracker/HeapTrackerTargets.cmake" >"$BATS_TEST_TMPDIR/cmake"
    sed -n 's/^ *HOOK( *\([A-Za-z0-9_]*\).*/--wrap=\1/p' "$HT_SOURCE/src/entry/hooks.def" |
        sort >"$BATS_TEST_TMPDIR/def"
    [ -s "$BATS_TEST_TMPDIR/def" ]
    cmp "$BATS_TEST_TMPDIR/def" "$BATS_TEST_TMPDIR/wrap"
    cmp "$BATS_TEST_TMPDIR/def" "$BATS_TEST_TMPDIR/pc"
    cmp "$BATS_TEST_TMPDIR/def" "$BATS_TEST_TMPDIR/cmake"
}

@test "the response file serves a plain compiler line" {
    compile "$HT_CC" -I"$prefix/include" "$consumer" "@$wrap" -L"$prefix/lib" -lheaptracker
    "$app" tracked
}

@test "the response file of the build tree works with the archive of the build tree" {
    compile "$HT_CC" -I"$HT_SOURCE/include" "$consumer" "@$HT_BUILD/heaptracker.wrap" \
        "$HT_BUILD/lib/libheaptracker.a"
    "$app" tracked
}

@test "a statically linked program is tracked" {
    compile "$HT_CC" -static -I"$prefix/include" "$consumer" "@$wrap" -L"$prefix/lib" -lheaptracker
    "$app" tracked
}

# libstdc++.a calls operators that the program does not: one option more on a plain line.
@test "a statically linked C++ program is tracked" {
    need "$HT_CXX" g++
    cp "$consumer" "$BATS_TEST_TMPDIR/consumer.cpp"
    compile "$HT_CXX" -static -I"$prefix/include" "$BATS_TEST_TMPDIR/consumer.cpp" "@$wrap" \
        -Wl,--undefined=ht_wrap_cxx -L"$prefix/lib" -lheaptracker
    "$app" tracked
}

@test "a program that wraps malloc and free only links, and those are counted" {
    cat >"$BATS_TEST_TMPDIR/two.c" <<-'END'
	#include <heaptracker.h>
	#include <stdlib.h>
	int main(void)
	{
	    struct ht_totals before, after;
	    ht_get_totals(&before);
	    free(malloc(77));
	    ht_get_totals(&after);
	    return !(after.allocs - before.allocs == 1 && after.frees - before.frees == 1 &&
	             after.bytes_allocated - before.bytes_allocated == 77);
	}
	END
    compile "$HT_CC" -I"$prefix/include" "$BATS_TEST_TMPDIR/two.c" -L"$prefix/lib" \
        -Wl,--wrap=malloc -Wl,--wrap=free -lheaptracker
    "$app"
}

# header_alone COMPILER LANGUAGE: each header, included before anything else.
header_alone() {
    local header
    command -v "${1%% *}" >/dev/null || return 0
    for header in "$prefix"/include/*.h; do
        echo "$1: ${header##*/}"
        # shellcheck disable=SC2086 # words are wanted
        echo "#include <${header##*/}>" | $1 -x "$2" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$prefix/include" -
    done
}

@test "each header compiles alone, as C and as C++" {
    [ -f "$prefix/include/heap_tracker_lib.h" ]
    for compiler in "$HT_CC" clang; do
        header_alone "$compiler -std=c99" c
        header_alone "$compiler -std=c11" c
    done
    for compiler in "$HT_CXX" g++ clang++; do
        [ -n "$compiler" ] || continue
        header_alone "$compiler -std=c++11" c++
        header_alone "$compiler -std=c++20" c++
    done
}

@test "DEBUG_LOGS_ON of a C++ source reaches the tracker" {
    need "$HT_CXX" g++
    cat >"$BATS_TEST_TMPDIR/one.cpp" <<-'END'
	#include <heap_tracker_lib.h>
	#include <stdlib.h>
	int main() { free(malloc(77)); return heap_allocated == 0 ? 0 : 1; }
	END
    for wanted in 0 1; do
        compile "$HT_CXX" -DDEBUG_LOGS_ON=$wanted -I"$prefix/include" "$BATS_TEST_TMPDIR/one.cpp" "@$wrap" \
            -L"$prefix/lib" -lheaptracker
        "$app" 2>"$BATS_TEST_TMPDIR/log"
        [ "$(grep -c 'malloc(77)=' "$BATS_TEST_TMPDIR/log")" -eq $wanted ]
    done
}

@test "a musl program is tracked, shared and static" {
    [ -f "$prefix/lib/musl/libheaptracker.a" ] || skip "built without musl-gcc (apt-get install musl-tools)"
    for link in -no-pie -static; do
        compile "$HT_MUSL_GCC" $link -I"$prefix/include" "$consumer" "@$wrap" "$prefix/lib/musl/libheaptracker.a"
        "$app" tracked
    done
}

@test "a program that is not linked with the tracker links, and knows" {
    compile "$HT_CC" -I"$prefix/include" "$consumer"
    "$app" untracked
}

@test "the installed tool starts and runs a program" {
    [ -x "$HT_BUILD/bin/heaptracker" ] || skip "the tool is not built (apt-get install libjansson-dev libdw-dev libxxhash-dev)"
    "$prefix/bin/heaptracker" --help
    compile "$HT_CC" -I"$prefix/include" "$consumer"
    "$prefix/bin/heaptracker" run -- "$app" tracked
}

@test "the preload library exports the hooks and ten symbols more, and needs libc alone" {
    need readelf binutils
    library=$prefix/lib/libheaptracker-preload.so
    readelf -d "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' >"$BATS_TEST_TMPDIR/needed"
    # The loader is there in any program that has libc.
    run grep -v -E '^(libc\.so|ld-linux)' "$BATS_TEST_TMPDIR/needed"
    echo "needed besides libc: $output"
    [ "$status" -eq 1 ]

    { printf '%s\n' ht_api_get heaptracker_preloaded dlopen dlclose {set,get,p}rlimit{,64}; sed -n 's/^ *HOOK( *\([A-Za-z0-9_]*\).*/\1/p' "$HT_SOURCE/src/entry/hooks.def"; } |
        sort >"$BATS_TEST_TMPDIR/may"
    readelf -W --dyn-syms "$library" | awk '$5 ~ /GLOBAL|WEAK/ && $7 != "UND" { sub(/@.*/, "", $8); print $8 }' |
        sort >"$BATS_TEST_TMPDIR/exported"
    grep -qx malloc "$BATS_TEST_TMPDIR/exported"
    grep -qx ht_api_get "$BATS_TEST_TMPDIR/exported"
    for name in dlclose {set,get,p}rlimit{,64}; do
        grep -qx "$name" "$BATS_TEST_TMPDIR/exported"
    done
    run comm -13 "$BATS_TEST_TMPDIR/may" "$BATS_TEST_TMPDIR/exported"
    echo "exported besides the hooks: $output"
    [ -z "$output" ]
}

# FILE: TARGET, for each link of the documents to a file
links_of_documents() {
    local document link
    find "$1" -name '*.md' | while read -r document; do
        grep -oE '\]\([^)# ]+' "$document" | sed 's/^](//' | grep -vE '^[a-z]+:' | while read -r link; do
            echo "$document: $link"
        done
    done
}

@test "each link of the installed documents leads to a file that is there" {
    links_of_documents "$prefix/share/doc" >"$BATS_TEST_TMPDIR/links"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/links")" -gt 50 ]
    dead=0
    while IFS=: read -r document link; do
        [ -e "$(dirname "$document")/${link# }" ] || { echo "$document:$link"; dead=$((dead + 1)); }
    done <"$BATS_TEST_TMPDIR/links"
    [ $dead -eq 0 ]
    # What a link says of the source is true of the copy.
    [ -e "$prefix"/share/doc/*/docs/run.md ]
    [ ! -e "$prefix"/share/doc/*/docs/man ]
}

@test "DESTDIR goes before the prefix" {
    DESTDIR=$BATS_TEST_TMPDIR/root cmake --install "$HT_BUILD" --prefix /opt/ht >/dev/null
    [ -f "$BATS_TEST_TMPDIR/root/opt/ht/lib/libheaptracker.a" ]
    [ -f "$BATS_TEST_TMPDIR/root/opt/ht/include/heaptracker.h" ]
}
