#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# report's formats for other tools, each read by the tool that it is for; all totals
# are those of the JSON, to the byte.

load helpers

# A pprof that needs no home directory and asks no server for names.
pprof() {
    need go golang-go
    HOME=$PWD PPROF_TMPDIR=$PWD go tool pprof -symbolize=none "$@" 2>pprof.err || { cat pprof.err; return 1; }
}

# total FILE EXPRESSION: one number out of a JSON report
total() {
    need jq
    jq "$2" "$1"
}

# export_all FILE: FILE.json and FILE.FORMAT for all others
export_all() {
    "$tool" report --format=json -o "$1.json" "$1"
    for format in pprof collapsed massif heaptrack csv; do
        "$tool" report --format=$format -o "$1.$format" "$1" 2>export.err
        [ ! -s export.err ] || { cat export.err; return 1; }
    done
}

sums_of_pprof() {
    pprof -raw "$1" | awk '/^Samples:/ { on = 1; next } /^Locations/ { on = 0 }
        on && /^ +-?[0-9]/ { for (i = 1; i <= 6; i++) sum[i] += $i }
        END { for (i = 1; i <= 6; i++) printf "%d%s", sum[i], i < 6 ? " " : "\n" }'
}

same_in_pprof() {
    [ "$(sums_of_pprof "$1.pprof")" = "$(total "$1.json" '.totals |
        "\(.allocs) \(.bytes_allocated) \(.live_blocks) \(.live_bytes) \(.peak_blocks) \(.peak_bytes)"' | tr -d '"')" ]
}

same_in_collapsed() {
    local -A fields=([peak]=peak_bytes [live]=live_bytes [total]=bytes_allocated [allocs]=allocs [temporary]=temporary_allocs)
    for value in "${!fields[@]}"; do
        "$tool" report --format=collapsed --value="$value" "$1" >collapsed
        [ "$(awk '{ sum += $NF } END { printf "%d", sum }' collapsed)" = "$(total "$1.json" ".totals.${fields[$value]}")" ]
    done
}

same_in_massif() {
    need ms_print valgrind
    ms_print --threshold=0 "$1.massif" | tr -d , >ms_print
    grep -q "^100.00% ($(total "$1.json" .totals.peak_bytes)B) (heap allocation" ms_print
    [ "$(total "$1.json" .totals.live_bytes)" = 0 ] ||
        grep -q "^100.00% ($(total "$1.json" .totals.live_bytes)B) (heap allocation" ms_print
    grep -q ' (peak)' ms_print
}

# What heaptrack makes of the events, site by site; its summary is rounded.
same_in_heaptrack() {
    need heaptrack_print heaptrack
    local -A fields=([peak]=peak_bytes [leaked]=live_bytes [allocations]=allocs [temporary]=temporary_allocs)
    for cost in "${!fields[@]}"; do
        heaptrack_print -f "$1.heaptrack" --flamegraph-cost-type "$cost" -F stacks >printed 2>heaptrack.err
        [ "$(awk '{ sum += $NF } END { printf "%d", sum }' stacks)" = "$(total "$1.json" ".totals.${fields[$cost]}")" ]
        [ "$(awk '$NF != 0 { print $NF }' stacks | sort)" = "$(total "$1.json" ".sites[].${fields[$cost]} | select(. != 0)" | sort)" ]
    done
    fails grep -v '^reading file\|^finished reading\|^Debuggee\|^$' heaptrack.err
    grep -q "^calls to allocation functions: $(total "$1.json" .totals.allocs) " printed
    grep -q "^temporary memory allocations: $(total "$1.json" .totals.temporary_allocs) " printed
}

same_in_csv() {
    need python3
    python3 - "$1.csv" >sums <<'END'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8"), strict=True))
print(*(sum(int(row[name]) for row in rows) for name in
        ("peak_bytes", "peak_blocks", "live_bytes", "live_blocks", "bytes_allocated", "allocs", "temporary_allocs")))
END
    [ "$(<sums)" = "$(total "$1.json" '.totals | "\(.peak_bytes) \(.peak_blocks) \(.live_bytes) \(.live_blocks) \(.bytes_allocated) \(.allocs) \(.temporary_allocs)"' | tr -d '"')" ]
    [ "$(wc -l <"$1.csv")" -eq "$(grep -c $'\r$' "$1.csv")" ]
}

@test "go tool pprof has the totals of the json, of the sample" {
    "$make_state" x.ht
    export_all x.ht
    same_in_pprof x.ht
}

@test "collapsed stacks have the totals of the json, for each value" {
    "$make_state" x.ht
    export_all x.ht
    same_in_collapsed x.ht
}

@test "ms_print has the totals of the json" {
    "$make_state" x.ht
    export_all x.ht
    same_in_massif x.ht
    grep -q '^ *2 *1000 *2500 ' ms_print # the peak, at its time
    grep -q 'Command: *sample -a two words' ms_print
}

@test "heaptrack_print has the totals of the json, for each site" {
    "$make_state" x.ht
    export_all x.ht
    same_in_heaptrack x.ht
    grep -q '^total runtime: 1.50s' printed
    grep -q '^peak heap memory consumption: 2.50K' printed
    grep -q '^peak RSS .*: 12.29K' printed
}

@test "csv has the totals of the json" {
    "$make_state" x.ht
    export_all x.ht
    same_in_csv x.ht
}

@test "a program with threads has the same totals in every format" {
    need_tracking
    "$tool" run -q -o x.ht "$HT_BUILD/tests/tool/crowd"
    export_all x.ht
    same_in_pprof x.ht
    same_in_collapsed x.ht
    same_in_massif x.ht
    same_in_heaptrack x.ht
    same_in_csv x.ht
}

@test "a peak that was one temporary block has the same totals in every format" {
    need_tracking
    "$tool" run -q -o x.ht "$HT_BUILD/tests/tool/crowd" alone
    export_all x.ht
    json x.ht.json '.totals | [.allocs, .temporary_allocs, .peak_bytes, .live_bytes]' '[1,1,5000,0]'
    same_in_pprof x.ht
    same_in_collapsed x.ht
    same_in_massif x.ht
    same_in_heaptrack x.ht
    same_in_csv x.ht
}

@test "a negative row between threads is in every sum" {
    # The threads' own notes say more than the program's peak: the row takes it back.
    "$make_state" x.ht peak_bytes=2300 peak_blocks=23
    export_all x.ht
    json x.ht.json '[.sites[] | select(.stack[0].function == "(between threads)") | .peak_bytes]' '[-100]'
    same_in_pprof x.ht
    same_in_collapsed x.ht
    same_in_massif x.ht
    same_in_heaptrack x.ht
    same_in_csv x.ht
}

@test "a run without stacks has the same totals in every format" {
    need_tracking
    "$tool" run -q --stacks=none -o x.ht -- "$workload"
    export_all x.ht
    known_totals x.ht.json
    [ "$(<x.ht.collapsed)" = "(no stack) 1000" ]
    same_in_pprof x.ht
    same_in_collapsed x.ht
    same_in_massif x.ht
    same_in_heaptrack x.ht
    same_in_csv x.ht
    # It says nothing about who: no list of the text.
    "$tool" report x.ht >text
    fails grep -q 'Who held it' text
}

@test "a file without sites is still read by all" {
    "$make_state" x.ht section_count=4 module_count=0 node_count=0 node_usable=0 timeline_count=0
    export_all x.ht
    pprof -raw x.ht.pprof >out
    need ms_print valgrind
    ms_print x.ht.massif >out
    grep -q '2,500B) (heap allocation' out
    need heaptrack_print heaptrack
    heaptrack_print -f x.ht.heaptrack >out
    [ "$(<x.ht.collapsed)" = "(no stack) 2500" ] # no stacks, no sites: one stands for all
    [ "$(wc -l <x.ht.csv)" -eq 2 ]
}

# The calls of places.c's functions, as state file x.ht of program ./program.
places() {
    need readelf binutils
    [ "$(uname -m)" = x86_64 ] || skip "it looks for x86-64's call instructions"
    cp "$HT_BUILD/tests/tool/places" program
    hold=$(call_in hold) main=$(call_in main)
    id=$(readelf -n program | awk '/Build ID/ { print $3 }')
}

call_in() {
    objdump -d --no-show-raw-insn program | awk -v f="<$1>:" '$2 == f { on = 1; next } /^$/ { on = 0 }
        on && /call/ { sub(":", "", $1); print $1; exit }'
}

@test "pprof has inlined functions, lines, the program's mapping and its build-id" {
    places
    "$make_state" x.ht program="$PWD/program" module="$PWD/program" build_id="$id" stack="$hold,$main"
    "$tool" report --format=pprof -o x.pb.gz x.ht
    pprof -raw x.pb.gz >raw
    grep -q "^1: 0x550000000000/0x550000100000/0x0 $PWD/program $id \[FN\]\[FL\]\[LN\]\[IN\]" raw
    # One location with three lines: two functions inlined into hold().
    grep -A2 "^ *[0-9]*: 0x55[0-9a-f]* M=1 innermost .*places.c:" raw >location
    sed -n 2p location | grep -q '^ *middle .*places.c:'
    sed -n 3p location | grep -q '^ *hold .*places.c:'
    pprof -top -sample_index=peak_space x.pb.gz >top
    grep -q '^File: program' top
    grep -Eq '^ +1000B .* innermost' top
    pprof -top -sample_index=peak_space -cum x.pb.gz | grep -Eq '1000B +[0-9.]+% +hold$'
}

@test "pprof's profile is gzipped" {
    "$make_state" x.ht
    "$tool" report --format=pprof x.ht >x.pb.gz
    gzip -t x.pb.gz || skip "built without zlib"
}

@test "flamegraph.pl draws collapsed stacks" {
    flamegraph=$(command -v flamegraph.pl || echo /usr/share/perl5/Devel/NYTProf/flamegraph.pl)
    [ -e "$flamegraph" ] || skip "flamegraph.pl is missing (apt-get install libdevel-nytprof-perl)"
    need xmllint libxml2-utils
    "$make_state" x.ht
    "$tool" report --format=collapsed x.ht | perl "$flamegraph" --countname=bytes >x.svg 2>err
    [ ! -s err ]
    xmllint --noout x.svg
    grep -q '<title>\[sample\]+0xfff (2,200 bytes, 88.00%)</title>' x.svg
}

# Names that break things, in the program's symbol table.
weird() {
    places
    need objcopy binutils
    long=$(printf 'x%.0s' {1..10000})
    evil=$'=a"b\'c<script>alert(1)</script>&;,d#1'
    binary=$'\xff\xc0\nline 2\e[31m\r'$long
    objcopy --strip-debug --redefine-sym hold="$evil" --redefine-sym main="$binary" program
    "$make_state" x.ht program="$PWD/program" module="$PWD/program" build_id="$id" stack="$hold,$main"
    export_all x.ht
}

@test "names with quotes, tags, semicolons, newlines and 10,000 characters break no format" {
    weird
    json x.ht.json '.sites[] | select(.bytes_allocated == 1000) | .stack[1].function | length' "${#binary}"
    same_in_pprof x.ht
    same_in_collapsed x.ht
    same_in_massif x.ht
    same_in_heaptrack x.ht
    same_in_csv x.ht
    grep -qF "$evil" <(pprof -raw x.ht.pprof)
    [ "$(wc -l <x.ht.collapsed)" -eq "$(jq '[.sites[] | select(.peak_bytes != 0)] | length' x.ht.json)" ]
    grep -qF "$long;${evil/;/:} 1000" x.ht.collapsed
    grep -qF "${evil/\#/_}" <(ms_print x.ht.massif)
    heaptrack_print -t 0 -f x.ht.heaptrack --flamegraph-cost-type peak -F stacks >/dev/null
    grep -qF "$evil; 1000" stacks
    for format in collapsed massif heaptrack csv; do
        iconv -f UTF-8 -t UTF-8 "x.ht.$format" >/dev/null
        fails env LC_ALL=C grep -q $'\e' "x.ht.$format"
    done
}

@test "csv's texts are the json's, but for what would be a formula" {
    weird
    need python3
    python3 - x.ht.csv x.ht.json <<'END'
import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8"), strict=True))
sites = json.load(open(sys.argv[2]))["sites"]
assert len(rows) == len(sites)
row, = (row for row in rows if row["bytes_allocated"] == "1000")
site, = (site for site in sites if site["bytes_allocated"] == 1000)
assert site["stack"][0]["function"].startswith("=a")
assert row["function"] == "'" + site["stack"][0]["function"]
assert row["module"] == site["stack"][0]["module"]
END
}

@test "flamegraph.pl escapes what names bring" {
    flamegraph=$(command -v flamegraph.pl || echo /usr/share/perl5/Devel/NYTProf/flamegraph.pl)
    [ -e "$flamegraph" ] || skip "flamegraph.pl is missing (apt-get install libdevel-nytprof-perl)"
    need xmllint libxml2-utils
    weird
    perl "$flamegraph" x.ht.collapsed >x.svg
    xmllint --noout x.svg
    grep -q 'alert(1)' x.svg
    fails grep -q '<script>alert' x.svg
}

@test "the profile of many sites has the json's totals" {
    need nm binutils
    nm -S "$tool" | "$HT_BUILD/tests/state/make_many" x.ht 400 "$tool"
    export_all x.ht
    same_in_pprof x.ht
    same_in_collapsed x.ht
    same_in_massif x.ht
    same_in_heaptrack x.ht
    same_in_csv x.ht
}

@test "a large heaptrack file is said before it is written, with its size" {
    need_tracking
    need gcc
    cat >busy.c <<'END'
#include <stdlib.h>
int main(int argc, char **argv)
{
    void *volatile kept;
    for (int i = atoi(argv[argc - 1]); i > 0; i--)
        free(kept = malloc(10));
    return 0;
}
END
    gcc -O1 -fno-builtin -o busy busy.c
    "$tool" run -q -o x.ht -- ./busy 13000000
    split "$tool" report --format=heaptrack -o /dev/null x.ht
    [ "$status" -eq 0 ]
    one_line "$err"
    [[ $err =~ "of 13000000 allocations: some "([0-9]+)" MB" ]]
    said=${BASH_REMATCH[1]}
    bytes=$("$tool" report --format=heaptrack x.ht 2>err | wc -c)
    [ $((said * 1000000)) -gt $((bytes / 2)) ]
    [ $((said * 1000000)) -lt $((bytes * 2)) ]
    "$tool" run -q -o x.ht -- ./busy 1000
    split "$tool" report --format=heaptrack -o /dev/null x.ht
    [ -z "$err" ]
}

@test "a binary format is not written to a terminal" {
    need script bsdutils
    "$make_state" x.ht
    status=0
    script -qec "'$tool' report --format=pprof x.ht" /dev/null >out || status=$?
    [ "$status" -eq 2 ]
    grep -q 'heaptracker: report: pprof is not for a terminal: give -o OUT.pb.gz' out
}

@test "--value is for formats that show one, and names what there is" {
    "$make_state" x.ht
    split "$tool" report --value=live x.ht
    [ "$status" -eq 2 ]
    one_line "$err"
    split "$tool" report --format=collapsed --value=most x.ht
    [ "$status" -eq 2 ]
    one_line "$err"
    [[ $err == *"peak|live|total|allocs|temporary"* ]]
}

@test "a full disk is an error in each format, and leaves no part of a file" {
    [ -w /dev/full ] || skip "no /dev/full"
    "$make_state" x.ht
    for format in pprof collapsed massif heaptrack csv; do
        split "$tool" report --format=$format -o /dev/full x.ht
        [ "$status" -eq 2 ]
        one_line "$err"
    done
}
