#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check-layers.sh [ROOT]: names, as FILE:LINE, each #include that breaks the order of the
# layers (src/README.md) and each platform condition outside src/port/. Exit 1 if any.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

files=$(find src tool -type f \( -name '*.[ch]' -o -name '*.def' \) 2>/dev/null | sort)
[ -n "$files" ] || { echo "check-layers.sh: no sources below $PWD" >&2; exit 2; }

# shellcheck disable=SC2086 # no source has a space in its name
awk '
BEGIN {
    count = split("base state port core unwind sink entry", order, " ")
    for (i = 1; i <= count; i++)
        rank[order[i]] = i
    # These run on bare metal: only headers that a freestanding compiler has, and of
    # <string.h> what works on plain memory.
    freestanding = "^(base|state|core)$"
    free_header = "^(stddef|stdint|stdbool|stdarg|stdalign|stdatomic|stdnoreturn|limits|float|iso646|string)\\.h$"
    hosted_call = "(^|[^A-Za-z0-9_>.])str[a-z]+\\("
    platform = "(^|[^A-Za-z0-9_])(_WIN32|_WIN64|linux|__linux|__linux__|__gnu_linux__|__unix__|__APPLE__|__ANDROID__" \
        "|__BIONIC__|__GLIBC__|__GLIBC_MINOR__|__GLIBC_PREREQ|__UCLIBC__|__NEWLIB__|__PICOLIBC__|__FreeBSD__" \
        "|__x86_64__|__amd64__|__i386__|__aarch64__|__arm__|__thumb__|__thumb2__|__ARM_[A-Z0-9_]+|__riscv[a-z_]*" \
        "|__powerpc[0-9_]*|__mips__|__LP64__|__ILP32__)([^A-Za-z0-9_]|$)"
}

function bad(what) {
    printf "%s:%d: %s\n", FILENAME, FNR, what
    breaks++
}

# The layer of a header by its name: a layer, "public", "own" or "" for none that exists.
function layer_of(header, folder) {
    if (header ~ /^\.\.\// || header ~ /\/\.\.\//)
        return ""
    if (header ~ /^heap(_)?tracker(_lib)?\.[hc]$/)
        return "public"
    if (header !~ /\// || folder == "tool")
        if (header !~ /^(base|state|port|core|unwind|sink|entry)\//)
            return "own"
    sub(/\/.*/, "", header)
    return header
}

function check_quoted(header, folder,    layer) {
    layer = layer_of(header, folder)
    if (layer == "public" || layer == "own")
        return
    if (!(layer in rank))
        bad("\"" header "\" is in no layer")
    else if (folder == "tool") {
        if (layer != "base" && layer != "state")
            bad("tool/ may include base/, state/ and the public headers, not \"" header "\"")
    } else if (rank[layer] > rank[folder])
        bad(folder "/ must not include \"" header "\": " layer "/ is below it")
}

FNR == 1 {
    split(FILENAME, part, "/")
    folder = part[1] == "tool" ? "tool" : part[2]
    if (part[1] == "src" && !(folder in rank))
        bad("src/" folder " is in no layer")
    in_condition = 0
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    check_quoted(quoted[2], folder)
}

/^[ \t]*#[ \t]*include[ \t]*</ && folder ~ freestanding {
    split($0, angled, /[<>]/)
    if (angled[2] !~ free_header)
        bad(folder "/ is freestanding and must not include <" angled[2] ">")
}

folder ~ freestanding && $0 ~ hosted_call && $0 !~ /^[ \t]*(\/?\*|\/\/)/ {
    bad(folder "/ is freestanding and must not call functions on strings")
}

# A condition goes on while its lines end in a backslash.
/^[ \t]*#[ \t]*(if|ifdef|ifndef|elif)([^a-z]|$)/ { in_condition = 1 }
in_condition {
    text = $0
    sub(/\/\*.*/, "", text)
    if (part[1] == "src" && folder != "port" && text ~ platform)
        bad("platform condition outside src/port/: " $0)
    if ($0 !~ /\\$/)
        in_condition = 0
}

END { exit breaks > 0 }
' $files
