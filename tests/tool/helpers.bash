# SPDX-License-Identifier: MIT
#
# What the tests of the command line share. Each runs in an empty directory.

setup() {
    : "${HT_BUILD:?run through ctest, or set HT_BUILD to the build directory}"
    tool=$HT_BUILD/bin/heaptracker
    workload=$HT_BUILD/tests/tool/workload
    make_state=$HT_BUILD/tests/state/make_state
    [ -x "$tool" ] || skip "the tool is not built (apt-get install libjansson-dev libdw-dev libxxhash-dev)"
    cd "$BATS_TEST_TMPDIR"
    # A place of its own: what the tests look for must not be another test's.
    mkdir states
    export XDG_RUNTIME_DIR=$PWD/states
    unset HEAPTRACKER_OPTIONS LD_PRELOAD
}

need() {
    command -v "$1" >/dev/null || skip "$1 is missing (apt-get install ${2:-$1})"
}

need_tracking() {
    [ -e "$HT_BUILD/lib/libheaptracker-preload.so" ] || skip "the preload library is not built"
}

# json FILE EXPRESSION EXPECTED: one value of a report
json() {
    need jq
    local got
    got=$(jq -c "$2" "$1")
    [ "$got" = "$3" ] || { echo "$2 is $got, not $3"; return 1; }
}

# split COMMAND...: like bats's run, with $out, $err and $status apart
split() {
    status=0
    "$@" >"$BATS_TEST_TMPDIR/.out" 2>"$BATS_TEST_TMPDIR/.err" || status=$?
    out=$(<"$BATS_TEST_TMPDIR/.out") err=$(<"$BATS_TEST_TMPDIR/.err")
    echo "status $status; stdout: $out; stderr: $err"
}

# The numbers of workload.c's known_calls in a JSON report.
known_totals() {
    json "$1" '.totals | [.allocs, .frees, .reallocs, .bytes_allocated]' "[13,9,1,1714]"
    json "$1" '.totals | [.live_bytes, .live_blocks, .peak_bytes, .peak_blocks]' "[800,4,1000,10]"
    json "$1" '.totals | [.temporary_allocs, .failed_allocs, .foreign_frees, .invalid_frees, .unmatched_frees]' "[2,1,0,0,0]"
    # Not .frames: Debian's musl has no unwind tables, and each stack is cut.
    json "$1" '.lost | [.blocks, .bytes, .sites, .events]' "[0,0,0,0]"
}

checksum_at=208 # of struct state_header

# flip FILE BYTE: all bits of that byte
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf "\\$(printf %o $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# bats takes no notice of a failing `!` (scripts/check-asserts.sh).
fails() {
    if "$@"; then return 1; fi
}

one_line() {
    [ "$(wc -l <<<"$1")" -eq 1 ] && [[ $1 == heaptracker:\ * ]]
}

no_state_left() {
    [ -z "$(ls -A states)" ]
}

# Waits until the process of that pid has ended; false when it does not.
ended() {
    for _ in {1..100}; do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.05
    done
    return 1
}

# check STATUS ARGUMENT...: heaptracker check, with $out and $err
check() {
    local expected=$1
    shift
    split "$tool" check "$@"
    [ "$status" -eq "$expected" ]
}

# start_waiting [OPTION...]: a run in the background whose program waits for signals: $run_pid and $pid.
start_waiting() {
    mkfifo from
    "$tool" run -q "$@" -- "$workload" wait >from &
    run_pid=$!
    exec 5<from
    read -r line <&5
    pid=$(pgrep -P "$run_pid")
}
