#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Where the original's log lines go, and the original's link line, as whole programs.

setup() {
    programs=$HT_BUILD/tests/face
    unset HEAPTRACKER_OPTIONS
}

program() {
    [ -x "$programs/$1" ] || skip "$1 was not built"
}

# Runs a program; its standard output and error are in $out and $err (addresses as PTR).
run_apart() {
    program "$1"
    timeout 60 "$programs/$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    out=$(normalise <"$BATS_TEST_TMPDIR/out")
    err=$(normalise <"$BATS_TEST_TMPDIR/err")
}

normalise() {
    sed -E 's/0x[1-9a-f][0-9a-f]*/PTR/g'
}

# The lines of face_program.c, each after $1, with heap_threshold $2.
lines_of_program() {
    printf '%sHeap-Tracker lib: %s\n' \
        "$1" "malloc(1024)=PTR... SUCCESS: heap_allocated (1024 bytes) - delta with heap_threshold($(($2 - 1024)) bytes)" \
        "$1" "malloc(1024)=PTR... SUCCESS: heap_allocated (2048 bytes) - delta with heap_threshold($(($2 - 2048)) bytes)" \
        "$1" "_free(PTR,1024)... SUCCESS: heap_allocated (1024 bytes) - delta with heap_threshold($(($2 - 1024)) bytes)"
}

same() {
    diff <(printf '%s\n' "$1") <(printf '%s\n' "$2")
}

@test "lines go to standard error where nothing else takes them" {
    run_apart face_default
    same "$err" "$(lines_of_program '' 256000)"
    [ -z "$out" ]
}

@test "the user's log function takes the lines instead of standard error" {
    run_apart face_default user
    same "$out" "$(lines_of_program 'user: ' 256000)"
    [ -z "$err" ]
}

@test "Log_Debug takes the lines where the program has one" {
    run_apart face_log_debug
    same "$out" "$(lines_of_program 'Log_Debug: ' 256000)"
    [ -z "$err" ]
}

@test "the user's log function comes before Log_Debug" {
    run_apart face_log_debug user
    same "$out" "$(lines_of_program 'user: ' 256000)"
    [ -z "$err" ]
}

@test "DEBUG_LOGS_ON 0 silences every sink and still counts" {
    run_apart face_silent
    [ -z "$out$err" ]
    run_apart face_silent user
    [ -z "$out$err" ]
}

@test "a heap_threshold that the program defines wins" {
    run_apart face_own_threshold
    same "$err" "$(lines_of_program '' 2000 |
        sed 's/SUCCESS: heap_allocated (2048 bytes).*/WARNING: heap_allocated (2048 bytes) is above heap_threshold (2000 bytes)/')"
}

# What each of the lines of face_threads.c looks like, whole.
whole_line='^Heap-Tracker lib: (malloc\([0-9]+\)=PTR|free\(PTR,[0-9]+\))\.\.\. SUCCESS: heap_allocated \([0-9]+ bytes\) - delta with heap_threshold\([0-9]+ bytes\)$'

# Standard error of face_threads in $1: 8000 whole lines, 8 for each size and call.
check_thread_lines() {
    [ "$(wc -l <"$1")" -eq 8000 ]
    [ "$(normalise <"$1" | grep -cE "$whole_line")" -eq 8000 ]
    [ "$(grep -cF 'malloc(77)=' "$1")" -eq 8 ]
    [ "$(grep -cF ',77)...' "$1")" -eq 8 ]
}

@test "lines of eight threads never interleave in a file" {
    run_apart face_threads
    [ "$out" = "8000 lines" ]
    check_thread_lines "$BATS_TEST_TMPDIR/err"
}

@test "lines of eight threads never interleave in a pipe" {
    program face_threads
    timeout 60 "$programs/face_threads" 2>&1 >/dev/null | cat >"$BATS_TEST_TMPDIR/piped"
    [ "${PIPESTATUS[0]}" -eq 0 ]
    check_thread_lines "$BATS_TEST_TMPDIR/piped"
}

@test "a Log_Debug that allocates is not entered from itself and its blocks count" {
    run_apart face_log_allocates
    [ "$out" = "8000 lines" ]
    [ -z "$err" ]
}

@test "the original's five wrap options link and count those five" {
    run_apart face_five
    [ "$out" = "fine" ]
}
