#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What speedscope makes of report's formats, in a real browser. Its packages are
# installed once, beside the build.

load ../tool/helpers

packages() {
    need node nodejs
    need npm
    need chromium
    packages=$HT_BUILD/tests/speedscope/packages
    if ! cmp -s "$HT_SOURCE/tests/speedscope/package-lock.json" "$packages/installed"; then
        mkdir -p "$packages"
        cp "$HT_SOURCE"/tests/speedscope/{package.json,package-lock.json,.npmrc} "$packages"
        (cd "$packages" && npm ci --ignore-scripts --prefer-offline --fetch-retries=1 >npm.log 2>&1) ||
            skip "npm cannot install speedscope here (npm ci in tests/speedscope)"
        cp "$packages/package-lock.json" "$packages/installed"
    fi
}

# opened FILE: speedscope's table of functions, in `table`
opened() {
    timeout 60 node "$HT_SOURCE/tests/speedscope/open.mjs" "$packages" "$(command -v chromium)" "$1" "$1.png" >table
    cat table
    [ "$(od -An -tx1 -N4 "$1.png" | tr -d ' ')" = 89504e47 ]
}

@test "speedscope opens collapsed stacks and pprof, and shows our numbers" {
    packages
    # One row is negative: the viewer passes over it, and opens the rest.
    "$make_state" x.ht peak_bytes=2300 peak_blocks=23
    "$tool" report --format=collapsed -o x.folded x.ht
    opened x.folded
    grep -q '^1,400 .* 1,400 .* \[sample\]+0x1000$' table
    grep -q '^2,200 .* 0 .* \[sample\]+0xfff$' table
    "$make_state" x.ht
    "$tool" report --format=pprof -o x.pb.gz x.ht
    opened x.pb.gz
    grep -q '^1.37 KB .* \[sample\]+0x1000$' table
}
