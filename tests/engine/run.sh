#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh [--repeat N] [--status N] [--limit NAME=N] [--behind LIBRARY] BINDING PROGRAM [ARG...]
# Runs build/tests/engine/PROGRAM.BINDING; those bound by preload get the library of
# their libc, and each run a state directory of its own.
#   --repeat N        N runs, each in a new process; an ARG {run} is its number
#   --status N        the exit status that is right (0)
#   --limit NAME=N    with this resource limit (prlimit --NAME=N)
#   --behind LIBRARY  with this allocator (libNAME.so.N) preloaded behind the tracker
# HT_RUN is the emulator of a program of another machine; BINDING is then MACHINE-preload,
# MACHINE-shared or MACHINE-static.
# Exit status: 0 all runs were right, 1 not, 77 something is missing.
set -u

repeat=1 status=0 limit=() behind=
while [[ ${1-} == --* ]]; do
    case $1 in
    --repeat) repeat=$2 ;;
    --status) status=$2 ;;
    --limit) limit=(prlimit "--$2") ;;
    --behind) behind=$2 ;;
    *) exit 2 ;;
    esac
    shift 2
done
binding=$1 name=$2
shift 2
program=${HT_BUILD:?}/tests/engine/$name.$binding

skip() {
    echo "SKIP: $1"
    exit 77
}

[ -x "$program" ] || skip "$program is not built (a compiler is missing)"
read -ra emulator <<<"${HT_RUN-}"
case $binding in
*-*-preload) preload=$HT_BUILD/lib/${binding%-preload}/libheaptracker-preload.so ;;
musl-preload) preload=$HT_BUILD/lib/libheaptracker-preload-musl.so ;;
*preload) preload=$HT_BUILD/lib/libheaptracker-preload.so ;;
*) preload= ;;
esac
[ -z "$preload" ] || [ -e "$preload" ] || skip "$preload is not built"
if [ -n "$behind" ]; then
    ldconfig -p | grep -qF "$behind" || skip "$behind is not installed"
    preload+=:$behind
fi

# The programs find the three standard descriptors open and no other.
for descriptor in /proc/$$/fd/*; do
    descriptor=${descriptor##*/}
    [ "$descriptor" -lt 3 ] || [ "$descriptor" -eq 255 ] || eval "exec $descriptor>&-"
done

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
export HT_STATE_DIR=$directory/state
export HEAPTRACKER_OPTIONS=state_dir=$HT_STATE_DIR:quiet=1

for ((run = 1; run <= repeat; run++)); do
    mkdir "$HT_STATE_DIR"
    if [ ${#emulator[@]} -gt 0 ]; then
        HT_EMULATED=1 "${emulator[@]}" ${preload:+-E "LD_PRELOAD=$preload"} "$program" "$@"
    else
        "${limit[@]}" env LD_PRELOAD="$preload" "$program" "${@//\{run\}/$run}"
    fi
    got=$?
    if [ $got -ne "$status" ]; then
        echo "FAIL: $name.$binding $*: run $run of $repeat: exit status $got, not $status"
        exit $((got == 77 ? 77 : 1))
    fi
    rm -rf "$HT_STATE_DIR"
done
