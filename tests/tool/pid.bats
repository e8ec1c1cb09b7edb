# SPDX-License-Identifier: MIT
#
# What a pid leads to that is not plainly that of a tracked process.

load helpers

teardown() { # also where a test fails: what it has started must not outlive it
    local each
    for each in ${pid:-} ${run_pid:-}; do
        kill -KILL "$each" 2>/dev/null || true
    done
}

# The user nobody starts it, and may look at it, in a place where it can write.
start_as_nobody() {
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" 2>/dev/null || true
    mkdir -m 777 open
    nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_RUNTIME_DIR="$PWD/open")
    "${nobody[@]}" test -x "$tool" -a -w open || skip "another user cannot come here"
    mkfifo from
    "${nobody[@]}" "$tool" run -q -o /dev/null -- "$workload" wait >from &
    run_pid=$!
    exec 5<from
    read -r line <&5
    pid=$(pgrep -P "$run_pid")
}

@test "the pid of a run leads to the program that it tracks" {
    need_tracking
    start_waiting
    split "$tool" report --format=json "$run_pid"
    [ "$status" -eq 0 ]
    one_line "$err"
    [[ $err == *"process $run_pid is a 'heaptracker run'; this is its program, process $pid" ]]
    echo "$out" >out
    known_totals out
    json out '[.pid, .ended]' "[$pid,\"running\"]"
    kill -TERM "$pid"
    wait "$run_pid" || true
}

@test "the pid of a run leads to its program wherever the numbers lie, and so does that of a check" {
    need_tracking
    mkdir elsewhere
    start_waiting --state-dir=elsewhere
    "$tool" report --format=json "$run_pid" >out
    known_totals out
    kill -TERM "$pid"
    wait "$run_pid" || true
    exec 5<&-
    "$tool" check --max-peak=1M -- "$workload" wait >from &
    run_pid=$!
    exec 5<from
    read -r line <&5
    pid=$(pgrep -P "$run_pid")
    "$tool" report --format=json "$run_pid" >out
    json out '[.pid, .totals.live_bytes]' "[$pid,800]"
}

@test "the pid of a run lists the other processes of its tree" {
    need_tracking
    mkfifo from
    "$tool" run -q -- sh -c '"$0"; "$0" wait & wait' "$workload" >from &
    run_pid=$!
    exec 5<from
    read -r line <&5
    shell=$(pgrep -P "$run_pid")
    pid=$(pgrep -P "$shell")
    "$tool" report --format=json "$run_pid" >out
    json out .pid "$shell"
    json out '[.children[] | select(.program | endswith("/workload")) | .ended] | sort' '["running","unknown"]'
    kill -TERM "$pid"
    wait "$run_pid" || true
}

@test "of a run whose program has no numbers the pid is said to be heaptracker's own" {
    need_tracking
    [ -x "$workload-static" ] || skip "there is no static libc"
    mkfifo from
    "$tool" run -q -- "$workload-static" wait >from 2>err &
    run_pid=$!
    exec 5<from
    read -r line <&5
    pid=$(pgrep -P "$run_pid")
    split "$tool" report "$run_pid"
    [ "$status" -eq 2 ]
    one_line "$err"
    [[ $err == *"process $run_pid is heaptracker itself"*"'heaptracker list'"* ]]
}

@test "a state file that was deleted is read from the process that still has it mapped" {
    need_tracking
    [ "$(id -u)" -eq 0 ] || skip "only root may follow /proc/PID/map_files"
    start_waiting
    range=$(ls "/proc/$pid/map_files" | head -1)
    head -c 1 "/proc/$pid/map_files/$range" >byte 2>/dev/null || skip "this system does not let root read map_files"
    rm states/*/"$pid".0.ht
    for each in "$pid" "$run_pid"; do
        split "$tool" report --format=json "$each"
        [ "$status" -eq 0 ]
        [[ $err == *"/$pid.0.ht has been deleted: the numbers of process $pid go when it ends"* ]]
        echo "$out" >out
        known_totals out
        json out '[.pid, .ended]' "[$pid,\"running\"]"
        rm -rf states/heaptracker-run.* # likewise without its directory
    done
    kill -TERM "$pid"
    wait "$run_pid" || true
}

@test "who may not read a deleted state file is told that it is deleted, and what to do" {
    need_tracking
    [ "$(id -u)" -eq 0 ] || skip "only root can become another user"
    need setpriv util-linux
    start_as_nobody
    rm open/*/"$pid".0.ht
    split "${nobody[@]}" "$tool" report "$pid"
    [ "$status" -eq 2 ]
    one_line "$err"
    [[ $err == *"process $pid has its numbers in "*"/$pid.0.ht, which has been deleted"*"root"* ]]
}

@test "a daemon that became another user before it forked was not recorded, and is said so" {
    need_tracking
    [ "$(id -u)" -eq 0 ] || skip "only root can become another user"
    need cc gcc
    unset XDG_RUNTIME_DIR
    cat >daemon.c <<-'END'
	#include <stdio.h>
	#include <stdlib.h>
	#include <unistd.h>
	static void *volatile kept;
	int main(void)
	{
		pid_t child;
		int ready[2];
		char byte;
		kept = malloc(10);
		if (setuid(65534) != 0 || pipe(ready) != 0)
			return 1;
		child = fork();
		if (child == 0) {
			kept = malloc(20);
			write(ready[1], "x", 1);
			pause();
			_exit(0);
		}
		read(ready[0], &byte, 1);
		printf("%d\n", (int)child);
		return 0;
	}
	END
    cc -w -o daemon daemon.c
    "$tool" run -q -o x.ht -- ./daemon >pid 2>err 3>&-
    grep -q '1 process was not recorded' err
    pid=$(<pid)
    split "$tool" report "$pid"
    kill "$pid"
    [ "$status" -eq 2 ]
    one_line "$err"
    [[ $err == "heaptracker: process $pid was not recorded: it could make no state file: Permission denied; "*"run as that user"* ]]
}
