#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Heaps besides the C library's in the profile small: on Cortex-M under QEMU, and on the host.

load helpers

sizes="-DHT_HEAPS=2 -DHT_HEAP_SITES=6 -DHT_BLOCKS=64"

# json FILE EXPRESSION EXPECTED
json() {
    local got
    need jq jq
    got=$(jq -c "$2" "$1")
    [ "$got" = "$3" ] || { echo "$2 is $got, not $3"; return 1; }
}

# check_report: dump.ht of app is what other_heaps.c says
check_report() {
    [ -x "$tool" ] || skip "the tool is not built"
    "$tool" report --exe=app --format=json dump.ht >report.json
    json report.json '.heaps | map(.name)' '["C","pool","second"]'
    json report.json '.heaps[1] | [.allocs, .frees, .reallocs, .failed_allocs, .foreign_frees, .lost_blocks]' '[5,3,1,2,2,0]'
    json report.json '.heaps[1] | [.peak_bytes, .peak_blocks, .live_bytes, .live_blocks, .bytes_allocated]' '[700,3,650,2,960]'
    json report.json '.heaps[2] | [.allocs, .frees, .peak_bytes, .peak_blocks, .live_bytes, .live_blocks]' '[7,1,112,7,96,6]'
    # Sites add up to their own heap; the sixth and seventh place share one without a name.
    for heap in pool second; do
        json report.json "([.sites[] | select(.heap == \"$heap\") | .peak_bytes] | add) == (.heaps[] | select(.name == \"$heap\") | .peak_bytes)" true
        json report.json "([.sites[] | select(.heap == \"$heap\") | .live_bytes] | add) == (.heaps[] | select(.name == \"$heap\") | .live_bytes)" true
    done
    json report.json '([.sites[] | select(.heap == "C") | .live_bytes] | add) == .totals.live_bytes' true
    json report.json '[.sites[] | select(.heap == "pool") | .stack[-1].function] | unique' '["each_record"]'
    json report.json '[.sites[] | select(.heap == "second") | [.stack[-1].function, .allocs]] | sort' \
        '[["(stack not known)",2],["many_places",1],["many_places",1],["many_places",1],["many_places",1],["many_places",1]]'
}

# check_full: the same program, whose block table got full by heap second
check_full() {
    [ -x "$tool" ] || skip "the tool is not built"
    "$tool" report --exe=app --format=json dump.ht >report.json
    json report.json '.heaps[1] | [.lost_blocks, .live_bytes]' '[0,650]'
    json report.json '.heaps[2] | .allocs' 108
    json report.json '.heaps[2] | .lost_blocks > 36 and .lost_blocks < 100' true
    json report.json '.heaps[2] | .frees + .lost_blocks == 102 and .foreign_frees == .lost_blocks' true
    json report.json '.heaps[2] | .live_bytes == 96 + 8 * .lost_blocks - 5' true
    json report.json '.heaps[0].lost_blocks' 0
}

@test "on Cortex-M3 each record counts as the table says, in its own heap" {
    need_bare_metal
    # shellcheck disable=SC2086 # words are wanted
    newlib cortex-m3 $sizes "$here/other_heaps.c" heaptracker.c $newlib_wraps -o app
    board mps2-an385 app
    check_report
    "$tool" report --exe=app --format=json --memory=ram.bin@0x20000000 | cmp - report.json
}

@test "an image that lacks the other heaps' tables is refused, and so are damaged ones" {
    need_bare_metal
    # shellcheck disable=SC2086
    newlib cortex-m3 $sizes "$here/other_heaps.c" heaptracker.c $newlib_wraps -o app
    board mps2-an385 app
    [ -x "$tool" ] || skip "the tool is not built"
    at=$(LC_ALL=C grep -obUaP '\x89HTd\r\n\x1a\n' ram.bin | head -n 1 | cut -d : -f 1)
    name=$(LC_ALL=C grep -obUa 'second' ram.bin | cut -d : -f 1 | awk -v at="$at" '$1 > at' | head -n 1)
    head -c $((name + 100)) ram.bin >cut
    run "$tool" report --memory=cut@0x20000000
    echo "$output"
    [ "$status" -eq 2 ]
    [[ $output == "heaptracker: cut@0x20000000: its tables lie outside of it"* ]]
    # The first heap's site_count, 68 bytes behind its name, beyond its capacity.
    pool=$(LC_ALL=C grep -obUaP 'pool\0' ram.bin | cut -d : -f 1 | awk -v at="$at" '$1 > at' | head -n 1)
    printf '\377' | dd of=ram.bin bs=1 seek=$((pool + 68)) conv=notrunc status=none
    run "$tool" report --memory=ram.bin@0x20000000
    echo "$output"
    [ "$status" -eq 2 ]
    [ "$(wc -l <<<"$output")" -eq 1 ]
}

@test "a dump that was cut has all heaps' totals, or is refused" {
    # shellcheck disable=SC2086
    ${CC:-cc} -g -O1 -D_GNU_SOURCE -fno-builtin -DHT_PROFILE=small $sizes -I. "$here/other_heaps.c" heaptracker.c \
        $plain_wraps -o app
    ./app
    [ -x "$tool" ] || skip "the tool is not built"
    for bytes in $(($(stat -c %s dump.ht) - 1)) 6000 5100; do
        head -c $bytes dump.ht >cut.ht
        "$tool" report --exe=app --format=json cut.ht >cut.json 2>cut.err
        grep -q "^heaptracker: cut.ht: the dump is cut: $bytes of .* The totals are whole" cut.err
        json cut.json '.heaps | map([.name, .peak_bytes])' '[["C",8192],["pool",700],["second",112]]'
    done
    for bytes in 4950 4800; do
        head -c $bytes dump.ht >cut.ht
        run "$tool" report cut.ht
        echo "$output"
        [ "$status" -eq 2 ]
        [ "$(wc -l <<<"$output")" -eq 1 ]
    done
}

@test "on Cortex-M3 a full block table: lost of the heap that it was full for" {
    need_bare_metal
    # shellcheck disable=SC2086
    newlib cortex-m3 $sizes -DFULL "$here/other_heaps.c" heaptracker.c $newlib_wraps -o app
    board mps2-an385 app
    check_full
}

@test "on Cortex-M3 an interrupt handler may record: nothing is lost" {
    need_bare_metal
    # shellcheck disable=SC2086
    newlib cortex-m3 $sizes "$here/other_heaps_isr.c" heaptracker.c $newlib_wraps -o app
    board mps2-an385 app -icount shift=0 >out
    cat out
    [ -x "$tool" ] || skip "the tool is not built"
    ticks=$(sed -n 's/^ticks \([0-9]*\) .*/\1/p' out)
    "$tool" report --exe=app --format=json dump.ht >report.json
    # Of each of the two the last four blocks stay, and the first four frees are of none.
    json report.json '.heaps[1] | [.allocs, .frees, .live_blocks, .live_bytes, .foreign_frees, .lost_blocks]' \
        "[$((ticks + 20000)),$((ticks + 20000 - 8)),8,128,8,0]"
    json report.json '([.sites[] | select(.heap == "shared") | .live_bytes] | add)' 128
}

@test "on the host, in the profile small, the same" {
    # shellcheck disable=SC2086
    ${CC:-cc} -g -O1 -D_GNU_SOURCE -Wall -Wextra -Werror -fno-builtin -DHT_PROFILE=small \
        $sizes -I. "$here/other_heaps.c" heaptracker.c $plain_wraps -o app
    ./app
    check_report
    ./app full
    check_full
}

@test "without HT_HEAPS there are none: records do nothing" {
    cat >none.c <<-'END'
	#include "heaptracker.h"
	int main(void)
	{
	    int block;
	    ht_heap_t heap = ht_heap("pool");
	    ht_record_alloc(heap, &block, 4);
	    ht_record_realloc(heap, &block, &block, 4);
	    ht_record_free(heap, &block);
	    return heap != 0;
	}
	END
    for profile in small tiny; do
        # shellcheck disable=SC2086
        ${CC:-cc} -D_GNU_SOURCE -DHT_PROFILE=$profile -I. none.c heaptracker.c $plain_wraps -o app
        ./app
    done
}

@test "the FreeRTOS-shaped example on Cortex-M3: its heap, and who holds it" {
    need_bare_metal
    [ -x "$tool" ] || skip "the tool is not built"
    freertos=$HT_SOURCE/examples/freertos_heap
    mkdir build
    newlib cortex-m3 -DHT_HEAPS=1 "$freertos"/{main,heap,tracked,device}.c heaptracker.c $newlib_wraps \
        -Wl,--wrap=pvPortMalloc,--wrap=vPortFree -o app
    board mps2-an385 app >out
    grep -q '^log dumped: no memory' out
    "$tool" report --exe=app --format=json build/freertos.ht >report.json
    json report.json '.heaps[1] | [.name, .allocs, .frees, .peak_bytes, .peak_blocks, .live_bytes, .failed_allocs]' \
        '["freertos",83,75,6848,10,6624,1]'
    json report.json '[.sites[] | select(.heap == "freertos" and .live_bytes > 0) | [.stack[0].function, .live_bytes]] | sort' \
        '[["create_task",6144],["read_sensor",480]]'
    "$tool" report --exe=app build/freertos.ht >text
    grep -q '^Heap freertos$' text
}

@test "the RAM of other heaps is what the header states, and 0 costs nothing" {
    need_bare_metal
    for set in "" "-DHT_HEAPS=1" "-DHT_HEAPS=7 -DHT_HEAP_SITES=9"; do
        # shellcheck disable=SC2086
        bare cortex-m3 $set -c heaptracker.c -o small.o
        read -r text _ bss _ < <(arm-none-eabi-size small.o | tail -n 1)
        # shellcheck disable=SC2086
        stated=$(printf '#include "heaptracker_config.h"\nint ram = HT_RAM_SMALL;\n' |
            arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb $set -I. -S -x c -o - - | awk '/\.word/ { print $2 }')
        echo "$set: flash $text, RAM $bss, stated $stated"
        [ $((stated - bss)) -ge 0 ]
        [ $((stated - bss)) -lt 8 ]
        limit=6144
        [ -z "$set" ] || limit=$((6144 + 1664))
        [ "$text" -le $limit ]
    done
}

@test "more calling places than a block can tell apart do not compile, and the remedy is said" {
    compile() { run ${CC:-cc} -D_GNU_SOURCE -DHT_PROFILE=small "$@" -I. -c heaptracker.c -o small.o; }
    for most in "-DHT_HEAPS=7 -DHT_HEAP_SITES=223" "-DHT_HEAPS=1 -DHT_HEAP_SITES=1563" "-DHT_HEAPS=7 -DHT_HEAP_SITES=2 -DHT_SITES=1586"; do
        # shellcheck disable=SC2086
        compile $most
        echo "$most: $output"
        [ "$status" -eq 0 ]
    done
    for more in "-DHT_HEAPS=7 -DHT_HEAP_SITES=224" "-DHT_HEAPS=7 -DHT_HEAP_SITES=300" "-DHT_HEAPS=1 -DHT_SITES=1581"; do
        # shellcheck disable=SC2086
        compile $more
        echo "$more: $output"
        [ "$status" -ne 0 ]
        [[ $output == *"make HT_HEAP_SITES smaller"* ]]
    done
}
