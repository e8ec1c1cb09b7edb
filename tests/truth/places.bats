#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Where the state file is to lie: places that are full, missing or forbidden, and a
# memory cgroup that kills.

load ../tool/helpers

eater=$HT_BUILD/tests/truth/eater
# Above what any run here needs of memory, far below the machine's.
limit=$((64 << 20))

teardown() {
    umount "$BATS_TEST_TMPDIR/small" 2>/dev/null || true
    [ -z "${cgroup-}" ] || remove_cgroup
}

# --- A memory cgroup ---

remove_cgroup() {
    local tries
    # The kernel lets go of the last process a moment after its death was seen.
    for ((tries = 0; tries < 100; tries++)); do
        rmdir "$cgroup" 2>/dev/null && return
        [ -d "$cgroup" ] || return 0
        sleep 0.05
    done
    echo "could not remove $cgroup"
    return 1
}

make_cgroup() {
    local name=heaptracker-test-$$
    if [ -w /sys/fs/cgroup/memory/memory.limit_in_bytes ] || [ -w /sys/fs/cgroup/memory/cgroup.procs ]; then
        cgroup=/sys/fs/cgroup/memory/$name
        mkdir "$cgroup" 2>/dev/null || { cgroup=; skip "no memory cgroup can be made (v1)"; }
        echo $limit >"$cgroup/memory.limit_in_bytes" || skip "memory.limit_in_bytes cannot be set"
        # Without swap accounting there is no such file.
        echo $limit 2>/dev/null >"$cgroup/memory.memsw.limit_in_bytes" || true
    elif grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
        cgroup=/sys/fs/cgroup/$name
        mkdir "$cgroup" 2>/dev/null || { cgroup=; skip "no memory cgroup can be made (v2)"; }
        [ -e "$cgroup/memory.max" ] || skip "the memory controller is not enabled for groups (v2)"
        echo $limit >"$cgroup/memory.max" || skip "memory.max cannot be set"
        echo 0 2>/dev/null >"$cgroup/memory.swap.max" || true
    else
        skip "no memory cgroup, neither v1 nor v2"
    fi
}

in_cgroup() {
    split bash -c 'echo $$ >"$0/cgroup.procs" && exec "${@}"' "$cgroup" "$@"
}

# The kernel's own count of whom it killed, v1's and v2's.
oom_kills() {
    cat "$cgroup"/memory.oom_control "$cgroup"/memory.events 2>/dev/null | sed -n 's/^oom_kill //p'
}

# The eater, by its own count, held most of the limit.
eater_held_it() {
    json "$1" '.sites | max_by(.live_bytes).stack | [.[] | .function][:2]' '["eats_it_all","main"]'
    json "$1" ".sites | max_by(.live_bytes).live_bytes | . > $limit / 2 and . <= $limit" true
}

@test "after a real out-of-memory kill the report names who held the memory" {
    need_tracking
    need jq
    [ "$(id -u)" -eq 0 ] || skip "only root makes a memory cgroup"
    make_cgroup
    mkdir disk
    in_cgroup "$tool" run --state-dir="$PWD/disk" -o eaten.ht -- "$eater"
    [ "$status" -eq 137 ]
    [ "$(oom_kills)" -eq 1 ]
    [[ $err == *eats_it_all* ]]
    "$tool" report --format=json eaten.ht >eaten.json
    json eaten.json '[.ended, .status]' '["signal",9]'
    eater_held_it eaten.json
    [ -z "$(ls -A disk)" ]
}

# So do services of systemd and pods of Kubernetes end, and then they are started again.
@test "an out-of-memory kill of the whole group, run included, leaves the numbers where they were" {
    need_tracking
    need jq
    [ "$(id -u)" -eq 0 ] || skip "only root makes a memory cgroup"
    make_cgroup
    [ -e "$cgroup/memory.oom.group" ] || skip "only cgroup v2 has memory.oom.group"
    echo 1 >"$cgroup/memory.oom.group"
    mkdir disk
    in_cgroup "$tool" run --state-dir="$PWD/disk" -o eaten.ht -- "$eater"
    [ "$status" -eq 137 ]
    [ "$(oom_kills)" -ge 2 ] # the one that is chosen counts twice
    [ ! -e eaten.ht ]
    "$tool" run -q --state-dir="$PWD/disk" -o again.ht -- jq -n 1
    "$tool" report --format=json disk/heaptracker-run.*/*.ht >eaten.json
    eater_held_it eaten.json
}

# --- Places ---

# The program's own status and output come through, and one line of ours says why.
runs_all_the_same() {
    split "$@"
    [ "$status" -eq 7 ]
    [ "$out" = hello ]
}

# root may write everywhere but where there is nothing to write to.
forbidden_place() {
    where=/proc/sys
    [ "$(id -u)" -ne 0 ] || return 0
    where=$PWD/forbidden
    mkdir -m 0 "$where"
}

@test "an unwritable state directory: run says so before it starts anything" {
    need_tracking
    forbidden_place
    split "$tool" run --quiet --state-dir="$where" -o x.ht -- touch ran
    [ "$status" -eq 125 ]
    one_line "$err"
    [[ $err == *"$where"*--state-dir* ]]
    [ ! -e ran ]
    [ ! -e x.ht ]
}

@test "an unwritable state directory: a preloaded program says so and runs" {
    need_tracking
    forbidden_place
    runs_all_the_same env LD_PRELOAD="$HT_BUILD/lib/libheaptracker-preload.so" \
        HEAPTRACKER_OPTIONS="state_dir=$where" perl -e 'print "hello\n"; exit 7'
    one_line "$err"
    [[ $err == *"$where"* ]]
}

@test "a full disk: one line, and the program runs" {
    need_tracking
    mkdir small
    mount -t tmpfs -o size=64k,mode=700 none small 2>/dev/null || skip "no tmpfs can be mounted here"
    dd if=/dev/zero of=small/all bs=4k 2>/dev/null || true
    runs_all_the_same "$tool" run --quiet --state-dir="$PWD/small" -o x.ht -- sh -c 'echo hello; exit 7'
    one_line "$err"
    [[ $err == *--state-dir* ]]
    rm small/all
    no_state_left_in small
}

@test "a disk that is full after the first process: the others are counted in one line" {
    need_tracking
    mkdir small
    mount -t tmpfs -o size=700k,mode=700 none small 2>/dev/null || skip "no tmpfs can be mounted here"
    runs_all_the_same "$tool" run --quiet --state-dir="$PWD/small" -o x.ht -- \
        sh -c 'perl -e 1; perl -e 2; echo hello; exit 7'
    one_line "$err"
    [[ $err == *"2 processes were not recorded: "*"No space left"*--state-dir* ]]
    [ -s x.ht ]
    no_state_left_in small
    umount small
}

@test "a process that may not write there says so itself, under run too" {
    need_tracking
    need setpriv util-linux
    [ "$(id -u)" -eq 0 ] || skip "only root can become another user"
    # The library must be in another user's reach.
    split setpriv --reuid=65534 --clear-groups cat "$HT_BUILD/lib/libheaptracker-preload.so"
    [ "$status" -eq 0 ] || skip "another user cannot read the library"
    runs_all_the_same "$tool" run --quiet -o x.ht -- sh -c 'setpriv --reuid=65534 --clear-groups true; echo hello; exit 7'
    one_line "$err"
    [[ $err == *"no state file in $PWD/states/heaptracker-run."*"permission denied"* ]]
}

no_state_left_in() {
    [ -z "$(ls -A "$1")" ]
}

@test "a disk that fills up while the program runs: a full table, counted" {
    need_tracking
    need jq
    need cmake
    local size lost=0
    mkdir small
    # Somewhere between too small to start and large enough for all.
    for size in 500k 600k 700k 800k 900k; do
        mount -t tmpfs -o size=$size,mode=700 none small 2>/dev/null || skip "no tmpfs can be mounted here"
        rm -f x.ht
        "$tool" run --quiet --state-dir="$PWD/small" -o x.ht -- cmake -P "$HT_SOURCE/tests/truth/inputs/lists.cmake" >out
        umount small
        [ "$(<out)" = "-- 2001" ]
        [ -e x.ht ] || continue
        "$tool" report --format=json x.ht >x.json
        echo "$size: $(jq -c .lost x.json)"
        json x.json '.lost.blocks' 0
        # What found no place is at the site that stands for it, so that the sums are still right: all of it,
        # where there was no room for any site.
        json x.json '.totals.live_bytes == ([.sites[].live_bytes] | add)' true
        json x.json '.totals.peak_bytes == ([.sites[].peak_bytes] | add)' true
        json x.json '.totals.allocs == ([.sites[].allocs] | add)' true
        lost=$((lost + $(jq .lost.sites x.json)))
    done
    [ "$lost" -gt 0 ]
}

@test "no /dev/shm: another directory, and the run is the same" {
    need_tracking
    need unshare util-linux
    unshare -m true 2>/dev/null || skip "unshare -m is not allowed here"
    unset XDG_RUNTIME_DIR
    mkdir tmp
    # An empty read-only file system takes its place.
    runs_all_the_same env TMPDIR="$PWD/tmp" unshare -m sh -c \
        'mount -t tmpfs -o ro none /dev/shm && exec "$@"' sh \
        "$tool" run --quiet -o x.ht -- sh -c 'echo hello; exit 7'
    [ -z "$err" ]
    [ -s x.ht ]
    no_state_left_in tmp
}

@test "no place at all: one line, and the program runs untracked" {
    need_tracking
    need unshare util-linux
    unshare -m true 2>/dev/null || skip "unshare -m is not allowed here"
    unset XDG_RUNTIME_DIR
    # /tmp stays visible, since all of this may lie there.
    runs_all_the_same env TMPDIR=/proc/sys unshare -m sh -c \
        'mount -t tmpfs -o ro none /dev/shm && mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp && exec "$@"' sh \
        "$tool" run -- sh -c 'echo hello; exit 7'
    one_line "$err"
    [[ $err == *"sh was not tracked: "*"/dev/shm"*"--state-dir"* ]]
}
