#!/bin/bash
# SPDX-License-Identifier: MIT
#
# lint.sh: format, static analysis and layers of all C sources, and tests that cannot
# fail. Needs a build (BUILD=...) for its compile_commands.json. Every check runs; exit 1
# if one of them found something.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
jobs=$(nproc 2>/dev/null || echo 2)
failed=0

# What git knows or would add: no build products.
mapfile -t sources < <(git ls-files --cached --others --exclude-standard -- '*.c' '*.h' | sort -u)

check() {
    local name=$1
    shift
    echo "lint: $name"
    "$@" || { echo "lint: $name: FAILED"; failed=1; }
}

format() {
    clang-format --dry-run -Werror "${sources[@]}"
}

# Every source that the build compiles, each once; not the tests, which leak, free twice
# and use what was freed on purpose.
tidy() {
    local compiled
    compiled=$(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | sort -u |
        grep -E "^$PWD/(src|tool|examples|bench)/")
    [ -n "$compiled" ] || { echo "no sources of ours in $build/compile_commands.json"; return 1; }
    # Its "N warnings generated" are about headers that are not ours.
    xargs -P "$jobs" -n 1 clang-tidy --quiet -p "$build" --warnings-as-errors='*' <<<"$compiled" \
        2> >(grep -v -E '^[0-9]+ warnings? (generated|treated as errors?)' >&2)
}

# nullPointerRedundantCheck does not know which functions of ours never return; clang-tidy does.
static_analysis() {
    cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr \
        --suppress=missingIncludeSystem --suppress=preprocessorErrorDirective \
        --suppress=nullPointerRedundantCheck \
        -I include -I src -I tool -D__GNUC__=12 -D__linux__ -D__x86_64__ -D__LP64__ '-DElfW(type)=Elf64_##type' -j "$jobs" src tool
}

check clang-format format
check clang-tidy tidy
check cppcheck static_analysis
check layers scripts/check-layers.sh
check asserts scripts/check-asserts.sh
exit $failed
