#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# examples/azure_sphere: the whole log, line by line, of each style and way of linking; and
# the project's files for the SDK and the editors.

setup() {
    sample=$HT_BUILD/examples/azure_sphere
    unset HEAPTRACKER_OPTIONS
}

threshold=256000

# What follows "..." in a line: $1 bytes are live.
tail_of() {
    if (($1 > threshold)); then
        result="WARNING: heap_allocated ($1 bytes) is above heap_threshold ($threshold bytes)"
    else
        result="SUCCESS: heap_allocated ($1 bytes) - delta with heap_threshold($((threshold - $1)) bytes)"
    fi
}

status_line() {
    echo "Starting Heap Tracker test application..."
    echo "$1 --> Heap status: max available($threshold bytes), allocated (0 bytes)"
}

# The log of consumeHeap_malloc where blocks are freed by $1 (free or _free).
malloc_log() {
    local bytes
    status_line consumeHeap_malloc
    for ((bytes = 1024; bytes <= 251 * 1024; bytes += 1024)); do
        tail_of $bytes
        echo "Heap-Tracker lib: malloc($bytes)=PTR... $result"
        tail_of 0
        echo "Heap-Tracker lib: $1(PTR,$bytes)... $result"
    done
    echo "consumeHeap_malloc --> Currently available heap up to given heap_threshold: 251Kb (257024 bytes)"
}

# The same of consumeHeap_realloc; it grows by $2.
realloc_log() {
    local bytes old=0
    status_line consumeHeap_realloc
    for ((bytes = 1024; bytes <= 251 * 1024; bytes += 1024)); do
        tail_of $bytes
        echo "Heap-Tracker lib: $2($old,$((bytes - 1024)),$bytes)=PTR... $result"
        old=PTR
    done
    tail_of 0
    echo "Heap-Tracker lib: $1(PTR,257024)... $result"
    echo "consumeHeap_realloc --> Currently available heap up to given heap_threshold: 250Kb (256000 bytes)"
}

# The first lines that differ; a log has 500.
same() {
    diff "$1" "$2" >"$BATS_TEST_TMPDIR/differences" || { head -n 12 "$BATS_TEST_TMPDIR/differences"; return 1; }
}

# The logs of program $1 in both modes, where it calls $2 and $3.
check_sample() {
    [ -x "$1" ] || skip "$1 was not built"
    same <(malloc_log "$2") <("$1" malloc 2>&1 | normalise)
    same <(realloc_log "$2" "$3") <("$1" realloc 2>&1 | normalise)
}

normalise() {
    sed -E 's/0x[1-9a-f][0-9a-f]*/PTR/g'
}

@test "original style: every line of both modes" {
    check_sample "$sample/azure_sphere" _free _realloc
}

@test "plain style: the same numbers from free and realloc" {
    check_sample "$sample/azure_sphere_plain" free realloc
}

@test "the original's five wrap options give the same log" {
    check_sample "$sample/azure_sphere_five" _free _realloc
}

@test "without an argument the built-in choice runs and its status is 0" {
    [ -x "$sample/azure_sphere" ] || skip "azure_sphere was not built"
    run "$sample/azure_sphere"
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = "consumeHeap_malloc --> Currently available heap up to given heap_threshold: 251Kb (257024 bytes)" ]
}

@test "an unknown argument is a usage error" {
    [ -x "$sample/azure_sphere" ] || skip "azure_sphere was not built"
    run "$sample/azure_sphere" calloc
    [ "$status" -eq 2 ]
    [ "$output" = "usage: azure_sphere [malloc|realloc]" ]
}

@test "linked statically with musl the log is the same" {
    command -v musl-gcc >/dev/null || skip "musl-gcc is missing (apt-get install musl-tools)"
    [ -e "$HT_BUILD/lib/musl/libheaptracker.a" ] || skip "lib/musl/libheaptracker.a was not built"
    cd "$HT_SOURCE/examples/azure_sphere"
    musl-gcc -std=c11 -O2 -static -I. -I"$HT_SOURCE/include" -o "$BATS_TEST_TMPDIR/sample" main.c applibs/log.c \
        "@$HT_BUILD/heaptracker.wrap" "$HT_BUILD/lib/musl/libheaptracker.a"
    check_sample "$BATS_TEST_TMPDIR/sample" _free _realloc
}

@test "the choice can be made at build time" {
    [ -e "$HT_BUILD/lib/libheaptracker.a" ] || skip "libheaptracker.a was not built"
    cd "$HT_SOURCE/examples/azure_sphere"
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -DSAMPLE_PLAIN=1 -DSAMPLE_CONSUME=consumeHeap_realloc -I. -I"$HT_SOURCE/include" \
        -o "$BATS_TEST_TMPDIR/sample" main.c applibs/log.c "@$HT_BUILD/heaptracker.wrap" "$HT_BUILD/lib/libheaptracker.a" -pthread
    same <(realloc_log free realloc) <("$BATS_TEST_TMPDIR/sample" 2>&1 | normalise)
}

@test "the sample builds alone against an installed copy" {
    [ -e "$HT_BUILD/lib/libheaptracker.a" ] || skip "libheaptracker.a was not built"
    cd "$BATS_TEST_TMPDIR"
    cmake --install "$HT_BUILD" --prefix "$PWD/installed" >install.log
    cp -r "$HT_SOURCE/examples/azure_sphere" project
    cmake -S project -B project/build -DCMAKE_PREFIX_PATH="$PWD/installed" >configure.log
    cmake --build project/build >build.log
    check_sample "$PWD/project/build/azure_sphere" _free _realloc
    check_sample "$PWD/project/build/azure_sphere_plain" free realloc
    check_sample "$PWD/project/build/azure_sphere_five" _free _realloc
}

@test "each preset for a computer builds and runs it against an installed copy" {
    [ -e "$HT_BUILD/lib/libheaptracker.a" ] || skip "libheaptracker.a was not built"
    cd "$BATS_TEST_TMPDIR"
    cmake --install "$HT_BUILD" --prefix "$PWD/installed" >install.log
    cp -r "$HT_SOURCE/examples/azure_sphere" project
    cd project
    export CMAKE_PREFIX_PATH=$BATS_TEST_TMPDIR/installed
    for preset in PC-Debug PC-Release; do
        cmake --preset $preset >configure.log
        cmake --build --preset $preset >build.log
        check_sample "$PWD/out/$preset/azure_sphere" _free _realloc
    done
}

@test "in a clone of HeapTracker the sample needs no installed copy" {
    cp -r "$HT_SOURCE"/{CMakeLists.txt,cmake,src,include,packaging,LICENSE} "$BATS_TEST_TMPDIR/"
    mkdir "$BATS_TEST_TMPDIR/examples"
    cp -r "$HT_SOURCE/examples/azure_sphere" "$BATS_TEST_TMPDIR/examples/"
    cd "$BATS_TEST_TMPDIR/examples/azure_sphere"
    cmake --preset PC-Debug -DCMAKE_DISABLE_FIND_PACKAGE_HeapTracker=ON >configure.log
    # Configured, and the tracker is a part of the build.
    cmake --build --preset PC-Debug --target help | grep -w heaptracker_static
}

# What the SDK's toolchain file gives, as far as a project uses it: the calls are noted,
# and applibs is the sample's stand-in.
make_sdk() {
    mkdir -p sdk/CMakeFiles
    cat >sdk/CMakeFiles/AzureSphereToolchain.cmake <<END
function(azsphere_configure_tools)
    file(APPEND $PWD/calls "tools \${ARGN}\n")
endfunction()
function(azsphere_configure_api)
    file(APPEND $PWD/calls "api \${ARGN}\n")
    add_library(applibs STATIC $HT_SOURCE/examples/azure_sphere/applibs/log.c)
    target_include_directories(applibs PUBLIC $HT_SOURCE/examples/azure_sphere)
endfunction()
function(azsphere_target_add_image_package target)
    file(APPEND $PWD/calls "image \${target}\n")
endfunction()
END
    export AzureSphereDefaultSDKDir=$PWD/sdk/
}

@test "with the SDK's functions it becomes an image package of two files and the five options" {
    command -v ninja >/dev/null || skip "ninja is missing (apt-get install ninja-build)"
    library=$(ls -d "$HT_BUILD"/amalgamation "$HT_BUILD"/drop_in 2>/dev/null | head -n 1)
    [ -e "$library/heap_tracker_lib.c" ] || skip "heap_tracker_lib.c was not made"
    cd "$BATS_TEST_TMPDIR"
    make_sdk
    cp -r "$HT_SOURCE/examples/azure_sphere" project
    cp "$library"/*.[ch] project/
    cd project
    for preset in ARM-Debug ARM-Release; do
        rm -f ../calls
        cmake --preset $preset >configure.log
        cmake --build --preset $preset >build.log 2>&1
        [ "$(cut -d' ' -f1 ../calls | uniq | tr '\n' ' ')" = "tools api image " ]
        grep -qx "image azure_sphere" ../calls
        check_sample "$PWD/out/$preset/azure_sphere" _free _realloc
    done
}

@test "without the library's file the device build says what to do" {
    command -v ninja >/dev/null || skip "ninja is missing (apt-get install ninja-build)"
    cd "$BATS_TEST_TMPDIR"
    make_sdk
    cp -r "$HT_SOURCE/examples/azure_sphere" project
    cd project
    run cmake --preset ARM-Debug
    [ "$status" -ne 0 ]
    [[ $output == *"heap_tracker_lib.c is missing: run make"* ]]
}

@test "the project's JSON files are sound, and the application asks for nothing" {
    command -v jq >/dev/null || skip "jq is missing (apt-get install jq)"
    cd "$HT_SOURCE/examples/azure_sphere"
    for file in CMakePresets.json CMakeSettings.json app_manifest.json launch.vs.json .vscode/launch.json .vscode/settings.json; do
        jq -e 'type == "object"' "$file" >/dev/null
    done
    jq -e '.Capabilities == {} and .EntryPoint == "/bin/app" and .SchemaVersion == 1' app_manifest.json
    jq -e '.ComponentId | test("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")' app_manifest.json
    # The presets of both files are the same ones.
    [ "$(jq -r '.configurations[].name' CMakeSettings.json)" = "$(jq -r '.configurePresets[].name | select(startswith("ARM"))' CMakePresets.json)" ]
}
