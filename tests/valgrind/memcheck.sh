#!/bin/bash
# SPDX-License-Identifier: MIT
#
# memcheck.sh NAME - runs one Debian program under Valgrind's memcheck and under
# `heaptracker run`, and requires the same totals from both: allocs, frees, bytes
# allocated, bytes and blocks in use at exit.
# Exit status: 0 equal, 1 different, 77 something that is needed is missing.
#
# C programs: both count the same run, byte for byte. The tracker lies between the
# program and the libc; with somalloc=nouserintercepts memcheck replaces the libc's
# malloc, not the tracker's, so each call passes first one and then the other. What
# memcheck would free on its own at exit (--run-libc-freeres) the program never freed.
# memcheck shows each call (--trace-malloc), and so how many blocks had a size of each
# power of two, and the largest: `run --sizes` must say the same.
#
# C++ programs: memcheck answers libstdc++'s operator new itself, before it reaches
# malloc, so each counts a run of its own. The runs differ by the environment: the
# tracker adds two variables (LD_PRELOAD, HEAPTRACKER_OPTIONS), memcheck others, and
# a program may copy them. Tolerance: 4 blocks and 1024 bytes in each number.
set -euo pipefail

name=$1
tool=${HT_BUILD:?}/bin/heaptracker

skip() {
    echo "SKIP: $name: $1"
    exit 77
}

fail() {
    echo "FAIL: $name: $1"
    exit 1
}

need() {
    local file
    for file in "$@"; do
        command -v "$file" >/dev/null || skip "$file is not installed"
    done
}

need valgrind jq
[ -x "$tool" ] || skip "$tool is not built"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
# The same environment on every machine: the programs read it.
export LC_ALL=C TZ=UTC HOME=$dir
unset HEAPTRACKER_OPTIONS LD_PRELOAD

# Numbers 1 to $1 in a fixed shuffled order: 48271 generates the numbers below
# the prime 2147483647 without repeating (Park and Miller, 1993).
shuffled() {
    awk -v n="$1" 'BEGIN { x = 1; for (i = 0; i < n; i++) { x = x * 48271 % 2147483647; print x } }'
}

# --- the programs: inputs are made here, `command` is what is compared ---

program_perl() {
    need /usr/bin/perl
    shuffled 3000 >in
    command=(/usr/bin/perl -ne 'chomp; push @{$h{$_ % 97}}, "x" x ($_ % 50);
        END { print join(",", map { "$_=" . @{$h{$_}} } sort keys %h), "\n" }' in)
}

program_python3() {
    need /usr/bin/python3
    # PYTHONMALLOC=malloc: every object is a malloc of its own.
    command=(/usr/bin/env PYTHONMALLOC=malloc PYTHONHASHSEED=0 /usr/bin/python3 -S -c
        'print(len({str(i): [i] * (i % 20) for i in range(3000)}))')
}

program_sqlite3() {
    need /usr/bin/sqlite3
    shuffled 2000 | awk 'BEGIN { print "create table t(a integer, b text); begin;" }
        { print "insert into t values(" $1 ", \"text " $1 "\");" }
        END { print "commit; create index i on t(b); select count(*), max(b) from t where a % 7 = 3;" }' >in.sql
    command=(/usr/bin/sqlite3 -init /dev/null :memory: '.read in.sql')
}

program_jq() {
    need /usr/bin/jq
    shuffled 1500 | jq -cn '[inputs | {id: ., text: "t\(. % 31)"}]' >in.json
    command=(/usr/bin/jq 'group_by(.text) | map({key: .[0].text, value: length}) | from_entries' in.json)
}

program_xmllint() {
    need /usr/bin/xmllint
    shuffled 2000 | awk 'BEGIN { print "<list>" }
        { print "<item id=\"" $1 "\"><name>n" $1 % 13 "</name></item>" } END { print "</list>" }' >in.xml
    command=(/usr/bin/xmllint --format --xpath '//item[name="n7"]/@id' in.xml)
}

program_git() {
    need /usr/bin/git
    export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
    export GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
    git init -q repo
    git -C repo config user.name t
    git -C repo config user.email t@example.org
    local i
    for i in 1 2 3 4 5 6; do
        shuffled $((i * 200)) | sort -n >repo/file
        cp repo/file "repo/copy$i"
        git -C repo add .
        git -C repo commit -qm "change $i"
    done
    command=(/usr/bin/git -C repo log -p --stat -M)
}

program_cc1() {
    need gcc
    local cc1
    cc1=$(gcc -print-prog-name=cc1)
    [ -x "$cc1" ] || skip "gcc has no cc1"
    printf '#include <stdio.h>\n#include <stdlib.h>\nint main(int n, char **v)\n{\n' >in.c
    printf '    for (int i = 0; i < n; i++)\n        puts(v[i]);\n    return abs(n);\n}\n' >>in.c
    command=("$cc1" -quiet -O0 -imultiarch "$(gcc -print-multiarch)" in.c -o out.s)
}

program_sort() {
    need /usr/bin/sort
    # Above 2 * 128 Ki lines sort starts its second thread.
    shuffled 300000 >in
    command=(/usr/bin/sort --parallel=2 -S 64M in -o out)
}

program_openssl() {
    need /usr/bin/openssl
    openssl genrsa -out key 2048 2>/dev/null
    command=(/usr/bin/openssl rsa -in key -text -noout)
}

program_bc() {
    need /usr/bin/bc
    echo 'scale=120; a=0; for (i=1; i<60; i++) a+=1/i; a; sqrt(2); 7^500' >in
    command=(/usr/bin/bc -l in)
}

program_xz() {
    need /usr/bin/xz
    shuffled 20000 >in
    command=(/usr/bin/xz -0 -T2 --block-size=64KiB -k in)
}

program_tar() {
    need /usr/bin/tar
    mkdir in
    local i
    for i in $(seq 300); do echo "$i" >"in/file$i"; done
    command=(/usr/bin/tar -cf out --sort=name --mtime=@0 in)
}

program_bash() {
    need /usr/bin/bash
    # Substitutions fork: the parent's totals are the ones compared.
    command=(/usr/bin/bash -c 'declare -A h
        for ((i = 0; i < 3000; i++)); do h[$((i * 7919 % 1009))]+="x$i"; done
        y=$(echo ${#h[@]}); echo "$y"')
}

# C++ programs, with thousands of calls of operator new each
program_apt() {
    need /usr/bin/apt-config
    language=c++
    command=(/usr/bin/apt-config dump)
}

program_cmake() {
    need /usr/bin/cmake
    language=c++
    command=(/usr/bin/cmake --help)
}

# --- comparing ---

# "allocs frees bytes live_bytes live_blocks" of process $1 in memcheck's log $2.
# A forked child logs into its parent's file, so the lines are chosen by pid. (All is read: sed would end by SIGPIPE.)
memcheck_totals() {
    sed 's/,//g' "$2" | awk -v tag="==$1==" '
        $1 == tag && /in use at exit:/ { live = $6; blocks = $9 }
        $1 == tag && /total heap usage:/ && !told++ { print $5, $7, $9, live, blocks }'
}

tracker_totals() {
    jq -r '.totals | "\(.allocs) \(.frees) \(.bytes_allocated) \(.live_bytes) \(.live_blocks)"' "$1"
}

# "log2 blocks" a line (log2 -1: size 0), then "largest bytes", of process $1 in memcheck's
# log $2. Lines are such as
#   --PID-- malloc(24) = 0x4A5D040
#   --PID-- calloc(4,2) = 0x4A5D0A0
#   --PID-- realloc(0x4A5D0A0,256) = 0x4A5D0F0      --PID-- realloc(0x0,256)malloc(256) = 0x...
#   --PID-- memalign(al 64, size 100) = 0x4A5D240
memcheck_sizes() {
    awk -v tag="--$1--" '
        $1 == tag && / = 0x[0-9A-F]*[1-9A-F]/ && !/free\(/ {
            call = $0
            sub(/^.* realloc\(0x0,[0-9]+\)/, "", call)
            sub(/\) = .*/, "", call)
            sub(/.*\(/, "", call)
            n = split(call, part, ",")
            sub(/.*size /, "", part[n])
            size = /calloc\(/ ? part[1] * part[2] : part[n]
            power = -1
            for (left = size; left >= 1; left /= 2)
                power++
            count[power]++
            if (size > largest)
                largest = size
        }
        END {
            for (power in count)
                print power, count[power]
            print "largest", largest + 0
        }' "$2" | sort -n
}

tracker_sizes() {
    jq -r '(.sizes[] | "\(.[0]) \(.[1])"), "largest \(.totals.largest_bytes)"' "$1" | sort -n
}

# What must be zero in a run where every call passed a hook and nothing was lost.
tracker_faults() {
    jq -r '"\(.totals.foreign_frees) \(.totals.invalid_frees) \(.totals.unmatched_frees) \(.lost.blocks)"' "$1"
}

near() { # near TOLERANCE A B
    [ $(($2 - $3)) -le "$1" ] && [ $(($3 - $2)) -le "$1" ]
}

# Totals of two runs: blocks are counted in $1, $2 and $5, bytes in $3 and $4.
within_tolerance() {
    local a b
    read -ra a <<<"$1"
    read -ra b <<<"$2"
    near 4 "${a[0]}" "${b[0]}" && near 4 "${a[1]}" "${b[1]}" && near 4 "${a[4]}" "${b[4]}" &&
        near 1024 "${a[2]}" "${b[2]}" && near 1024 "${a[3]}" "${b[3]}"
}

under_memcheck() {
    valgrind --trace-children=yes --soname-synonyms=somalloc=nouserintercepts \
        --run-libc-freeres=no --run-cxx-freeres=no --trace-malloc=yes --log-file="$dir/memcheck.%p" "$@"
}

# --- the runs ---

language=c
"program_$name"

# The inputs as they were, for the bare run: under the tracker the program must
# also do its work as it does without.
cp -r "$dir" "$dir.bare"
trap 'rm -rf "$dir" "$dir.bare"' EXIT
(cd "$dir.bare" && "${command[@]}" >stdout 2>stderr) || fail "the bare program does not run here"

tracked=("$tool" run --quiet --sizes -o x.ht -- "${command[@]}")
if [ "$language" = c ]; then
    under_memcheck "${tracked[@]}" >stdout 2>stderr || fail "exit status $?: $(tail -3 stderr)"
else
    "${tracked[@]}" >stdout 2>stderr || fail "exit status $?: $(tail -3 stderr)"
    under_memcheck "${command[@]}" >/dev/null 2>&1 || fail "exit status $? under memcheck alone"
fi
cmp -s stdout "$dir.bare/stdout" || fail "the program's output is not the bare one"

"$tool" report --format=json x.ht >x.json || fail "report: exit status $?"
pid=$(jq .pid x.json)
if [ "$language" = c++ ]; then
    log=$(grep -l "Parent PID: $$\$" memcheck.*)
    pid=${log#memcheck.}
fi
[ -s "memcheck.$pid" ] || fail "memcheck has no log of process $pid"

memcheck=$(memcheck_totals "$pid" "memcheck.$pid")
tracker=$(tracker_totals x.json)
faults=$(tracker_faults x.json)
echo "                allocs frees bytes live_bytes live_blocks"
echo "memcheck:       $memcheck"
echo "heaptracker:    $tracker"
[ -n "$memcheck" ] || fail "memcheck's log has no heap summary"
[ "${tracker%% *}" -gt 0 ] || fail "heaptracker counted nothing"
if [ "$language" = c ]; then
    [ "$tracker" = "$memcheck" ] || fail "the totals differ"
    memcheck_sizes "$pid" "memcheck.$pid" >memcheck.sizes
    tracker_sizes x.json >tracker.sizes
    diff memcheck.sizes tracker.sizes || fail "the sizes differ (< memcheck, > heaptracker)"
    echo "sizes:          $(($(wc -l <tracker.sizes) - 1)) powers of two, $(tail -1 tracker.sizes | cut -d' ' -f2) bytes the largest"
else
    within_tolerance "$tracker" "$memcheck" || fail "the totals differ by more than the tolerance"
fi
[ "$faults" = "0 0 0 0" ] || fail "foreign, invalid, unmatched frees, lost blocks: $faults"
echo "PASS: $name"
