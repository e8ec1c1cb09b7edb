#!/bin/bash
# SPDX-License-Identifier: MIT
#
# stacks.sh [--every N] [--may-break] [--own] [--input FILE] COMMAND [ARG...]
# Runs COMMAND under the tracker with check_stacks.so behind it, and compares every
# N-th (1) allocation's stack with libunwind's. --own: COMMAND is a program of this
# directory. --input: its standard input. The rate is printed.
# Exit status: 0 they agree, 1 not, 77 something is missing.
set -u

every=1 compare=() own='' input=/dev/null
while [[ ${1-} == --* ]]; do
    case $1 in
    --every) every=$2; shift ;;
    --may-break) compare=(--may-break) ;;
    --input) input=$2; shift ;;
    --own) own=$HT_BUILD/tests/truth/ ;;
    *) exit 2 ;;
    esac
    shift
done
command=$own$1
shift

# The system's programs, not a user's wrappers of them.
PATH=/usr/bin:/bin

skip() {
    echo "SKIP: $1"
    exit 77
}

tool=${HT_BUILD:?}/bin/heaptracker
checker=$HT_BUILD/tests/truth/check_stacks.so
[ -x "$tool" ] || skip "the tool is not built"
[ -e "$checker" ] || skip "libunwind is missing (apt-get install libunwind-dev)"
command -v "$command" >/dev/null || skip "$command is missing"

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
mkdir "$directory/samples" "$directory/states"
export CHECK_STACKS_DIR=$directory/samples CHECK_STACKS_EVERY=$every
unset HEAPTRACKER_OPTIONS DEBUGINFOD_URLS
LD_PRELOAD=$checker "$tool" run --quiet --state-dir="$directory/states" -o "$directory/x.ht" -- \
    "$command" "$@" <"$input" >"$directory/output" || {
    status=$?
    tail -n 5 "$directory/output"
    echo "FAIL: $command: exit status $status"
    exit 1
}
printf '%s: ' "${command##*/}"
"$HT_BUILD/tests/truth/compare_stacks" "$directory/x.ht" "$directory/samples" "$every" "${compare[@]}"
