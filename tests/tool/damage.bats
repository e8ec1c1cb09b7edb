#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Kept state files that changed after they were written, as the commands meet them.
# Every byte of one is tried in model.c.

load helpers

damaged="damaged after it was written: its bytes have another checksum (byte $checksum_at)"
advice="copy it anew from where it was made, or run the program again"
counter=$((2 * 4096 + 8)) # behind header and facts: the first slot's allocs

@test "a kept file that was changed or cut is refused by every command, in one line" {
    need_tracking
    "$tool" run -q -o x.ht -- "$workload" exit 0
    "$tool" check --max-peak=1G --baseline=x.ht --growth=1G x.ht
    size=$(stat -c %s x.ht)
    for at in 0 100 $checksum_at $counter $(seq 300 $((size / 20)) "$size") $((size - 1)) cut; do
        cp x.ht bad.ht
        if [ "$at" = cut ]; then truncate -s -1 bad.ht; else flip bad.ht "$at"; fi
        for command in "report bad.ht" "report --format=json bad.ht" "diff x.ht bad.ht" "diff bad.ht x.ht" \
            "check --max-peak=1G bad.ht" "check --baseline=bad.ht --growth=1G x.ht"; do
            split "$tool" $command
            [ "$status" -eq 2 ]
            [ -z "$out" ]
            one_line "$err"
            [[ $err == "heaptracker: bad.ht: "*"(byte "*"); "* ]]
            [ "$at" != "$counter" ] || [ "$err" = "heaptracker: bad.ht: $damaged; $advice" ]
        done
    done
}

@test "a child's file that was changed is named, and left out of its parent's report" {
    need_tracking
    need jq
    "$tool" run -q -o x.ht -- "$workload" fork
    child=$(echo x.ht.*)
    "$tool" report --format=json x.ht >out
    json out '[.children[].file]' "[\"$child\"]"
    flip "$child" "$counter"
    split "$tool" report --format=json x.ht
    [ "$status" -eq 0 ]
    [ "$err" = "heaptracker: $child is left out of the children: $damaged; $advice" ]
    json .out '.children' '[]'
    known_totals .out
}
