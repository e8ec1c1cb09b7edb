#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What the tracker costs a device: flash, RAM, instructions. The limits are promises
# (README, "On a device"); bench/README.md has the figures.

load helpers

# bytes OBJECT: sets text, data and bss
bytes() {
    read -r text data bss _ < <(arm-none-eabi-size "$1" | tail -n 1)
    echo "$1: text $text, data $data, bss $bss"
}

# flash_of MAP OBJECT: what of an object is in the program
flash_of() {
    local sum=0 size
    # A section's name and its numbers may stand on two lines.
    while read -r size; do
        sum=$((sum + size))
    done < <(awk -v object="$2" '
        /^Linker script and memory map/ { on = 1 }
        !on || !/^ \.(text|rodata)/ { next }
        NF == 1 { name = $0; getline; $0 = name $0 }
        $4 ~ object { print $3 }' "$1")
    echo $sum
}

@test "small: at most 6 KiB of flash, and the RAM that the header states" {
    need_bare_metal
    bare cortex-m3 -c heaptracker.c -o small.o
    bytes small.o
    [ "$text" -le 6144 ]
    [ "$data" -eq 0 ]
    for sizes in "292 37 2" "100 20 1" "1170 293 4"; do
        read -r blocks sites thresholds <<<"$sizes"
        bare cortex-m3 -DHT_BLOCKS=$blocks -DHT_SITES=$sites -DHT_THRESHOLDS=$thresholds -c heaptracker.c -o small.o
        bytes small.o
        stated=$(printf '#include "heaptracker_config.h"\nint ram = HT_RAM_SMALL;\n' |
            arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb -DHT_BLOCKS=$blocks -DHT_SITES=$sites -DHT_THRESHOLDS=$thresholds -I. -S -x c -o - - |
            awk '/\.word/ { print $2 }')
        echo "stated $stated"
        [ $((stated - bss)) -ge 0 ]
        [ $((stated - bss)) -lt 8 ]
        [ "$bss" -le $((blocks * 12 + sites * 40 + thresholds * 20 + 16 + 148)) ]
    done
}

@test "tiny: the RAM that is stated, and the flash that its parts are stated to have" {
    need_bare_metal
    stated=$(sed -n 's/^#define HT_RAM_TINY //p' heaptracker_config.h)
    # Without sections of its own for each object; else 4 bytes less.
    bare cortex-m3 -DHT_PROFILE=tiny -fno-data-sections -c heap_tracker_lib.c -o tiny.o
    bytes tiny.o
    [ $((data + bss)) -eq "$stated" ]
    grep -q "^ \* .*heap_allocated\. $stated bytes of RAM\.$" heaptracker_config.h
    grep -q "^| .tiny. .*| $stated bytes |$" "$HT_SOURCE/README.md"
    for level in -O0 -O2 -Os; do
        bare cortex-m3 -DHT_PROFILE=tiny $level -c heap_tracker_lib.c -o tiny.o
        bytes tiny.o
        [ $((data + bss)) -le "$stated" ]
    done
    cat >app.c <<-'END'
	#include <stdlib.h>
	#define DEBUG_LOGS_ON 1
	#include "heap_tracker_lib.h"
	int main(void)
	{
	    char *a = malloc(10), *b = malloc(20);
	    _free(a, 10);
	    free(b);
	    return heap_allocated > (ssize_t)heap_threshold;
	}
	END
    newlib cortex-m3 app.c tiny.o $newlib_wraps -Wl,-Map=map -o app.elf
    flash=$(flash_of map tiny.o)
    echo "malloc, free and _free with the log: $flash bytes of flash"
    [ "$flash" -gt 500 ]
    [ "$flash" -le 1536 ]
}

@test "of the C library nothing is used but what is wrapped, its lock, memcpy and memset" {
    need_bare_metal
    for profile in tiny small; do
        bare cortex-m3 -DHT_PROFILE=$profile -c heap_tracker_lib.c -o $profile.o
        arm-none-eabi-nm -u $profile.o | awk '{ print $2 }' >used
        cat used
        run grep -v -x -E '__real__(malloc|free|realloc|calloc|memalign)_r|__malloc_(un)?lock|_impure_ptr|memcpy|memset|Log_Debug|ht_port_write|heap_tracker_debug_logs' used
        echo "others: $output"
        [ -z "$output" ]
    done
}

# QEMU's -icount gives every instruction one nanosecond; the board's timer counts each 40.
@test "small: a malloc and free pair takes at most 120 instructions more" {
    need_bare_metal
    newlib cortex-m3 -DHT_UNTRACKED=1 -DMODE=MODE_PAIRS "$here/firmware.c" -o bare.elf
    newlib cortex-m3 -DMODE=MODE_PAIRS "$here/firmware.c" heaptracker.c $newlib_wraps -o tracked.elf
    bare=$(board mps2-an385 bare.elf -icount shift=0 | sed -n 's/^ticks //p')
    tracked=$(board mps2-an385 tracked.elf -icount shift=0 | sed -n 's/^ticks //p')
    echo "ticks of 10000 pairs: $bare and $tracked, of 40 instructions each"
    [ "$bare" -gt 10000 ]
    [ $(((tracked - bare) * 40)) -le 1200000 ]
    [ "$tracked" -gt "$bare" ]
}
