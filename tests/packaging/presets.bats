# SPDX-License-Identifier: MIT
#
# The sanitizers' builds that CONTRIBUTING.md names: each changes what there is to build. The
# other presets change the compiler and the kind of build, which compilers.bats does.

configures() {
    local lists
    lists=$(cmake -S "$HT_SOURCE" --list-presets 2>&1) || skip "presets need CMake 3.21"
    [[ $lists == *"\"$1\""* ]]
    cmake -S "$HT_SOURCE" --preset "$1" -B "$BATS_TEST_TMPDIR/build"
    grep -qx "HT_SANITIZE:.*=$2" "$BATS_TEST_TMPDIR/build/CMakeCache.txt"
    grep -q -e "-fsanitize=$2 " "$BATS_TEST_TMPDIR/build/compile_commands.json"
}

@test "the preset asan configures" {
    configures asan address,undefined
}

@test "the preset tsan configures" {
    configures tsan thread
}
