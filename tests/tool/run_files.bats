#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# heaptracker run: what it keeps, and where: -o, the state directory, what a run that was killed left.

load helpers

@test "a log that cannot be written is refused before the program runs" {
    need_tracking
    split "$tool" run --log=missing/calls -- "$workload" say
    [ "$status" -eq 125 ]
    [ -z "$out" ]
    grep -q 'cannot write missing/calls' <<<"$err"
}

@test "without -o the numbers are kept under the program's name and pid" {
    need_tracking
    split "$tool" run -- "$workload"
    name=$(echo heaptracker.workload.*.ht)
    [[ $err == *"kept in $name: "* ]]
    "$tool" report --format=json "$name" >out
    known_totals out
    json out '"heaptracker.workload.\(.pid).ht"' "\"$name\""
    split "$tool" run -o x.ht -- "$workload"
    [ "$(echo heaptracker.workload.*.ht)" = "$name" ]
    [[ $err == *"kept in x.ht: "* ]]
}

@test "where nothing can be kept that is said, and all else goes on" {
    need_tracking
    split "$tool" run -- sh -c 'cd /; exec "$0" exit 3' "$workload"
    [ "$status" -eq 3 ]
    fails ls /heaptracker.sh.*.ht
    cd /proc # nobody makes files there
    split "$tool" run -- "$workload" exit 3
    [ "$status" -eq 3 ]
    [[ $err == *"nothing is kept: cannot write heaptracker.workload."*"-o FILE"* ]]
    [[ $err == *"allocated"*1714* ]]
}

@test "the small file that is kept says what the state file said" {
    need_tracking
    # A program that was stopped, as report finds it in place, and then as it was kept.
    mkfifo from
    "$tool" run -q -o x.ht -- "$workload" wait >from &
    exec 5<from
    read -r line <&5
    pid=$(pgrep -P $!)
    cp states/heaptracker-run.*/"$pid".0.ht raw.ht
    kill -TERM $!
    wait $! || true
    "$tool" report --format=json raw.ht | jq '[.totals, .lost, .sites]' >raw
    "$tool" report --format=json x.ht | jq '[.totals, .lost, .sites]' >kept
    diff raw kept
    [ -s raw ]
    [ "$(stat -c %s x.ht)" -le 65536 ]
}

@test "-o replaces a file atomically, through a link, and leaves nothing else" {
    need_tracking
    echo old >target
    ln -s target x.ht
    exec 6<target
    "$tool" run -q -o x.ht -- "$workload"
    [ -L x.ht ]
    "$tool" report x.ht >/dev/null
    [ "$(cat <&6)" = old ] # who had it open sees the old file, whole
    [ "$(ls)" = "$(printf 'states\ntarget\nx.ht')" ]
}

@test "-o keeps the mode and the owner of the file that it replaces" {
    need_tracking
    umask 022
    for mode in 600 640 664; do
        echo old >x.ht
        chmod $mode x.ht
        "$tool" run -q -o x.ht -- "$workload"
        [ "$(stat -c %a x.ht)" = $mode ]
        "$tool" report -o x.txt x.ht
    done
    rm x.ht
    "$tool" run -q -o x.ht -- "$workload"
    [ "$(stat -c %a x.ht)" = 644 ]
    [ "$(id -u)" -eq 0 ] || return 0
    chown 65534:65533 x.ht
    "$tool" run -q -o x.ht -- "$workload"
    [ "$(stat -c %u:%g x.ht)" = 65534:65533 ]
}

@test "a report of who cannot keep the group gives another group no rights" {
    [ "$(id -u)" -eq 0 ] || skip "needs root"
    need setpriv util-linux
    "$make_state" x.ht
    chmod 755 "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")" "$(dirname "$(dirname "$BATS_TEST_TMPDIR")")"
    mkdir -m 777 shared
    echo old >shared/x.txt
    chmod 660 shared/x.txt
    setpriv --reuid=65534 --regid=65534 --clear-groups "$tool" report -o shared/x.txt x.ht
    [ "$(stat -c %a:%u:%g shared/x.txt)" = 600:65534:65534 ]
}

@test "-o follows a link to a file that is not there yet, and no ring of links" {
    need_tracking
    mkdir far
    ln -s second first
    ln -s far/x.ht second
    "$tool" run -q -o first -- "$workload"
    [ -L first ]
    [ -L second ]
    [ -f far/x.ht ]
    "$tool" report first >/dev/null
    ln -s two one
    ln -s one two
    split "$tool" run -q -o one -- touch ran
    [ "$status" -eq 125 ]
    one_line "$err"
    [ -L one ]
    [ -L two ]
    [ ! -e ran ]
}

@test "-o to a device writes to it and does not replace it" {
    need_tracking
    "$tool" run -q -o /dev/null -- "$workload"
    [ -c /dev/null ]
}

@test "what a run that was killed has left goes with the next run, once nobody needs it" {
    need_tracking
    start_waiting
    kill -KILL "$run_pid"
    wait "$run_pid" || true
    "$tool" run -q -o x.ht -- true
    [ -e states/*/"$pid".0.ht ]
    kill -KILL "$pid"
    ended "$pid"
    mkdir states/heaptracker-run.foreign # not signed by a run: nobody's to take
    "$tool" run -q -o x.ht -- true
    [ "$(ls states)" = heaptracker-run.foreign ]
}

@test "in a --state-dir that was given, what a killed run has left stays, and the next run names it" {
    need_tracking
    mkdir disk
    mkfifo from hold
    "$tool" run -q --state-dir=disk -- "$workload" wait >from &
    exec 5<from
    read -r line <&5
    pid=$(pgrep -P $!)
    kill -KILL $! "$pid"
    wait $! || true
    ended "$pid"
    split "$tool" run -q --state-dir=disk -o x.ht -- true # silent, as it was told
    [ -z "$err" ]
    split "$tool" run --format=json --state-dir=disk -o x.ht -- true
    [ "$(wc -l <<<"$err")" -eq 1 ]
    "$tool" run --state-dir=disk -o x.ht -- true 2>err
    grep -q "^heaptracker: disk has the numbers of 1 run that was killed: .*report.*disk/heaptracker-run\." err
    "$tool" report --format=json disk/heaptracker-run.*/"$pid".0.ht >out
    known_totals out
    # What is left of a run that ended, and has shown what it had, goes as everywhere.
    rm -r disk/heaptracker-run.*
    exec 4<>hold
    "$tool" run --state-dir=disk -o x.ht -- "$workload" survivor <hold 4>&- 2>err
    pid=$(ls disk/heaptracker-run.*/*.ht | sed 's,.*/,,; s,\..*,,')
    exec 4>&-
    ended "$pid"
    "$tool" run --state-dir=disk -o x.ht -- true 2>err
    fails grep -q 'was killed' err
    [ -z "$(ls -A disk)" ]
}

@test "state directories and libraries with spaces and colons in their names work" {
    need_tracking
    mkdir 'a b:c\d'
    "$tool" run -q -o x.ht --state-dir='a b:c\d' -- "$workload"
    "$tool" report --format=json x.ht >out
    known_totals out
    [ -z "$(ls 'a b:c\d')" ]
    mkdir -p 'p q:r/bin' 'p q:r/lib'
    cp "$tool" 'p q:r/bin/'
    cp "$HT_BUILD"/lib/libheaptracker-preload.so 'p q:r/lib/'
    'p q:r/bin/heaptracker' run -q -o y.ht -- "$workload"
    "$tool" report --format=json y.ht >out
    known_totals out
    no_state_left
    split 'p q:r/bin/heaptracker' run -q --fail-site=nothing_is_called_so -- "$workload"
    [ "$status" -eq 125 ]
    one_line "$err"
    no_state_left
}

@test "the state lies in a private directory" {
    need_tracking
    local modes=700
    # Root's processes may become another user's, who can leave a mark in one place, see and read nothing.
    [ "$(id -u)" -ne 0 ] || modes=$'711\n1733 lost'
    split "$tool" run -q -- sh -c 'cd "$XDG_RUNTIME_DIR"/heaptracker-run.* && stat -c %a . && stat -c "%a %n" lost 2>/dev/null; stat -c %a ./*.ht | sort -u'
    [ "$out" = "$modes"$'\n600' ]
}

@test "a name that would steer a terminal does not reach it, nor the name of the file that is kept" {
    need_tracking
    cp "$workload" $'red\n\033[31m'
    split "$tool" run -- $'./red\n\033[31m' nothing
    fails grep -q $'\033' <<<"$err"
    name=$(echo heaptracker.*.ht)
    [[ $name == "heaptracker.red__[31m."*.ht ]]
    [[ $err == *"kept in $name: "* ]]
}

@test "a program that opens its data in place of standard error gets no line of the library there" {
    need_tracking
    local program=$HT_BUILD/tests/tool/closed_error
    split "$tool" run -q -o x.ht --threshold=1M -- "$program" data "$(type -P true)"
    [ "$status" -eq 0 ]
    [ "$(<data)" = $'one\ntwo' ]
    # What could not be said is counted.
    "$tool" report --format=json x.ht >json
    [ "$(jq .lost.events json)" -eq 1 ]
    # Standard error that is the run's own is written to.
    split "$tool" run -q --threshold=1M -- sh -c '"$0" data true 2>&2; "$1" nothing; perl -e "\$x = q(a) x 3000000"' "$program" "$workload"
    [[ $err == *"are above the threshold (1048576)"* ]]
    # The library alone knows standard error of each program's start only: it looks what is there.
    export HEAPTRACKER_OPTIONS=state_dir=$PWD/states:threshold=1M LD_PRELOAD=$HT_BUILD/lib/libheaptracker-preload.so
    "$program" data "$(type -P true)"
    unset HEAPTRACKER_OPTIONS LD_PRELOAD
    [ "$(<data)" = $'one\ntwo' ]
    rm -f states/*.ht
}
