# SPDX-License-Identifier: MIT
#
# Every compiler and kind of build that is promised, with warnings as errors.

build() {
    cmake -S "$HT_SOURCE" -B "$BATS_TEST_TMPDIR/build" -DHT_WERROR=ON -DHT_TESTS=OFF "$@"
    cmake --build "$BATS_TEST_TMPDIR/build" -j2
}

need() {
    command -v "$1" >/dev/null || skip "$1 is missing (apt-get install $2)"
}

@test "gcc builds everything without a warning" {
    need gcc gcc
    build -DCMAKE_C_COMPILER=gcc
}

@test "clang builds everything without a warning" {
    need clang clang
    build -DCMAKE_C_COMPILER=clang -DHT_MUSL=OFF
}

@test "an unoptimised build has no warning either" {
    build -DCMAKE_BUILD_TYPE=Debug -DHT_MUSL=OFF
}

@test "musl-gcc builds the libraries without a warning" {
    need musl-gcc musl-tools
    build -DCMAKE_C_COMPILER=musl-gcc -DHT_TOOL=OFF
    [ -f "$BATS_TEST_TMPDIR/build/lib/libheaptracker-preload-musl.so" ]
}

@test "without xxhash there is no tool, rather than one that believes damaged files" {
    run cmake -S "$HT_SOURCE" -B "$BATS_TEST_TMPDIR/build" -DHT_TESTS=OFF -DHT_MUSL=OFF -DHT_XXHASH_LIBRARY=
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"no tool: it needs more (apt-get install libxxhash-dev)"* ]]
    run cmake -S "$HT_SOURCE" -B "$BATS_TEST_TMPDIR/build" -DHT_TOOL=ON
    [ "$status" -ne 0 ]
    [[ $output == *"the tool needs more"*libxxhash-dev* ]]
}

@test "without jansson the libraries are built, and a line says why there is no tool" {
    run build -DHT_MUSL=OFF -DHT_JANSSON_LIBRARY= # set to nothing: CMake does not look for it
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"no tool: it needs more (apt-get install libjansson-dev)"* ]]
    [ -f "$BATS_TEST_TMPDIR/build/lib/libheaptracker.a" ]
    [ -f "$BATS_TEST_TMPDIR/build/lib/libheaptracker-preload.so" ]
    [ ! -e "$BATS_TEST_TMPDIR/build/bin/heaptracker" ]
}
