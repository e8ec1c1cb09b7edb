#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What grows over a run, on grows.c.

load helpers

@test "a site that rises steadily is named growing, and no other is" {
    need_tracking
    need jq
    "$tool" run --interval=20 -o x.ht "$HT_BUILD/tests/tool/grows" 2000 2>out
    grep -Eq '^  growing +\+1[0-9]{2}\.[0-9] KiB/s, from .* \(confidence [0-9.]+ %\)$' out ||
        grep -q 'Growing' out # the whole program has a saw in it
    sed -n '/^Growing: live bytes rose steadily$/,/^$/p' out >growing
    cat growing
    [ "$(grep -c '/s ' growing)" -eq 1 ]
    grep -Eq '^ +\+[0-9.]+ KiB/s +[0-9.]+ % +[0-9.]+ KiB leaks  grows\.c:[0-9]+$' growing
    "$tool" report --format=json x.ht >x.json
    json x.json '.growth.sites | length' 1
    json x.json '. as $all | .growth.sites[0] as $g | $all.sites[] | select(.id == $g.id) | .stack[0].function' '"leaks"'
    # 200 blocks a second of 1000 bytes, if the machine is not busy.
    json x.json '.growth.sites[0] | .bytes_per_second > 20000 and .bytes_per_second < 220000 and .confidence >= 0.999 and .from_bytes < .to_bytes' true
    fails grep -iq leaked out
}

@test "a short run says nothing of growth" {
    need_tracking
    need jq
    "$tool" run --quiet -o x.ht "$HT_BUILD/tests/tool/grows" 50
    "$tool" report --format=json x.ht >x.json
    json x.json '.growth.verdict' '"unknown"'
    json x.json '.growth.sites' '[]'
    "$tool" report x.ht >out
    fails grep -iq growing out
}

@test "a program that was tracked without run has the verdict of the whole" {
    need_tracking
    need jq
    HEAPTRACKER_OPTIONS=state_dir=$PWD/states:interval=20:quiet=1 \
        LD_PRELOAD=$HT_BUILD/lib/libheaptracker-preload.so "$HT_BUILD/tests/tool/grows" 1500
    "$tool" report --format=json states/*.ht >x.json
    json x.json '.growth.verdict != "unknown"' true
    json x.json '.growth.sites' '[]'
}
