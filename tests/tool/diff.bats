#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# heaptracker diff, on two builds of one program (versions.c), and on state files that
# make_state writes.

load helpers

# Both versions as the same file, one after the other: the first is gone when they are compared.
run_versions() {
    need_tracking
    for version in 1 2; do
        cp "$HT_BUILD/tests/tool/version-$version" app
        "$tool" run --quiet -o "$version.ht" ./app
    done
}

# change FUNCTION: what happened to the site with this function in its stack
change() {
    jq -c --arg f "$1" '.sites[] | select(any(.stack[]; .function == $f)) | [.change, .old.live_bytes, .new.live_bytes]' diff.json
}

@test "sites are matched across a rebuild in place, by the names in their stacks" {
    run_versions
    need jq
    "$tool" diff --format=json 1.ht 2.ht >diff.json 2>err
    [ ! -s err ]
    [ "$(change keeps)" = '["same",1000,1000]' ]
    [ "$(change grows)" = '["grown",100,900]' ]
    [ "$(change shrinks)" = '["shrunk",700,50]' ]
    [ "$(change goes)" = '["gone",300,0]' ]
    [ "$(change comes)" = '["new",0,5000]' ]
    json diff.json '[.schema, .kind, .by]' '[1,"diff","peak"]'
    # The largest change first, whichever its sign.
    json diff.json '[.sites[].change_bytes] | map(fabs) | . == (sort | reverse)' true
}

@test "the changes add up to the change of the totals, to the byte, by each measure" {
    need jq
    need_tracking
    need python3
    "$tool" run --quiet -o 1.ht python3 -c 'import json; x = [str(i) for i in range(3000)]'
    "$tool" run --quiet -o 2.ht python3 -c 'import json, threading
x = {i: str(i) for i in range(9000)}
t = [threading.Thread(target=lambda: [bytearray(i) for i in range(999)]) for _ in range(3)]
[i.start() for i in t]; [i.join() for i in t]'
    for n in 1 2; do "$tool" report --format=json $n.ht | jq .totals >$n.json; done
    for by in peak live total; do
        "$tool" diff --by=$by --format=json 1.ht 2.ht >diff.json
        jq -c --slurpfile old 1.json --slurpfile new 2.json '
            . as $diff | ["peak_bytes", "peak_blocks", "live_bytes", "live_blocks", "bytes_allocated", "allocs",
             "temporary_allocs"] | map(. as $key
                | ([$diff.sites[].old[$key]] | add) == $old[0][$key]
                and ([$diff.sites[].new[$key]] | add) == $new[0][$key]
                and ([$diff.sites[] | .new[$key] - .old[$key]] | add) == $diff.change[$key]
                and $diff.change[$key] == $new[0][$key] - $old[0][$key])
            | . + [($diff.sites | length) > 100]' diff.json >sums.json
        json sums.json . "[true,true,true,true,true,true,true,true]"
    done
    json diff.json '[.sites[].change_bytes] | add == '"$(jq .bytes_allocated 2.json)-$(jq .bytes_allocated 1.json)" true
}

@test "two runs of the same program differ in nothing" {
    need_tracking
    "$tool" run --quiet -o 1.ht "$workload"
    "$tool" run --quiet -o 2.ht "$workload"
    "$tool" diff 1.ht 2.ht >out
    grep -Eq ', 0 B; sites: 0 new, 0 gone, 0 grown, 0 shrunk, [1-9][0-9]* the same$' out
}

@test "where operator new is on the stack and where not, the sites are the same" {
    need_tracking
    program=$HT_BUILD/tests/tool/places-cxx
    [ -x "$program" ] || skip "no C++ compiler"
    "$tool" run -q -o plain.ht -- "$program"
    "$tool" run -q --limit=1G -o limit.ht -- "$program"
    "$tool" report --format=json limit.ht | grep -q '"function": *"operator new'
    "$tool" diff --format=json plain.ht limit.ht >out
    json out '[.sites[] | select(.change == "new" or .change == "gone")]' '[]'
}

@test "text lists the largest changes, what is new and what is gone, within 100 columns" {
    run_versions
    export LC_ALL=C.UTF-8
    split "$tool" diff 1.ht 2.ht
    [ "$status" -eq 0 ]
    [[ $out == *"Changes at the peak, +4.7 KiB; sites: 1 new, 1 gone, 1 grown, 1 shrunk, "* ]]
    grep -Eq '^ +\+4\.9 KiB +new +4\.9 KiB comes  versions\.c:[0-9]+$' <<<"$out"
    grep -Eq '^ +\+800 B +\+800\.0 % +900 B grows' <<<"$out"
    grep -Eq '^ +-650 B +-92\.9 % +50 B shrinks' <<<"$out"
    grep -Eq '^ +-300 B +gone +0 B goes' <<<"$out"
    grep -Eq '^  peak bytes +2100 +6950 +\+4850 ' <<<"$out"
    fails grep -q 'keeps' <<<"$out"
    fails grep -q ' $' <<<"$out"
    fails grep -Eq '^.{101}' <<<"$out"
    "$tool" diff --top=1 1.ht 2.ht >out
    grep -Eq '^ +-150 B +in 3 more sites' out
}

@test "swapped files give the opposite" {
    run_versions
    need jq
    "$tool" diff --format=json 1.ht 2.ht >diff.json
    "$tool" diff --format=json 2.ht 1.ht >swapped.json
    [ "$(jq -c '[.sites[].change_bytes] | sort' diff.json)" = "$(jq -c '[.sites[].change_bytes | 0 - .] | sort' swapped.json)" ]
}

@test "stacks that were lost, and what no site holds, have rows of their own" {
    "$make_state" 1.ht
    "$make_state" 2.ht peak_bytes=2600
    "$tool" diff --format=json 1.ht 2.ht >diff.json
    json diff.json '[.sites[] | select(.change != "same") | [.stack[0].function, .old.peak_bytes, .new.peak_bytes]]' \
        '[["(between threads)",100,200]]'
    json diff.json '[.sites[] | select(.stack[0].function == "(other)") | .old.live_bytes]' '[300]'
}

@test "go tool pprof shows the differences, negative where something shrank" {
    need go golang-go
    run_versions
    "$tool" diff --format=pprof -o diff.pb.gz 1.ht 2.ht
    HOME=$PWD PPROF_TMPDIR=$PWD go tool pprof -symbolize=none -top -unit=B -nodefraction=0 \
        -sample_index=inuse_space diff.pb.gz >top 2>err
    cat top
    for line in '5000B .* comes' '800B .* grows' '-650B .* shrinks' '-300B .* goes'; do
        grep -Eq -- "^ *$line" top
    done
    grep -Eq '^Showing nodes accounting for 4850B' top
    HOME=$PWD PPROF_TMPDIR=$PWD go tool pprof -symbolize=none -raw diff.pb.gz >raw 2>err
    [ "$(awk '/^Samples:/ { on = 1; next } /^Locations/ { on = 0 } on && NF > 6 { sum += $6 } END { print sum }' raw)" = 4850 ]
}

@test "files with different stacks are compared with a warning, and what has none is called so" {
    need_tracking
    for mode in full caller none; do
        "$tool" run -q --stacks=$mode -o $mode.ht -- "$workload"
    done
    split "$tool" diff full.ht none.ht
    [ "$status" -eq 0 ]
    one_line "$err"
    [[ $err == *"full.ht has --stacks=full and none.ht --stacks=none"* ]]
    grep -Eq '^ +\+1000 B +1000 B \(no stack was taken\)$' <<<"$out"
    fails grep -q 'between threads' <<<"$out"
    split "$tool" diff caller.ht full.ht
    one_line "$err"
    for mode in full caller none; do
        split "$tool" diff $mode.ht $mode.ht
        [ -z "$err" ]
    done
}

@test "what cannot be compared is one clear line, and exit status 2" {
    "$make_state" x.ht
    "$make_state" other.ht program=/usr/bin/other
    "$make_state" cut.ht cut=5000
    echo '{}' >x.json
    for arguments in "x.ht" "x.ht x.ht x.ht" "x.ht missing.ht" "cut.ht x.ht" "x.ht x.json" "x.ht ." \
        "x.ht other.ht" "--by=size x.ht x.ht" "--format=xml x.ht x.ht" "--top=-1 x.ht x.ht"; do
        # shellcheck disable=SC2086 # words are wanted
        split "$tool" diff $arguments
        [ "$status" -eq 2 ]
        [ -z "$out" ]
        one_line "$err"
    done
    split "$tool" diff x.ht other.ht
    [[ $err == *"x.ht is of sample and other.ht of other"*"--any-program"* ]]
    split "$tool" diff --any-program x.ht other.ht
    [ "$status" -eq 0 ]
    split "$tool" diff x.ht x.ht -o /missing/out
    [ "$status" -eq 2 ]
    one_line "$err"
}

@test "diff --help fits one screen" {
    "$tool" diff --help >out
    [ "$(wc -l <out)" -le 24 ]
    fails grep -Eq '^.{81}' out
}
