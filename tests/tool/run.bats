#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# heaptracker run: the program must not notice, and the numbers must be exact.

load helpers

@test "the totals of a known program are exact" {
    need_tracking
    "$tool" run -q -o x.ht -- "$workload"
    "$tool" report --format=json x.ht >out
    known_totals out
    json out '[.ended, .status, .totals.threads, .calls_in_progress, .children]' '["exit",0,1,0,[]]'
    json out '.lost | add' 0
    json out '.program == $ENV.HT_BUILD + "/tests/tool/workload"' true
    json out '.command == [.program]' true
    json out '.seconds > 0' true
}

@test "the summary is on stderr, the program's stdout is its own" {
    need_tracking
    split "$tool" run -- "$workload" say
    [ "$status" -eq 0 ]
    [ "$out" = "on stdout" ]
    grep -Eq '^ +allocated +13 +1714 ' <<<"$err"
    grep -Eq '^ +live at exit +4 +800 ' <<<"$err"
    no_state_left
}

@test "quiet says nothing, and keeps the file all the same" {
    need_tracking
    split "$tool" run --quiet -- "$workload"
    [ -z "$out$err" ]
    "$tool" report --format=json heaptracker.workload.*.ht >out
    known_totals out
}

@test "the log has a line for each call, in the original library's form" {
    need_tracking
    echo old >calls
    split "$tool" run -q -o x.ht --threshold=512 --log=calls -- "$workload" say
    [ "$out" = "on stdout" ]
    ! grep -v 'are above the threshold (512)' <<<"$err" || false
    "$tool" report --format=json x.ht >json
    # A realloc is one line, and one alloc and one free.
    [ "$(grep -Ec '^Heap-Tracker lib: [a-z_]+\(.*heap_allocated' calls)" -eq "$(wc -l <calls)" ]
    [ "$(grep -v FAILED calls | grep -Ec ' (malloc|calloc|realloc)\(')" -eq "$(jq .totals.allocs json)" ]
    [ "$(grep -c FAILED calls)" -eq "$(jq .totals.failed_allocs json)" ]
    grep -q 'is above heap_threshold (512 bytes)' calls
    [ "$(tail -1 calls | grep -o 'heap_allocated ([0-9]*')" = "heap_allocated ($(jq .totals.live_bytes json)" ]
    split "$tool" run -q -o x.ht --log -- "$workload" say
    [ "$out" = "on stdout" ]
    [ "$(wc -l <<<"$err")" -eq "$(wc -l <calls)" ]
}

@test "a log that cannot be written is refused before the program runs" {
    need_tracking
    split "$tool" run --log=missing/calls -- "$workload" say
    [ "$status" -eq 125 ]
    [ -z "$out" ]
    grep -q 'cannot write missing/calls' <<<"$err"
}

@test "--no-follow-fork tracks the program and nothing that it starts" {
    need_tracking
    split "$tool" run -q -o alone.ht --no-follow-fork -- sh -c '"$0" >/dev/null; ("$0" >/dev/null); "$0" say; exit 3' "$workload"
    [ "$status" -eq 3 ]
    [ "$out" = "on stdout" ]
    [ -z "$err" ]
    [ "$(ls alone.ht*)" = alone.ht ]
    "$tool" report --format=json alone.ht >json
    [ "$(jq '.children | length' json)" -eq 0 ]
    split "$tool" run -q -o all.ht --follow-fork -- sh -c '"$0" >/dev/null; "$0" say' "$workload"
    [ "$(ls all.ht* | wc -l)" -gt 1 ]
    split "$tool" run --follow-fork --no-follow-fork -- true
    [ "$status" -eq 125 ]
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

@test "stacks that begin before main or in a coroutine are whole, those through code without tables are cut" {
    need_tracking
    shapes=$HT_BUILD/tests/truth/stack_shapes
    [ -x "$shapes" ] || skip "stack_shapes is not built"
    ldd "$shapes" | grep -q ld-linux-x86-64 || skip "makecontext's start is known for glibc on x86-64 alone"
    split "$tool" run -q -o x.ht -- "$HT_BUILD/tests/engine/early_late.preload"
    "$tool" report --format=json x.ht >out
    json out '[.sites[].stack[-1].module | select(test("ld-linux"))] | length > 0' true
    json out .lost.frames 0
    "$tool" run -q -o x.ht -- "$shapes" coroutines
    "$tool" report --format=json x.ht >out
    json out .lost.frames 0
    "$tool" run -q -o x.ht -- "$shapes" bare
    "$tool" report --format=json x.ht >out
    json out '.lost.frames > 0' true
}

@test "resident memory is sampled from outside" {
    need_tracking
    # The tracker makes a point where live bytes have moved, the tool where time has passed.
    "$tool" run -q -o x.ht --interval=1 -- perl -e 'for (1 .. 40) { $x .= "a" x 300000; select(undef, undef, undef, 0.005) }'
    "$tool" report --format=json x.ht >out
    json out '.timeline | length > 5' true
    json out '[.timeline[].rss_bytes] | max > 100000' true
}

@test "the timeline of a program that grows slowly is filled in from outside, in order" {
    need_tracking
    split "$tool" run -o x.ht --interval=20 -- sh -c '"$0" slowly; sleep 0.2' "$workload"
    "$tool" report --format=json x.ht >tree
    json tree '.timeline | length > 5' true
    # A child, whose file was made small while the first process went on.
    "$tool" report --format=json "$(jq -r '.children[] | select(.program | test("workload")) | .file' tree)" >out
    json out '.timeline | length > 5' true
    json out '[.timeline[].ms] == ([.timeline[].ms] | sort)' true
    json out '[.timeline[].live_bytes] == ([.timeline[].live_bytes] | sort)' true
    json out '[.timeline[] | select(.live_bytes % 1000 == 800 and .rss_bytes > 0)] | length > 5' true
    json out '[.timeline[].ms] as $t | all(range(1; $t | length); $t[.] - $t[. - 1] >= 10)' true
    split "$tool" run -o y.ht --interval=20 -- "$workload" slowly
    grep -q '^  over time ' <<<"$err"
}

@test "resident memory of each process of the tree is sampled" {
    need_tracking
    "$tool" run -q -o x.ht --interval=1 -- sh -c \
        'perl -e '\''for (1 .. 40) { $x .= "a" x 300000; select(undef, undef, undef, 0.005) }'\''; true'
    "$tool" report --format=json x.ht >out
    child=$(jq -r '.children[] | select(.program | test("perl")) | .file' out)
    "$tool" report --format=json "$child" >out
    json out '[.timeline[].rss_bytes] | max > 1000000' true
}

@test "json is one line on stderr" {
    need_tracking
    split "$tool" run --format=json "$workload" exit 4
    [ "$status" -eq 4 ]
    [ -z "$out" ]
    [ "$(wc -l <<<"$err")" -eq 1 ]
    printf '%s\n' "$err" >out
    known_totals out
    json out '[.ended, .status]' '["exit",4]'
}

@test "the exit status is the program's own" {
    for wanted in 0 3 125 255; do
        split "$tool" run -q -- sh -c "exit $wanted"
        [ "$status" -eq "$wanted" ]
    done
    split "$tool" run -q -- sh -c 'kill -TERM $$'
    [ "$status" -eq 143 ]
    no_state_left
}

@test "an option whose file has no name is named itself" {
    for command in "run --output=" "run --state-dir=" "check --output=" "check --max-live=0 --baseline=" "report --output=" "torture --state-dir="; do
        # shellcheck disable=SC2086 # words are wanted
        split "$tool" $command true
        [ "$status" -eq 2 ] || [ "$status" -eq 125 ]
        one_line "$err"
        [[ $err =~ ": option '--"(output|state-dir|baseline)"' needs a value: "(FILE|OUT|DIR)" (see " ]]
    done
}

@test "a program killed by SIGKILL leaves exact totals" {
    need_tracking
    split "$tool" run -o x.ht -- "$workload" kill
    [ "$status" -eq 137 ]
    [[ $err == *"killed by signal 9"* ]]
    "$tool" report --format=json x.ht >out
    known_totals out
    json out '[.ended, .status]' '["signal",9]'
}

@test "a command that is not there is 127, one that cannot be executed 126" {
    touch plain
    split "$tool" run -- no-such-command-here
    [ "$status" -eq 127 ]
    one_line "$err"
    split "$tool" run -- ./missing
    [ "$status" -eq 127 ]
    one_line "$err"
    split "$tool" run -- ./plain
    [ "$status" -eq 126 ]
    one_line "$err"
    split "$tool" run -- .
    [ "$status" -eq 126 ]
    one_line "$err"
    no_state_left
}

@test "a failure of the tool itself is 125, before the program runs" {
    for options in "--frob" "-o missing/x.ht" "-o ." "--state-dir=missing" "--threshold=12Q" "--threshold=" "--threshold=9223372036854775808" "--stacks=deep" "--depth=0" "--depth=129" "--depth=x" "--interval=0" "--top=x" "--format=yaml"; do
        split "$tool" run $options -- touch ran
        [ "$status" -eq 125 ]
        [ -z "$out" ]
        one_line "$err"
        [ ! -e ran ]
    done
    split "$tool" run
    [ "$status" -eq 125 ]
    one_line "$err"
    split "$tool" run --state-dir=missing -- true
    [[ $err == *"missing: No such file or directory"*"--state-dir"* ]]
    long=$(printf 'x%.0s' {1..200})
    mkdir -p "$long/$long"
    split "$tool" run --state-dir="$long/$long" -- touch ran
    [ "$status" -eq 125 ]
    [[ $err == *"File name too long"* ]]
    [ ! -e ran ]
    no_state_left
}

@test "options after the command are the command's" {
    split "$tool" run -q sh -c 'echo "$1"' sh --help
    [ "$out" = "--help" ]
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

@test "a script is tracked as its interpreter" {
    need_tracking
    printf '#!/bin/sh\nexit 6\n' >script
    chmod +x script
    split "$tool" run -o x.ht -- ./script
    [ "$status" -eq 6 ]
    "$tool" report --format=json x.ht >out
    json out '.command[1]' '"./script"'
    printf 'exit 7\n' >script # no #! line: execvp lets the shell run it
    split "$tool" run -o x.ht -- ./script
    [ "$status" -eq 7 ]
    "$tool" report x.ht >/dev/null
}

@test "a static program runs untouched, and it is said that it was not tracked" {
    [ -x "$workload-static" ] || skip "no static libc"
    split "$tool" run -o x.ht -- "$workload-static" exit 9
    [ "$status" -eq 9 ]
    one_line "$err"
    [[ $err == *"not tracked: it is statically linked"*"HeapTracker::wrap"* ]]
    [ ! -e x.ht ]
    no_state_left
}

# runs_sanitized NAME PROGRAM: as it does without the tool, with a line that names the sanitizer.
runs_sanitized() {
    split "./$2" # not every runtime starts on every kernel
    [ "$status" -eq 3 ] || return 0
    built=$((built + 1))
    split "$tool" run -o x.ht -- "./$2"
    [ "$status" -eq 3 ]
    [ "$out" = "on stdout" ]
    one_line "$err"
    [[ $err == *"not tracked: it is built with $1, "*"without -fsanitize="* ]]
    [ ! -e x.ht ]
    no_state_left
}

@test "a program with a sanitizer runs as it does, untracked, and the line says what to do" {
    need gcc
    cat >sanitized.c <<-'END'
	#include <stdio.h>
	#include <stdlib.h>
	int main(void) { free(malloc(100)); puts("on stdout"); return 3; }
	END
    built=0 # and run
    for kind in address=AddressSanitizer thread=ThreadSanitizer leak=LeakSanitizer; do
        for how in "" "-static-liba" "-static-libt" "-static-libl"; do
            [ -z "$how" ] || [ "${how: -1}" = "${kind::1}" ] || continue
            # shellcheck disable=SC2086 # no word, or one
            gcc -fsanitize="${kind%=*}" ${how:+${how}san} -o sanitized sanitized.c 2>/dev/null || continue
            runs_sanitized "${kind#*=}" sanitized
        done
    done
    for kind in address=AddressSanitizer memory=MemorySanitizer; do # clang's are in the program itself
        clang -fsanitize="${kind%=*}" -o sanitized sanitized.c 2>/dev/null || continue
        runs_sanitized "${kind#*=}" sanitized
    done
    [ "$built" -gt 0 ] || skip "no sanitizer's runtime is there"
}

@test "a program with UndefinedBehaviorSanitizer alone is tracked" {
    need_tracking
    need gcc
    printf '#include <stdlib.h>\nint main(void) { free(malloc(100)); return 3; }\n' >sanitized.c
    gcc -fno-builtin -fsanitize=undefined -o sanitized sanitized.c 2>/dev/null || skip "no libubsan"
    split "$tool" run -q -o x.ht -- ./sanitized
    [ "$status" -eq 3 ]
    [ -z "$err" ]
    "$tool" report --format=json x.ht >json
    json json '.totals.allocs > 0' true
}

@test "a static program with the tracker linked in is tracked" {
    [ -x "$workload-static-wrap" ] || skip "no static libc"
    split "$tool" run -o x.ht -- "$workload-static-wrap" exit 9
    [ "$status" -eq 9 ]
    [[ $err != *"not tracked"* ]]
    # A static libc allocates at its start too: what known_calls adds is exact.
    "$tool" report --format=json x.ht >once
    "$tool" run -q -o y.ht -- "$workload-static-wrap" again
    "$tool" report --format=json y.ht >twice
    json <(jq -s '[.[1].totals.allocs - .[0].totals.allocs, .[1].totals.bytes_allocated - .[0].totals.bytes_allocated,
                   .[1].totals.live_bytes - .[0].totals.live_bytes]' once twice) . '[13,1714,800]'
}

@test "a musl program gets musl's library" {
    [ -x "$workload-musl" ] || skip "no musl-gcc (apt-get install musl-tools)"
    [ -e "$HT_BUILD/lib/libheaptracker-preload-musl.so" ] || skip "the musl library is not built"
    "$tool" run -q -o x.ht -- "$workload-musl"
    "$tool" report --format=json x.ht >out
    known_totals out
}

@test "an exec into a static program runs unharmed and is named" {
    need_tracking
    [ -x "$workload-static" ] || skip "no static libc"
    split "$tool" run -q -- "$workload" exec "$workload-static" exit 3
    [ "$status" -eq 3 ]
    one_line "$err"
    [[ $err == *"went on as 'workload-static', which was not tracked"* ]]
    # A script ends under its own name, and without exit handlers: not such a case.
    printf '#!/bin/sh\nkill -TERM $$\n' >script
    chmod +x script
    split "$tool" run -q -- ./script
    [ "$status" -eq 143 ]
    [ -z "$err" ]
    printf 'exit 7\n' >script # the shell runs it, under a name that is not its file's
    split "$tool" run -q -o x.ht -- ./script
    [ "$status" -eq 7 ]
    [ -z "$err" ]
}

@test "a program that gives itself another name is not taken for another program" {
    need_tracking
    split "$tool" run -q -o x.ht -- "$workload" rename
    [ "$status" -eq 143 ]
    [ -z "$err" ]
    split "$tool" run -q -o x.ht -- sh -c 'exec "$0" rename' "$workload"
    [ -z "$err" ]
}

@test "a program that goes on without the library is named, whatever it is called, with the reason" {
    need_tracking
    split "$tool" run -q -o x.ht -- env -i "$workload"
    one_line "$err"
    [[ $err == *"/env went on as 'workload', which was not tracked: LD_PRELOAD was taken"* ]]
    # Under its own name again, and for long enough to be looked at.
    split "$tool" run -q -o x.ht -- sh -c 'exec env -i sh -c "sleep 0.3; :"'
    one_line "$err"
    [[ $err == *"/env went on as '"*"', which was not tracked: LD_PRELOAD was taken"* ]]
    cp "$workload" sh
    split "$tool" run -q -o x.ht -- "$workload" exec /usr/bin/env LD_PRELOAD= ./sh rename
    [ "$status" -eq 143 ]
    [[ $err == *"/env went on as 'sh', which was not tracked"* ]]
    [ -x "$workload-static" ] || skip "no static libc"
    split "$tool" run -q -o x.ht -- env "$workload-static" exit 3
    [ "$status" -eq 3 ]
    one_line "$err"
    [[ $err == *"went on as 'workload-static', which was not tracked: it is statically linked"* ]]
}

@test "an exec between libcs runs unharmed and is named" {
    need_tracking
    [ -x "$workload-musl" ] || skip "no musl-gcc (apt-get install musl-tools)"
    split "$tool" run -q -- "$workload" exec "$workload-musl" exit 3
    [ "$status" -eq 3 ]
    one_line "$err"
    [[ $err == *"went on as 'workload-musl', which was not tracked"* ]]
    [ -e "$HT_BUILD/lib/libheaptracker-preload-musl.so" ] || skip "the musl library is not built"
    split "$tool" run -q -- "$workload-musl" exec "$workload" exit 4
    [ "$status" -eq 4 ]
    [[ $err == *"cannot be preloaded"*": ignored."* ]] # said by glibc's loader
}

@test "a program that gets another user's rights is named as not tracked" {
    [ "$(id -u)" -eq 0 ] || skip "only root can make such a file"
    mkdir -m 755 bin
    cp "$workload" bin/suid
    chown 12345 bin/suid
    chmod u+s bin/suid
    split "$tool" run -- ./bin/suid exit 2
    [ "$status" -eq 2 ]
    [[ $err == *"not tracked: it gets another user's rights"* ]]
}

@test "a program with file capabilities is named as not tracked, for all but root" {
    [ "$(id -u)" -eq 0 ] || skip "only root can make such a file"
    need setcap libcap2-bin
    need setpriv util-linux
    chmod 755 "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")" "$(dirname "$(dirname "$BATS_TEST_TMPDIR")")"
    mkdir -m 755 bin
    cp "$workload" bin/able
    setcap cap_net_raw+ep bin/able 2>/dev/null || skip "this file system keeps no capabilities"
    split setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'cd / && exec "$@"' sh \
        "$tool" run --state-dir=/tmp -- "$PWD/bin/able" exit 2
    [ "$status" -ne 126 ] || skip "another user cannot reach the test's directory"
    [ "$status" -eq 2 ]
    [[ $err == *"not tracked: it gets another user's rights or capabilities"* ]]
    split "$tool" run -q -o x.ht -- bin/able exit 2
    [ -s x.ht ]
}

@test "a forked child has a file of its own beside FILE" {
    need_tracking
    "$tool" run -q -o x.ht -- "$workload" fork
    "$tool" report --format=json x.ht >out
    known_totals out
    json out '.children | length' 1
    child=$(jq -r '.children[0].pid' out)
    json out '.children[0].file' "\"x.ht.$child\""
    "$tool" report --format=json "x.ht.$child" >out
    json out '.inherited' '{"live_bytes":800,"live_blocks":4}'
    json out '.totals | [.live_bytes, .live_blocks]' '[833,5]'
}

# The path of each site of 10000 bytes and more spells how many more (workload.c).
@test "a forked child goes on with its parent's stacks, and has new ones of its own" {
    need_tracking
    "$tool" run -q -o x.ht -- "$workload" spell
    spelled='[.sites[] | select(.live_bytes >= 10000) | [.live_bytes / .live_blocks - 10000,
        ([.stack[].function | select(startswith("spell_"))] | reverse | .[1:] |
            reduce .[] as $f (0; . * 2 + (if $f == "spell_one" then 1 else 0 end)))]]'
    "$tool" report --format=json x.ht >out
    json out "$spelled | [length, all(.[0] == .[1])]" '[334,true]'
    "$tool" report --format=json "x.ht.$(jq -r '.children[0].pid' out)" >out
    json out "$spelled | [length, all(.[0] == .[1])]" '[1000,true]'
    json out '[.sites[] | select(.live_bytes >= 10000) | .live_blocks] | add' 1334
}

@test "files of processes that have ended are made small while the run goes on, and say the same" {
    need_tracking
    [ "$(stat -f -c %T /dev/shm)" = tmpfs ] || skip "/dev/shm is no tmpfs"
    # Two processes of three images each, the shell's own first, and one that goes on.
    split "$tool" run -q -o x.ht --state-dir=/dev/shm --interval=10 -- sh -c \
        'for i in 1 2; do ("$0" exec "$0"); done; sleep 2 & sleep 1
         directory=${HEAPTRACKER_OPTIONS#*state_dir=}; stat -c "%s %n" "${directory%%:*}"/*.ht; kill $!' "$workload"
    [ "$(awk '$1 < 100000' <<<"$out" | wc -l)" -ge 6 ] # and what the shell waited with
    [ "$(awk '$1 >= 524288' <<<"$out" | wc -l)" -ge 2 ]
    "$tool" report --format=json x.ht >tree
    json tree '[.children[] | select(.program | test("workload")) | .ended] | sort' '["exec","exec","unknown","unknown"]'
    for file in $(jq -r '.children[] | select(.program | test("workload")) | .file' tree); do
        "$tool" report --format=json "$file" >out
        known_totals out
        json out '[.sites[].allocs] | add' 13
    done
}

@test "FILE is the last image, what ran before an exec is FILE.PID.N" {
    need_tracking
    split "$tool" run -q -o x.ht -- "$workload" exec "$workload" exit 3
    [ "$status" -eq 3 ]
    "$tool" report --format=json x.ht >out
    known_totals out
    json out '[.status, .command[1]]' '[3,"exit"]'
    pid=$(jq .pid out)
    json out '[.children[] | [.pid, .file, .ended]]' "[[$pid,\"x.ht.$pid.0\",\"exec\"]]"
    "$tool" report --format=json "x.ht.$pid.0" >out
    known_totals out
    json out '.command[1]' '"exec"'
}

# The pids that the summary in `err` says go on.
pids_that_go_on() {
    sed -nE 's/^[0-9]+ process(es go| goes) on \(pid ([0-9, ]+)\).*/\2/p' err | tr -d ,
}

@test "a process that outlives the run goes on, and is found by its pid; the next run clears up after it" {
    need_tracking
    mkfifo hold
    exec 4<>hold
    "$tool" run -o x.ht -- "$workload" survivor <hold 4>&- 2>err
    "$tool" report --format=json x.ht >out
    json out '[.children[].ended]' '["running"]'
    pid=$(pids_that_go_on)
    json out '.children[0].pid' "$pid"
    grep -q "report PID.* the next run removes $PWD/states/heaptracker-run" err
    "$tool" report --format=json "$pid" >out
    json out '[.ended, .totals.live_bytes]' '["running",833]'
    [ "$(ls states/*/*.ht)" = "$(echo states/*/"$pid".0.ht)" ] # what has ended has no file there
    "$tool" run -q -o y.ht -- "$workload" # while it lives nothing is taken from it
    [ -e states/*/"$pid".0.ht ]
    exec 4>&-
    ended "$pid"
    "$tool" report --format=json "$pid" >out
    json out '.totals.live_bytes' 833
    "$tool" run -q -o y.ht -- "$workload"
    no_state_left
}

@test "a daemon that calls for the first time after the run has its file, and is found by its pid" {
    need_tracking
    mkfifo hold
    exec 4<>hold
    "$tool" run -o x.ht -- "$workload" daemon <hold 4>&- 2>err
    pid=$(pids_that_go_on)
    [ -n "$pid" ]
    echo >hold
    for _ in {1..100}; do # it calls when it calls
        "$tool" report --format=json "$pid" >out 2>/dev/null &&
            json out '[.ended, .inherited.live_bytes, .totals.live_bytes]' '["running",800,833]' && break
        sleep 0.05
    done
    json out '[.ended, .inherited.live_bytes, .totals.live_bytes]' '["running",800,833]'
    exec 4>&-
    ended "$pid"
    "$tool" run -q -o y.ht -- true
    no_state_left
}

@test "a run's end is silent about who goes on where it shall be, or cannot be a line of text" {
    need_tracking
    mkfifo hold
    exec 4<>hold
    split "$tool" run -q -o x.ht -- "$workload" survivor <hold 4>&-
    [ -z "$err" ]
    split "$tool" run --format=json -o x.ht -- "$workload" survivor <hold 4>&-
    [ "$(wc -l <<<"$err")" -eq 1 ]
    exec 4>&-
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

@test "signals to the tool reach the program, and its answer comes back" {
    need_tracking
    env --default-signal true 2>/dev/null || skip "env has no --default-signal (coreutils 8.31)"
    for signal in INT QUIT TERM HUP USR1 USR2 WINCH; do
        mkfifo from
        # Of what a script starts with &, bash ignores INT and QUIT.
        env --default-signal "$tool" run -o x.ht -- "$workload" wait >from 2>err &
        exec 5<from
        read -r line <&5
        [ "$line" = ready ]
        kill -$signal $!
        read -r line <&5
        [ "$line" = "got $signal" ]
        status=0
        wait $! || status=$?
        [ "$status" -eq 5 ]
        exec 5<&-
        rm from
        grep -q 'exit status 5' err
    done
}

# with_stack KIB COMMAND...: where the stack may have so much
with_stack() {
    bash -c 'ulimit -s "$1"; shift; exec "$@"' - "$@"
}

@test "a small stack is enough for the tool, and the program keeps its limit" {
    need_tracking
    for kib in 128 64; do
        with_stack $kib "$tool" run --quiet -o x.ht -- bash -c 'ulimit -s' >limit
        [ "$(<limit)" = $kib ]
        # Its names are in its debug information, and libdw needs the most.
        with_stack $kib "$tool" run -o x.ht -- "$HT_BUILD/tests/tool/gate" >out 2>err
        grep -q 'keep_line .*gate\.c:' err
        with_stack $kib "$tool" report x.ht >out
        grep -q 'keep_line .*gate\.c:' out
    done
}

@test "signals to a tool with a small stack reach the program" {
    need_tracking
    mkfifo from
    # No function: the process that gets the signal is to be the tool.
    bash -c 'ulimit -s 128; exec "$@"' - "$tool" run -o x.ht -- "$workload" wait >from 2>err &
    exec 5<from
    read -r line <&5
    [ "$line" = ready ]
    kill -TERM $!
    read -r line <&5
    [ "$line" = "got TERM" ]
    status=0
    wait $! || status=$?
    [ "$status" -eq 5 ]
    exec 5<&-
    grep -q 'exit status 5' err
}

@test "after the program's end a signal stops the tool, where it waits for a reader" {
    need_tracking
    for signal in TERM HUP; do
        mkfifo kept
        # -o opens it when the program has ended, and waits until somebody reads.
        "$tool" run -q -o kept -- touch ended &
        for try in $(seq 100); do
            [ -e ended ] && ! pgrep -P $! >/dev/null && break
            sleep 0.05
        done
        for try in $(seq 100); do # one that comes a moment too early is handed on to nobody
            kill -$signal $! 2>/dev/null || break
            sleep 0.05
        done
        kill -KILL $! 2>/dev/null || true
        status=0
        wait $! || status=$?
        [ "$status" -eq $((128 + $(kill -l $signal))) ]
        rm kept ended
    done
}

@test "the keys of a terminal reach the program once, and the summary follows" {
    need_tracking
    need script bsdutils
    mkfifo keys from
    script -qec "'$tool' run -o x.ht -- '$workload' wait" /dev/null <keys >from &
    exec 6>keys 5<from
    read -r line <&5
    [[ $line == ready* ]]
    printf '\003' >&6
    cat <&5 >out
    status=0
    wait $! || status=$?
    exec 6>&- 5<&-
    [ "$status" -eq 5 ]
    [ "$(grep -c 'got INT' out)" -eq 1 ]
    grep -q 'exit status 5' out
}

@test "a running program can be reported by its pid" {
    need_tracking
    start_waiting
    "$tool" report --format=json "$pid" >out
    kill -TERM "$run_pid"
    known_totals out
    json out .ended '"running"'
    wait "$run_pid" || true
}

@test "if the tool itself is killed the program goes on and can be reported" {
    need_tracking
    start_waiting
    kill -KILL "$run_pid"
    wait "$run_pid" || true
    "$tool" report --format=json "$pid" >out
    kill -KILL "$pid"
    known_totals out
    left=$(echo states/*/"$pid".0.ht)
    [ "$(od -An -tu8 -j $checksum_at -N 8 "$left")" -eq 0 ] # nobody closed it
    "$tool" report --format=json "$left" >out
    known_totals out
}

@test "ignored signals stay ignored for the program" {
    split "$tool" run -q -- sh -c 'kill -PIPE $$; echo survived'
    [ "$status" -eq 141 ] # the tool ignores SIGPIPE, the program does not
    split env --ignore-signal=HUP "$tool" run -q -- sh -c 'kill -HUP $$; echo survived'
    [ "$out" = survived ]
}

@test "what the user has in LD_PRELOAD and HEAPTRACKER_OPTIONS stays" {
    need_tracking
    mkdir own
    split env LD_PRELOAD=/nonexistent/allocator.so HEAPTRACKER_OPTIONS='threshold=1K:state_dir=own' \
        "$tool" run -q -- sh -c 'echo "$LD_PRELOAD"; echo "$HEAPTRACKER_OPTIONS"'
    [[ ${out%%$'\n'*} == *"/libheaptracker-preload.so:/nonexistent/allocator.so" ]]
    [[ ${out#*$'\n'} == "threshold=1K:state_dir=own:state_dir=$PWD/states/heaptracker-run."*":stacks=full" ]]
    split "$tool" run -q --stacks=caller --depth=7 --interval=20 -- sh -c 'echo "$HEAPTRACKER_OPTIONS"'
    [[ $out == *":stacks=caller:depth=7:interval=20" ]]
    [ -z "$(ls own)" ]
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

@test "a tool without its library says so and runs the program" {
    mkdir bin
    cp "$tool" bin/
    split bin/heaptracker run -- sh -c 'exit 8'
    [ "$status" -eq 8 ]
    one_line "$err"
    [[ $err == *"libheaptracker-preload.so is not beside"* ]]
}

@test "the state lies in a private directory" {
    need_tracking
    split "$tool" run -q -- sh -c 'stat -c %a "$XDG_RUNTIME_DIR"/heaptracker-run.*'
    [ "$out" = 700 ]
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

@test "a program that defines malloc is named where nothing was counted, and check cannot tell" {
    need_tracking
    own=$HT_BUILD/tests/tool/own_malloc
    [ -x "$own" ] || skip "own_malloc is not built"
    split "$tool" run -q -o x.ht -- "$own"
    [ "$status" -eq 0 ]
    one_line "$err"
    [[ $err == *"nothing was counted: $own defines malloc itself"*"HeapTracker::wrap"* ]]
    split "$tool" report x.ht
    [ "$status" -eq 0 ]
    one_line "$err"
    [[ $err == *"defines malloc itself"* ]]
    split "$tool" check --max-peak=1 x.ht
    [ "$status" -eq 2 ]
    one_line "$err"
    split "$tool" check --max-peak=1 -- "$own"
    [ "$status" -eq 2 ]
    one_line "$err"
    # A program that just allocates nothing is not such a one.
    need gcc
    echo 'int main(void) { return 0; }' >nothing.c
    gcc -o nothing nothing.c
    split "$tool" run -q -o x.ht -- ./nothing
    [ -z "$err" ]
}

@test "a program that defines malloc is counted by the tracker that is linked in, with its names or without" {
    need_tracking
    need strip binutils
    own=$HT_BUILD/tests/tool/own_malloc-wrap
    [ -x "$own" ] || skip "own_malloc-wrap is not built"
    strip -o stripped "$own"
    for program in "$own" ./stripped; do
        split "$tool" run -q -o x.ht -- "$program"
        [ "$status" -eq 0 ]
        [ -z "$err" ]
        "$tool" report --format=json x.ht >json
        json json '[.totals.allocs, .totals.peak_bytes]' '[1,100000]'
    done
}

@test "the tree of programs lists siblings by pid, and long names leave the columns where they are" {
    need_tracking
    cp "$workload" a-program-with-quite-a-long-name-that-ends
    cp "$workload" short
    split "$tool" run -o x.ht -- sh -c './short & ./a-program-with-quite-a-long-name-that-ends & ./short & ./short & wait'
    "$tool" report x.ht >out
    cat out
    sed -n '/^Its tree/,/^$/p' out | grep -E '(short|a-prog).* peak ' >lines
    [ "$(wc -l <lines)" -ge 4 ]
    awk '{ print $1 }' lines >pids
    sort -n pids | cmp - pids
    [ "$(sed 's/peak.*//' lines | while IFS= read -r line; do echo "${#line}"; done | sort -u | wc -l)" -eq 1 ]
    fails grep -Eq '^.{101}' lines
    # And the json has them in that order.
    "$tool" report --format=json x.ht >json
    json json '[.children[].pid] | . == sort' true
}
