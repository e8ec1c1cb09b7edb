#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# heaptracker report, on state files that make_state writes: no tracker is needed.

load helpers

@test "text has the exact numbers and how the program ended" {
    "$make_state" x.ht
    split "$tool" report x.ht
    [ "$status" -eq 0 ]
    [ -z "$err" ]
    [[ $out == *"/usr/bin/sample, pid 4000000000: exit status 3 after 1.500 s"* ]]
    grep -Eq '^ +allocated +31 +3100 +3\.0 KiB$' <<<"$out"
    grep -Eq '^ +freed +12 +1200 ' <<<"$out"
    grep -Eq '^ +live at exit +19 +1900 ' <<<"$out"
    grep -Eq '^ +peak +25 +2500 ' <<<"$out"
    grep -Eq '^ +temporary +5 +16\.1 %' <<<"$out"
    grep -Eq '^ +failed +2 ' <<<"$out"
    fails grep -q 'lost [beg]' <<<"$out"
}

@test "text says who held the memory at the peak and who holds it still" {
    export LC_ALL=C.UTF-8
    "$make_state" x.ht
    "$tool" report x.ht >out
    grep -Eq '^  over time +▄█▆  1.500 s$' out
    grep -q '^  peak was  *0.500 to 1.000 s after the start$' out
    sed -n '/^Who held it at the peak of 2.4 KiB/,/^$/p' out >peak
    grep -Eq '^ +56\.0 % +1\.4 KiB +14  \[sample\]\+0x1000$' peak
    grep -Eq '^ +← \[sample\]\+0xfff *$' peak
    grep -Eq '^ +32\.0 % +800 B +8  \[sample\]\+0x2000$' peak # an interrupted instruction: nothing subtracted
    grep -Eq '^ +8\.0 % +200 B +2  \(other: ' peak
    grep -Eq '^ +4\.0 % +100 B +1  \(between threads\)$' peak
    sed -n '/^Still live at exit, 1.9 KiB/,/^$/p' out >live
    grep -Eq '^ +15\.8 % +300 B +3  \(other: ' live
    grep -q '^Temporary allocations' out # 5 of 31
    fails grep -iq leak out
    fails grep -q ' $' out
    "$tool" report --top=1 x.ht >out
    grep -Eq '^ +44\.0 % +1\.1 KiB +11  in 3 more places' out
    "$tool" report --top=0 x.ht >out
    fails grep -q 'Who held' out
    LC_ALL=C "$tool" report x.ht >out
    fails env LC_ALL=C grep -q '[^ -~]' out
}

@test "a row counts all of a large program's sites" {
    need_tracking
    "$tool" run --quiet -o x.ht "$HT_BUILD/tests/html/many_sites" 10000
    "$tool" report x.ht >out
    # Each list has a row for all, not for the largest few thousand.
    grep -Eq '^ +100\.0 % +9\.6 MiB +5001  allocate ' out
    grep -Eq '^ +100\.0 % +9\.6 MiB +5000  allocate ' out
    grep -Eq '^ +100\.0 % +5000  allocate ' out
}

@test "colour only on a terminal, and never with NO_COLOR" {
    need script bsdutils
    "$make_state" x.ht
    "$tool" report x.ht >out
    fails grep -q $'\e' out
    TERM=xterm script -qc "'$tool' report x.ht" /dev/null >out
    grep -q $'\e\\[1m' out
    TERM=xterm NO_COLOR=1 script -qc "'$tool' report x.ht" /dev/null >out
    fails grep -q $'\e' out
}

@test "the sites of a json report add up to the program's numbers" {
    need jq
    "$make_state" x.ht
    "$tool" report --format=json x.ht >out
    json out '[.sites[].peak_bytes] | add' 2500
    json out '[.sites[].peak_blocks] | add' 25
    json out '[.sites[].live_bytes] | add' 1900
    json out '[.sites[] | [.id, .peak_bytes, .live_bytes, .allocs, .temporary_allocs, .stack[0].function]]' \
        '[[1,1400,800,20,0,"[sample]+0x1000"],[2,800,800,8,5,"[sample]+0x2000"],[3,200,300,3,0,"(other)"],[4,100,0,0,0,"(between threads)"]]'
    json out '.sites[0].stack' '[{"function":"[sample]+0x1000","file":null,"line":0,"module":"[sample]","address":"0x550000001000","offset":"0x1000","inlined":false},{"function":"[sample]+0xfff","file":null,"line":0,"module":"[sample]","address":"0x550000000fff","offset":"0xfff","inlined":false}]'
    json out '.timeline[2]' '{"ms":1000,"live_bytes":2500,"live_blocks":25,"rss_bytes":8192}'
    json out '[.peak_from_seconds, .peak_seconds, .lost.sites]' '[0.5,1,3]'
}

@test "a cut stack is a loss; one that begins in the dynamic loader is whole" {
    need jq
    "$make_state" x.ht cut_stack=3000,4000
    "$tool" report x.ht >out
    grep -Eq '^ +cut stacks +1 ' out
    "$tool" report --format=json x.ht >out
    json out '[.lost.frames, .lost.deep]' '[1,0]'
    for loader in /lib64/ld-linux-x86-64.so.2 /lib/ld-musl-x86_64.so.1; do
        "$make_state" x.ht cut_stack=3000,4000 module=$loader
        "$tool" report --format=json x.ht >out 2>err
        json out .lost.frames 0
    done
}

@test "text fits 100 columns with the largest numbers" {
    "$make_state" x.ht peak_bytes=9223372036854775807 peak_blocks=9223372036854775807 lost_events=18446744073709551615 \
        threads=18446744073709551615 peak_error_bytes=18446744073709551615 forked=1 inherited_bytes=9223372036854775807
    "$make_state" x.ht.4294967295 pid=4294967295 program=/a/very/long/name/of/a/program/that/is/a/child
    "$tool" report x.ht >out
    grep -q 'lost events' out
    grep -q 'a child\|4294967295' out
    [ "$(awk '{ if (length > m) m = length } END { print m }' out)" -le 100 ]
}

@test "names of characters that take two columns fit 100 columns too, whatever the locale" {
    wide=$(printf '堆%.0s' {1..90})
    "$make_state" x.ht module="/srv/$wide" stack=1000,2000,3000
    for locale in C.UTF-8 C; do
        LC_ALL=$locale "$tool" report x.ht >out
        grep -q '堆\(…\|\.\.\.\)堆' out
        [ "$(LC_ALL=C.UTF-8 wc -L <out)" -le 100 ]
    done
}

@test "json has every field of the contract, with the exact numbers" {
    need jq
    "$make_state" x.ht inherited_bytes=30 inherited_blocks=2 lost_events=4 peak_error_bytes=500
    "$tool" report --format=json x.ht >out
    json out '[.schema, .program, .pid, .ended, .status, .seconds]' '[1,"/usr/bin/sample",4000000000,"exit",3,1.5]'
    json out '.command' '["sample","-a","two words"]'
    json out '.totals' '{"allocs":31,"frees":12,"reallocs":0,"bytes_allocated":3100,"live_bytes":1900,"live_blocks":19,"peak_bytes":2500,"peak_blocks":25,"temporary_allocs":5,"failed_allocs":2,"foreign_frees":0,"invalid_frees":0,"unmatched_frees":0,"threads":4,"peak_error_bytes":500,"largest_bytes":130}'
    json out '.inherited' '{"live_bytes":30,"live_blocks":2}'
    json out '.lost' '{"blocks":0,"bytes":0,"sites":3,"frames":0,"deep":0,"events":4,"sizes":1,"processes":0,"libraries":0}'
    json out '.children' '[]'
}

@test "json names each way of ending" {
    need jq
    "$make_state" x.ht ended=4 end_status=9
    "$tool" report --format=json x.ht >out
    json out '[.ended, .status]' '["signal",9]'
    "$make_state" x.ht ended=0 end_monotonic_ns=0
    "$tool" report --format=json x.ht >out
    json out '[.ended, .status, .seconds]' '["unknown",0,0]'
    "$make_state" x.ht ended=1 end_monotonic_ns=0 # its exit had begun; nobody saw the status
    "$tool" report --format=json x.ht >out
    json out .ended '"unknown"'
    "$make_state" x.ht ended=0 # a survivor, when the run's snapshot was taken
    "$tool" report --format=json x.ht >out
    json out '[.ended, .seconds]' '["running",1.5]'
    "$make_state" x.ht ended=2
    "$tool" report --format=json x.ht >out
    json out .ended '"exec"'
}

@test "names that are not UTF-8 and control characters break neither json nor the terminal" {
    need jq
    "$make_state" x.ht program=$'/bin/\xff\xc0\x80\e[31mred\xed\xa0\x80' command=$'a\xffb|\x01\n"\\|\xe2\x82\xac'
    "$tool" report --format=json x.ht >out
    json out '.command | length' 3
    json out '.command[1]' '"\u0001\n\"\\"'
    json out '.command[2]' '"€"'
    json out '.command[0] | explode' '[97,65533,98]'
    "$tool" report x.ht >out
    fails env LC_ALL=C grep -q $'\e' out
    iconv -f UTF-8 -t UTF-8 out >/dev/null
}

@test "characters that turn the direction of writing reverse no line, and json keeps them" {
    need jq
    for turn in $'\xd8\x9c' $'\u200e' $'\u200f' $'\u202a' $'\u202e' $'\u2066' $'\u2069'; do
        "$make_state" x.ht program="/bin/a${turn}cod.exe" module="/bin/lib${turn}cod.so" stack=1000
        for format in text collapsed massif heaptrack csv; do
            "$tool" report --format=$format x.ht >out
            grep -qF "lib"$'\xef\xbf\xbd'"cod.so" out
            fails grep -qF "$turn" out
        done
        "$tool" report --format=json x.ht >out
        grep -qF "lib${turn}cod.so" <(jq -r '.sites[].stack[].module' out)
    done
}

@test "numbers beyond 63 bits stay valid json integers" {
    need jq
    "$make_state" x.ht peak_bytes=18446744073709551615
    "$tool" report --format=json x.ht >out
    grep -q '"peak_bytes": 9223372036854775807' out
}

@test "files beside FILE are its children, those of an earlier run are not" {
    need jq
    "$make_state" x.ht start_ticks=100
    "$make_state" x.ht.77 pid=77 start_ticks=100 start_monotonic_ns=1000000002
    "$make_state" x.ht.77.0 pid=77 start_ticks=100 start_monotonic_ns=1000000001 ended=2
    "$make_state" x.ht.78 pid=78 start_ticks=99
    "$make_state" x.ht.bak pid=79 start_ticks=100
    echo junk >x.ht.80
    "$tool" report --format=json x.ht >out
    json out '[.children[] | [.pid, .file]]' '[[77,"x.ht.77.0"],[77,"x.ht.77"]]'
    "$tool" report --format=json ../"${PWD##*/}"/x.ht >out
    json out '.children | length' 2
}

@test "a running process is found by its pid" {
    need jq
    mkdir states/heaptracker-run.abcdef
    "$make_state" states/heaptracker-run.abcdef/$$.0.ht alive=$$ ended=0 end_monotonic_ns=0
    "$tool" report --format=json $$ >out
    json out '[.ended, .totals.allocs]' '["running",31]'
}

@test "the last image of a pid is the one shown" {
    need jq
    "$make_state" states/$$.0.ht alive=$$ ended=0 program=/first
    "$make_state" states/$$.1.ht alive=$$ ended=0 program=/last image=1
    "$tool" report --format=json $$ >out
    json out .program '"/last"'
}

@test "a reused pid is not believed" {
    "$make_state" states/$$.0.ht alive=$$ start_ticks=5 ended=0
    split "$tool" report $$
    [ "$status" -eq 2 ]
    [[ $err == "heaptracker: process $$ is not tracked"* ]]
}

@test "a file planted by another user is not believed" {
    [ "$(id -u)" -eq 0 ] || skip "only root can make another user's file"
    "$make_state" states/$$.0.ht alive=$$ ended=0
    chown 12345 states/$$.0.ht
    split "$tool" report $$
    [ "$status" -eq 2 ]
}

@test "input that is no state file gives one line with the place and exit 2" {
    echo "just text" >text
    : >empty
    "$make_state" cut.ht cut=9000
    "$make_state" header.ht cut=100
    "$make_state" count.ht slot_count=4000000000
    "$make_state" node.ht node_count=4000000000 node_usable=4000000000
    "$make_state" new.ht version=2
    "$make_state" order.ht byte_order=0x04030201
    mkfifo pipe
    local -A expect=(
        [text]="not a state file (byte 0)"
        [empty]="the file is empty (byte 0)"
        [cut.ht]="the file is cut: it is shorter than it says (byte 9000)"
        [header.ht]="the file ends inside its header (byte 100)"
        [count.ht]="more counters are in use than there are (byte 36)"
        [new.ht]="written by a newer version of HeapTracker (byte 8)"
        [node.ht]="more stack nodes are in use than there are "
        [order.ht]="written on a machine of the other byte order (byte 12)"
        [missing]="No such file or directory"
        [/dev/null]="a device or pipe, not a state file"
        [pipe]="a device or pipe, not a state file"
        [.]="a directory, not a state file"
    )
    for file in "${!expect[@]}"; do
        split "$tool" report "$file"
        [ "$status" -eq 2 ]
        [ -z "$out" ]
        one_line "$err"
        [[ $err == *"$file: "*"${expect[$file]}"* ]]
    done
}

@test "a large file of another kind is refused before it is read" {
    need python3
    truncate -s 3G huge.ht
    echo "just text" >large.ht
    truncate -s 900M large.ht
    "$make_state" x.ht
    cp x.ht long.ht
    truncate -s 3G long.ht
    for file in huge.ht large.ht long.ht; do
        python3 - "$tool" $file >out <<-'END'
		import resource, subprocess, sys
		done = subprocess.run([sys.argv[1], "report", sys.argv[2]], stderr=subprocess.PIPE, text=True)
		kibibytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
		print(done.returncode, done.stderr, kibibytes)
		assert done.returncode == 2 and "not a state file" in done.stderr and kibibytes < 200 << 10
		END
    done
}

@test "wrong calls give one line with what to do and exit 2" {
    "$make_state" x.ht
    for arguments in "" "--top=x x.ht" "--top=-1 x.ht" "--top= x.ht" "--frob x.ht" "-z x.ht" "x.ht x.ht" "--format=yaml x.ht" "--format" "-o" "--help=1"; do
        split "$tool" report $arguments
        [ "$status" -eq 2 ]
        [ -z "$out" ]
        one_line "$err"
        [[ $err == *"--help"* ]]
    done
    split "$tool" frob
    [ "$status" -eq 2 ]
    one_line "$err"
}

@test "-o writes the report to a file, whole or not at all" {
    "$make_state" x.ht
    echo old >out
    "$tool" report --format=json -o out x.ht
    grep -q '"schema"' out
    split "$tool" report -o missing/out x.ht
    [ "$status" -eq 2 ]
    one_line "$err"
    [[ $err == *"cannot write missing/out: No such file or directory"* ]]
    split "$tool" report -o . x.ht
    [ "$status" -eq 2 ]
    [[ $err == *"Is a directory"* ]]
    [ "$(ls)" = "$(printf 'out\nstates\nx.ht')" ] # no temporary file is left
}

@test "a full disk is an error" {
    [ -w /dev/full ] || skip "no /dev/full"
    "$make_state" x.ht
    status=0
    "$tool" report x.ht >/dev/full 2>err || status=$?
    [ "$status" -eq 2 ]
    one_line "$(<err)"
}

@test "each help fits one screen and names only what is built" {
    for command in "" run report torture list; do
        "$tool" $command --help >out
        [ "$(wc -l <out)" -le 24 ]
        [ "$(awk '{ if (length > m) m = length } END { print m }' out)" -le 80 ]
        fails grep -Eqw '^  (top|serve) ' out
    done
    "$tool" --help >out
    for option in --help -h help; do
        "$tool" help $option >out2
        cmp out out2
    done
    "$tool" help run >out2
    "$tool" run --help >out
    cmp out out2
    [[ $("$tool" --version) == "heaptracker "[0-9]* ]]
}

@test "the lists of sites fit a narrow terminal; elsewhere they have 100 columns" {
    need script bsdutils
    "$make_state" x.ht
    for columns in 80 100 200; do
        script -qec "stty cols $columns; NO_COLOR=1 TERM=xterm '$tool' report x.ht" /dev/null </dev/null | tr -d '\r' >shown
        sed -i '1,/^Who held it at the peak/d' shown
        [ -s shown ]
        fails grep -Eq "^.{$((columns > 100 ? 101 : columns + 1))}" shown
        fails grep -q $'\033' shown
    done
}

@test "an empty name is no place to write to" {
    "$make_state" x.ht
    split "$tool" report -o '' x.ht
    [ "$status" -eq 2 ]
    split "$tool" run -o '' -- sh -c 'echo it ran'
    [ "$status" -eq 125 ]
    [ -z "$out" ]
    [ "$(ls -A)" = "$(printf '%s\n' .err .out states x.ht)" ]
}

@test "a tracker that is linked in is passed over where the preloaded one counts" {
    need_tracking
    [ -x "$HT_BUILD/tests/tool/linked" ] || skip "no C++ compiler"
    "$tool" run -q -o x.ht -- "$HT_BUILD/tests/tool/linked"
    "$tool" report --top=30 x.ht >out
    cat out
    sed -n '/^Who held/,/^$/p' out >held
    for keeper in first_kept zeroes_kept moved_kept by_new by_new_array by_aligned_alloc check_one; do
        grep -Eq "^ +[0-9.]+ % +97\\.7 KiB +1  $keeper +linked\\.cpp:" held
    done
    fails grep -E 'hooks_|move\.h|thresholds\.c|bounds\.c|call\.[ch]|__wrap_|here_|other__Z' held
}

@test "no stack shows a tracker that is linked in where the preloaded one counts" {
    need_tracking
    need jq
    linked=$HT_BUILD/tests/tool/linked
    [ -x "$linked" ] || skip "no C++ compiler"
    cp "$linked" bare
    strip --strip-debug bare
    for program in "$linked" ./bare; do
        "$tool" run -q -o x.ht -- "$program"
        "$tool" report --format=json x.ht >out
        json out '[.sites[] | select(.live_bytes >= 100000) |
            first(.stack[].function | select(startswith("operator new") | not))] | sort' \
            '["by_aligned_alloc","by_new","by_new_array","check_one","first_kept","moved_kept","zeroes_kept"]'
        fails grep -E '__wrap_|here_|other__Z|hook_|moving_realloc' out
        for format in collapsed heaptrack massif html; do
            "$tool" report --format=$format --value=live x.ht >out 2>/dev/null || "$tool" report --format=$format x.ht >out
            grep -q first_kept out
            fails grep -E '__wrap_|(here|other)__Z|hook_(site|count|zero)_' out
        done
        "$tool" report --format=pprof x.ht | gunzip >out
        grep -aq first_kept out
        fails grep -aE '__wrap_|(here|other)__Z|hook_(site|count|zero)_' out
        "$tool" diff --format=json x.ht x.ht >out
        fails grep -E '__wrap_|(here|other)__Z|hook_(site|count|zero)_' out
    done
    # Of each stack nothing but a hook was kept.
    "$tool" run -q -o x.ht --stacks=caller -- "$linked"
    "$tool" report --format=json x.ht >out
    json out '[.sites[] | select(.live_bytes >= 100000) | .stack | map(.function)] | unique' '[["(stack not known)"],["operator new[]"]]'
    for format in collapsed heaptrack massif html pprof; do
        "$tool" report --format=$format -o out x.ht
    done
}

@test "every hook that gives out blocks is known to be passed over" {
    sed -n 's/^HOOK(\([A-Za-z0-9_]*\), .*/\1/p' "$HT_SOURCE/src/entry/hooks.def" |
        grep -Ev '^(free|free_sized|free_aligned_sized|malloc_usable_size|_Zd.*)$' >hooks
    [ -s hooks ]
    while read -r hook; do
        grep -q "^    \"$hook\",$" "$HT_SOURCE/tool/model/names.c" || { echo "$hook"; return 1; }
    done <hooks
}

@test "an --exe that is not the program of the file is refused, naming both" {
    need readelf binutils
    program=$HT_BUILD/tests/tool/places
    id=$(readelf -n "$program" | awk '/Build ID/ { print $3 }')
    [ -n "$id" ] || skip "the linker writes no build-ids"
    "$make_state" x.ht program=/gone module=/gone build_id="$id" stack=1100
    "$tool" report --exe="$program" x.ht >out
    other=$(readelf -n "$tool" | awk '/Build ID/ { print $3 }')
    split "$tool" report --exe="$tool" x.ht
    [ "$status" -eq 2 ]
    one_line "$err"
    [[ $err == *"--exe=$tool is of build $other, and the numbers are of build $id (x.ht); "* ]]
    split "$tool" report --exe=x.ht x.ht
    [ "$status" -eq 2 ]
    [[ $err == *"--exe=x.ht is no ELF file (x.ht); "* ]]
    # Without a build-id the addresses decide.
    "$make_state" x.ht program=/gone module=/gone build_id= stack=ffffff0,fffffe0,fffffd0,fffffc0,fffffb0
    split "$tool" report --exe="$program" x.ht
    [ "$status" -eq 2 ]
    [[ $err == *"has code at "*" of the "*" addresses that the numbers have (x.ht); "* ]]
}

@test "a report does not replace the numbers that it is made of, nor does a verdict or a comparison" {
    for name in a.ht b.ht a.ht.77 x.limits; do
        "$make_state" $name pid=4000000077 parent_pid=4000000000
    done
    "$make_state" a.ht
    echo max-peak=1M >x.limits
    echo baseline=b.ht >by_name.limits
    ln -s a.ht link.ht
    ln a.ht hard.ht
    mkdir kept && cp ./*.ht a.ht.77 ./*.limits kept
    while read -r arguments; do
        # shellcheck disable=SC2086 # words are wanted
        split "$tool" $arguments
        [ "$status" -eq 2 ]
        one_line "$err"
        [[ $err == *" would be replaced by what is made of it; give another -o FILE" ]]
        for file in a.ht b.ht a.ht.77 x.limits; do cmp $file kept/$file; done
    done <<-'END'
	report -o a.ht a.ht
	report --format=json -o ./link.ht a.ht
	report --format=html -o hard.ht a.ht
	report -o a.ht.77 a.ht
	diff -o a.ht a.ht b.ht
	diff -o b.ht a.ht b.ht
	check --max-peak=1M -o link.ht a.ht
	check --max-peak=1M -o a.ht --format=junit a.ht
	check --baseline=b.ht -o b.ht a.ht
	check --limits=by_name.limits -o b.ht a.ht
	check --limits=x.limits -o x.limits a.ht
	check --suppressions=x.limits --max-peak=1M -o x.limits a.ht
	check --max-peak=1M --keep=b.ht -o b.ht -- true
	END
    "$tool" report -o /dev/null a.ht
    "$tool" report -o new a.ht
    "$tool" report -o new a.ht
}

@test "of a forked process that has not allocated yet it is said that it is tracked" {
    need_tracking
    need gcc
    cat >idle.c <<-'END'
	#include <stdio.h>
	#include <stdlib.h>
	#include <unistd.h>
	void *volatile kept;
	int main(void)
	{
		pid_t child;
		kept = malloc(10);
		child = fork();
		if (child == 0) {
			pause();
			_exit(0);
		}
		printf("%d\n", (int)child);
		return 0;
	}
	END
    gcc -w -o idle idle.c
    "$tool" run -q -o x.ht -- ./idle >pid 2>/dev/null 3>&-
    child=$(<pid)
    split "$tool" report "$child"
    kill "$child"
    [ "$status" -eq 2 ]
    one_line "$err"
    [[ $err == "heaptracker: process $child has no numbers yet: it has not allocated since it was forked"* ]]
    split "$tool" report $$
    [[ $err == *"is not tracked, or not yours"* ]]
}
