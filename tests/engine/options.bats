#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# HEAPTRACKER_OPTIONS, good and bad: a bad one is one clear line on stderr, and the
# program does its work and ends with its own status.

bats_require_minimum_version 1.5.0

setup() {
    preload=$HT_BUILD/lib/libheaptracker-preload.so
    plain=$HT_BUILD/tests/engine/plain
    [ -e "$preload" ] || skip "$preload is not built"
    states=$BATS_TEST_TMPDIR/states
    mkdir "$states"
}

# tracked OPTIONS [BYTES]: plain's stdout must be its own and its status 7;
# $stderr is the tracker's.
tracked() {
    run --separate-stderr env LD_PRELOAD="$preload" HEAPTRACKER_OPTIONS="$1" "$plain" 7 "${2-10}"
    echo "$stderr"
    [ "$status" -eq 7 ]
    [ "$output" = "held a block" ]
}

one_line_that_says() {
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
    [[ $stderr == heaptracker:* ]]
    local text
    for text in "$@"; do
        [[ $stderr == *"$text"* ]]
    done
}

@test "an unknown option is named, with those that there are" {
    tracked "state_dir=$states:quick=1"
    grep -q '^heaptracker: .*quick.*state_dir' <<<"$stderr"
    [ "$(grep -c quick <<<"$stderr")" -eq 1 ]
}

@test "a threshold with a wrong unit is named, with the right ones" {
    tracked "state_dir=$states:threshold=12Q"
    grep -q '^heaptracker: .*threshold=12Q.*K.*M.*G' <<<"$stderr"
    [ "$(grep -c threshold <<<"$stderr")" -eq 1 ]
}

@test "sizes that are no numbers, negative or too large are refused" {
    for size in '' K -1 1KK 0x10 1.5M 9223372036854775808 99999999999999999999 18446744073709551615K; do
        tracked "state_dir=$states:threshold=$size"
        grep -q "^heaptracker: .*threshold=$size .*not valid" <<<"$stderr"
    done
}

@test "a value of quiet other than 0 and 1 is refused" {
    tracked "state_dir=$states:quiet=yes"
    grep -q '^heaptracker: .*quiet=yes.*0 or 1' <<<"$stderr"
}

@test "a state directory that is not there is named, and the program runs" {
    tracked "state_dir=$states/none"
    one_line_that_says "$states/none"
    [ -z "$(ls "$states")" ]
}

@test "a state directory that may not be written is named, and the program runs" {
    unprivileged=()
    [ "$(id -u)" -ne 0 ] || unprivileged=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chmod 555 "$states"
    chmod 755 "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")" "$(dirname "$(dirname "$BATS_TEST_TMPDIR")")"
    run --separate-stderr "${unprivileged[@]}" \
        env HEAPTRACKER_OPTIONS="state_dir=$states" LD_PRELOAD="$preload" "$plain" 7
    echo "$stderr"
    [ "$status" -eq 7 ]
    [ "$output" = "held a block" ]
    grep -q "$states" <<<"$stderr"
    [ -z "$(ls "$states")" ]
}

@test "a state directory that is a file is named, and the program runs" {
    touch "$states/file"
    tracked "state_dir=$states/file"
    one_line_that_says "$states/file"
}

@test "without the tool one line at exit says where the state file is" {
    tracked "state_dir=$states"
    file=$(echo "$states"/*.0.ht)
    [ -s "$file" ]
    one_line_that_says "$file"
    [ "$(stat -c %a "$file")" = 600 ]
}

# A path of about 300 bytes and more.
long_directory() {
    local name
    name=$(printf 'n%.0s' {1..140})
    long=$states/$name/$name
    [ ${#long} -lt 390 ] || skip "the test's own directory has too long a path"
    mkdir -p "$long"
}

@test "a long state directory is whole in every line that names it" {
    long_directory
    tracked "state_dir=$long"
    file=$(echo "$long"/*.0.ht)
    [ "$stderr" = "heaptracker: see \`heaptracker report $file\`" ]
    tracked "state_dir=$long/x"
    one_line_that_says "no state file in $long/x: " "; counting goes on without a file"
    tracked "state_dir=$long:quiet=1:limit=$long"
    one_line_that_says "limit=$long is not valid: " "; the default is used"
    tracked "state_dir=$long:quiet=1:fail_sites=$long/x"
    one_line_that_says "fail_sites=$long/x: " "; no allocation is made to fail on order"
}

@test "a program's own function gets a long line in pieces of at most 255 bytes, and all of it" {
    long_directory
    run env LD_PRELOAD="$preload" HEAPTRACKER_OPTIONS="state_dir=$long" "$HT_BUILD/tests/engine/own_log"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 2 ]
    [ "${lines[0]%%:*}" -eq 255 ]
    [ "${lines[1]%%:*}" -le 255 ]
    file=$(echo "$long"/*.0.ht)
    [ "${lines[0]#*:}${lines[1]#*:}" = "heaptracker: see \`heaptracker report $file\`" ]
}

@test "quiet=1: not a word" {
    tracked "state_dir=$states:quiet=1"
    [ -z "$stderr" ]
    [ -s "$(echo "$states"/*.0.ht)" ]
}

@test "mark_lost=1: what gets no state file leaves a mark, or says so in spite of quiet=1" {
    [ "$(id -u)" -eq 0 ] || skip "only root can mount a full disk"
    mount -t tmpfs -o size=64k,mode=700 none "$states" 2>/dev/null || skip "no tmpfs can be mounted here"
    dd if=/dev/zero of="$states/all" bs=4k 2>/dev/null || true
    tracked "state_dir=$states:quiet=1:mark_lost=1"
    marks=$(ls "$states")
    umount "$states"
    [ -z "$stderr" ]
    [[ $marks =~ ^[0-9]+\.28\.lost$'\n'all$ ]] # ENOSPC
    tracked "state_dir=$states/missing:quiet=1:mark_lost=1"
    one_line_that_says "$states/missing"
}

@test "a colon in a value is written with a backslash" {
    mkdir "$states/a:b"
    tracked "state_dir=$states/a\\:b:quiet=1"
    [ -z "$stderr" ]
    [ -s "$(echo "$states"/a:b/*.0.ht)" ]
}

@test "stacks=none and empty options are accepted" {
    tracked "::state_dir=$states:stacks=none::quiet=1:"
    [ -z "$stderr" ]
}

@test "a threshold is reported when live bytes cross it" {
    tracked "state_dir=$states:threshold=1M" 2000000
    [ "$(grep -c '^heaptracker: .*1048576' <<<"$stderr")" -eq 1 ]
    tracked "state_dir=$states:threshold=1M" 1000000
    [ "$(grep -c 1048576 <<<"$stderr")" -eq 0 ]
}

@test "a linked program has a state file only where state_dir says so" {
    plain=$HT_BUILD/tests/engine/plain.wrap
    preload=
    [ -x "$plain" ] || skip "$plain is not built"
    cd "$states"
    tracked ""
    [ -z "$(ls "$states")" ]
    tracked "state_dir=$states:quiet=1"
    [ -s "$(echo "$states"/*.0.ht)" ]
}

@test "a linked program complains about options as a preloaded one does" {
    plain=$HT_BUILD/tests/engine/plain.wrap
    preload=
    [ -x "$plain" ] || skip "$plain is not built"
    tracked "threshold=12Q:quick=1"
    [ "$(grep -c '^heaptracker: .*12Q' <<<"$stderr")" -eq 1 ]
    [ "$(grep -c '^heaptracker: .*quick' <<<"$stderr")" -eq 1 ]
}
