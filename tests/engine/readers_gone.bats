#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Lines that nobody reads, or that find no room, do not end the program.

setup() {
    export HEAPTRACKER_OPTIONS=state_dir=$BATS_TEST_TMPDIR
    preload=$HT_BUILD/lib/libheaptracker-preload.so
    [ -e "$preload" ] || skip "$preload is not built"
    cd "$BATS_TEST_TMPDIR"
}

# What becomes of the command when standard error is a pipe that nobody reads.
without_reader() {
    command -v python3 >/dev/null || skip "python3 is missing"
    python3 -c 'import os, subprocess, sys
out, end = os.pipe()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=end, env=dict(os.environ, LD_PRELOAD=os.environ["PRELOAD"]))
os.close(out)
os.close(end)
print(process.wait())' "$@"
}

@test "standard error has no reader any more" {
    export PRELOAD=$preload
    [ "$(without_reader "$HT_BUILD/tests/engine/plain")" = 0 ]
    export HEAPTRACKER_OPTIONS=$HEAPTRACKER_OPTIONS:quiet=1:log=1
    [ "$(without_reader "$HT_BUILD/tests/engine/plain")" = 0 ]
}

@test "a log file reaches the limit of its size" {
    export HEAPTRACKER_OPTIONS=$HEAPTRACKER_OPTIONS:quiet=1:log=$PWD/log
    run prlimit --fsize=100000 env LD_PRELOAD="$preload" perl -e 'my @a = map { "x" x $_ } 1 .. 3000; print scalar @a'
    echo "$status $output"
    [ "$status" -eq 0 ]
    [[ $output == *3000 ]]
    [ "$(stat -c %s log)" -le 100000 ]
    [ "$(stat -c %s log)" -gt 90000 ]
}

@test "a log is a pipe that nobody reads, or no more" {
    mkfifo pipe
    export HEAPTRACKER_OPTIONS=$HEAPTRACKER_OPTIONS:quiet=1:log=$PWD/pipe
    run timeout 60 env LD_PRELOAD="$preload" "$HT_BUILD/tests/engine/plain"
    [ "$status" -eq 0 ]
    head -n 1 pipe >first &
    run timeout 60 env LD_PRELOAD="$preload" perl -e 'my @a = map { "x" x $_ } 1 .. 2000; print scalar @a'
    [ "$status" -eq 0 ]
    [ "$output" = 2000 ]
    wait
    grep -q '^Heap-Tracker lib: ' first
}
