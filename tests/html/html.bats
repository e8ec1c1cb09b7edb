#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# report --format=html: the file itself.

load helpers

phases() {
    page phases.html "$HT_BUILD/tests/html/phases"
}

@test "its document says what the json report says, site by site" {
    need jq
    phases
    document phases.html >document.json
    "$tool" report --format=json phases.ht >report.json
    [ "$(jq .kind document.json)" = '"report"' ]
    for key in program command ended status seconds totals lost inherited timeline threads_detail children; do
        cmp <(jq -S ".$key" document.json) <(jq -S ".$key" report.json)
    done
    for column in live_bytes live_blocks peak_bytes peak_blocks bytes_allocated allocs temporary_allocs; do
        cmp <(jq -c ".sites.$column" document.json) <(jq -c "[.sites[].$column]" report.json)
        [ "$(jq ".sites.$column | length" document.json)" -gt 3 ]
    done
    # Each stack from the tree of nodes, innermost first.
    jq -c '. as $d | .sites.node[] | [recurse($d.nodes.up[.] as $up | if $up > 0 then . - $up else empty end)
        | $d.nodes.frame[.] as $f | [$d.strings[$d.frames.function[$f]], $d.strings[$d.frames.file[$f]],
            $d.frames.line[$f], $d.strings[$d.frames.module[$f]], $d.frames.flags[$f] % 2 == 1]]' document.json |
        sed 's/\[\["(callers [^]]*\]$//; s/,\["(callers[^]]*\]\]$/]/' >ours
    jq -c '.sites[].stack | map([.function, .file // "", .line, .module, .inlined])' report.json >theirs
    cmp ours theirs
}

@test "each thread has its counters, and they add up" {
    need jq
    phases
    "$tool" report --format=json phases.ht >report.json
    [ "$(jq '[.threads_detail[] | select(.slot > 0)] | length' report.json)" -eq 2 ]
    jq -e '([.threads_detail[].allocs] | add) == .totals.allocs and
        ([.threads_detail[].bytes_allocated] | add) == .totals.bytes_allocated and
        ([.threads_detail[] | .bytes_allocated - .bytes_freed] | add) == .totals.live_bytes' report.json
}

@test "the threshold and the limit of the run are lines of the timeline" {
    need jq
    "$tool" run --quiet --threshold=200K --limit=100M -o bounds.ht -- "$HT_BUILD/tests/html/phases" >/dev/null
    "$tool" report --format=html -o bounds.html bounds.ht
    document bounds.html >document.json
    jq -e '.lines == [{"name": "threshold", "bytes": 204800}, {"name": "limit", "bytes": 104857600}]' document.json
}

@test "the document of a diff has the numbers of the json diff" {
    need jq
    two_versions
    "$tool" diff --format=html -o diff.html old.ht new.ht
    document diff.html >document.json
    "$tool" diff --format=json -o diff.json old.ht new.ht
    jq -e '.kind == "diff" and .by == "peak_bytes" and .paths == ["old.ht", "new.ht"]' document.json
    "$tool" diff --by=total --format=html -o total.html old.ht new.ht
    document total.html | jq -e '.by == "bytes_allocated"'
    for column in live_bytes live_blocks peak_bytes peak_blocks bytes_allocated allocs temporary_allocs; do
        cmp <(jq -c ".sites.$column" document.json) <(jq -c "[.sites[].new.$column]" diff.json)
        cmp <(jq -c ".old.sites.$column" document.json) <(jq -c "[.sites[].old.$column]" diff.json)
        jq -e "(.sites.$column | add) == .totals.$column and (.old.sites.$column | add) == .old.totals.$column" document.json
    done
    # One program, though its file has moved.
    [ "$(jq '[.frames.module[] as $m | .strings[$m]] | unique | map(select(endswith("/version"))) | length' document.json)" -eq 1 ]
}

@test "1,000 sites are one file below 1 MiB that may fetch nothing" {
    page many.html "$HT_BUILD/tests/html/many_sites" 1000
    [ "$(stat -c %s many.html)" -lt 1048576 ]
    [ "$(document many.html | grep -o '"node":\[[^]]*' | tr -cd , | wc -c)" -ge 999 ]
    grep -q "default-src 'none'" many.html
    fails() { ! "$@"; }
    fails grep -qE "unsafe-|(src|href)=[\"']?https?:|@import" many.html
    fails grep -qi 'leaked' many.html
}

@test "100,000 sites: how long it takes and how much memory" {
    need /usr/bin/time time
    "$tool" run --quiet -o many.ht -- "$HT_BUILD/tests/html/many_sites" 100000
    /usr/bin/time -f 'written in %e s with %M KiB' "$tool" report --format=html -o many.html many.ht 2>figures
    cat figures >&3
    [ "$(document many.html | grep -o '"who":\[[^]]*' | tr -cd , | wc -c)" -ge 99999 ]
    # Memory does not depend on who else uses the machine.
    [ "$(grep -oE '[0-9]+ KiB' figures | tr -d ' KiB')" -lt 512000 ]
}

@test "the page's sources have the types that they say" {
    [ -d "$packages/node_modules/typescript" ] || skip "typescript is missing (build with HT_TESTS=ON)"
    cp -r "$HT_SOURCE/tool/ui/web/src" "$HT_SOURCE/tool/ui/web/tsconfig.json" .
    ln -s "$packages/node_modules" node_modules
    node_modules/.bin/tsc --noEmit
    # And the check can fail.
    echo 'export const wrong: number = "text";' >src/wrong.ts
    run node_modules/.bin/tsc --noEmit
    [ "$status" -ne 0 ]
}

@test "nothing in it steers its reader: names, files, arguments, and what a diff compares" {
    need jq
    need objcopy binutils
    local reverse=$'\u202e' name=$'a\u202eb\u2066c\e[31m\x7f\u0085\nd' shown='a?b?c?[31m???d' arguments=('\' $'x\u202e\ty"\e\\n<')
    cp "$HT_BUILD/tests/html/phases" "$reverse"
    objcopy --strip-debug --redefine-sym make_buffer="$name" "$reverse"
    page evil.html "./$reverse" "${arguments[@]}"
    "$tool" diff --format=html -o diff.html "evil.ht" "evil.ht"
    for file in evil.html diff.html; do
        document $file >document.json
        jq -r '.. | strings' document.json | sed 's/\xef\xbf\xbd/?/g' >texts
        grep -qxF "$shown" texts
        grep -q '/?$' texts
        # No control character is left, escaped or not, and none of direction.
        jq -e '[.. | strings | select(test("[\\p{Cc}\\x{061c}\\x{200e}\\x{200f}\\x{202a}-\\x{202e}\\x{2066}-\\x{2069}]"))] == []' document.json
    done
    document evil.html | jq -c '.command[1:]' >command
    [ "$(<command)" = $'["\\\\","x\ufffd\ufffdy\\"\ufffd\\\\n<"]' ]
}

@test "it is not for a terminal" {
    need script bsdutils
    "$tool" run --quiet -o x.ht -- "$HT_BUILD/tests/html/many_sites" 3
    run script -qec "'$tool' report --format=html x.ht" /dev/null
    [ "$status" -eq 2 ]
    [[ $output == *"not for a terminal"*"-o "* ]]
}
