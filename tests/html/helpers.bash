#!/bin/bash
# SPDX-License-Identifier: MIT

setup() {
    : "${HT_BUILD:?run through ctest, or set HT_BUILD to the build directory}"
    : "${HT_SOURCE:?run through ctest, or set HT_SOURCE to the source directory}"
    tool=$HT_BUILD/bin/heaptracker
    packages=$HT_BUILD/html
    cd "$BATS_TEST_TMPDIR"
    mkdir states
    export XDG_RUNTIME_DIR=$PWD/states
    unset HEAPTRACKER_OPTIONS LD_PRELOAD
    [ -d "$packages/node_modules/esbuild" ] || skip "the page is not built (apt-get install npm)"
    [ -e "$HT_BUILD/lib/libheaptracker-preload.so" ] || skip "the preload library is not built"
}

need() {
    command -v "$1" >/dev/null || skip "$1 is missing (apt-get install ${2:-$1})"
}

# page FILE.html PROGRAM [ARGUMENT...]: runs it, and writes its page
page() {
    local out=$1
    shift
    "$tool" run --quiet --interval=2 -o "${out%.html}.ht" -- "$@" >/dev/null
    "$tool" report --format=html -o "$out" "${out%.html}.ht"
}

# old.ht and new.ht: of a program that was built anew in another place
two_versions() {
    mkdir old new
    cp "$HT_BUILD/tests/tool/version-1" old/version
    cp "$HT_BUILD/tests/tool/version-2" new/version
    "$tool" run --quiet -o old.ht -- old/version >/dev/null
    "$tool" run --quiet -o new.ht -- new/version >/dev/null
}

# document FILE.html: the document that it carries
document() {
    sed -n 's#^<script type="application/json" id="document">\(.*\)</script>$#\1#p' "$1"
}

# Pictures for people go there when SHOTS names a directory.
browser() {
    need chromium
    [ -d "$packages/node_modules/playwright-core" ] || skip "playwright-core is missing (build with HT_TESTS=ON)"
    HT_PACKAGES=$packages node "$HT_SOURCE/tests/html/browser.mjs" "$@"
}
