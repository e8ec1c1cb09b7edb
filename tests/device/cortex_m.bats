#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Cortex-M under QEMU: the numbers, the dump, the image of RAM, and what goes wrong.

load helpers

setup_dump() {
    need_bare_metal
    [ -x "$tool" ] || skip "the tool is not built"
    newlib cortex-m3 -DMODE=MODE_ACCOUNT "$here/firmware.c" heaptracker.c $newlib_wraps -o firmware.elf
    board mps2-an385 firmware.elf >out
}

# json FILE EXPRESSION EXPECTED
json() {
    local got
    need jq jq
    got=$(jq -c "$2" "$1")
    [ "$got" = "$3" ] || { echo "$2 is $got, not $3"; return 1; }
}

@test "newlib on Cortex-M3: each call counts as the table says" {
    need_bare_metal
    newlib cortex-m3 -DMODE=MODE_ACCOUNT -DHAS_FACE=1 "$here/firmware.c" heap_tracker_lib.c $newlib_wraps -o firmware.elf
    board mps2-an385 firmware.elf
}

@test "newlib on Cortex-M4 with hard float: each call counts as the table says" {
    need_bare_metal
    newlib cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16 -DMODE=MODE_ACCOUNT "$here/firmware.c" heaptracker.c \
        $newlib_wraps -o firmware.elf
    board mps2-an386 firmware.elf
}

@test "newlib that is not nano: each call counts as the table says" {
    need_bare_metal
    bare cortex-m3 --specs=rdimon.specs -T "$example/mps2.ld" "$example/start.c" -Wl,--gc-sections -DDUMP='"dump.ht"' \
        -DIMAGE='"ram.bin"' -DMODE=MODE_ACCOUNT "$here/firmware.c" heaptracker.c $newlib_wraps -o firmware.elf
    board mps2-an385 firmware.elf
}

@test "picolibc on Cortex-M3: each call counts as the table says" {
    need_bare_metal
    [ -e "$(arm-none-eabi-gcc -print-file-name=picolibc.specs)" ] || [ -d /usr/lib/picolibc/arm-none-eabi ] ||
        skip "picolibc is missing (apt-get install picolibc-arm-none-eabi)"
    bare cortex-m3 --specs=picolibc.specs --oslib=semihost --crt0=hosted -Wl,--gc-sections \
        -Wl,--defsym=__flash=0,--defsym=__flash_size=0x100000,--defsym=__ram=0x20000000,--defsym=__ram_size=0x40000 \
        -DDUMP='"dump.ht"' -DIMAGE='"ram.bin"' -DMODE=MODE_ACCOUNT "$here/firmware.c" heaptracker.c $plain_wraps -o firmware.elf
    board mps2-an385 firmware.elf
}

@test "the profile tiny: counters in the original's style, and its log" {
    need_bare_metal
    newlib cortex-m3 -DHT_PROFILE=tiny -DHT_TINY_TEST=1 -DHAS_FACE=1 "$here/firmware.c" heap_tracker_lib.c \
        $newlib_wraps -o firmware.elf
    board mps2-an385 firmware.elf
}

@test "a full block table: lost blocks are counted, one line says so" {
    need_bare_metal
    newlib cortex-m3 -DHT_BLOCKS=64 -DMODE=MODE_FULL "$here/firmware.c" heaptracker.c $newlib_wraps -o firmware.elf
    board mps2-an385 firmware.elf >out
    cat out
    [ "$(grep -c '^heaptracker: the block table is full.*raise HT_BLOCKS (64)' out)" -eq 1 ]
}

@test "a wrong size: one warning for each place, with both sizes" {
    need_bare_metal
    newlib cortex-m3 -DHAS_FACE=1 -DMODE=MODE_BAD "$here/firmware.c" heap_tracker_lib.c $newlib_wraps -o firmware.elf
    board mps2-an385 firmware.elf >out
    cat out
    [ "$(grep -c '^heaptracker: _realloc(0x.*the given size is 99 bytes, the block has 100' out)" -eq 1 ]
    [ "$(grep -c '^heaptracker: _free(0x.*the given size is 77 bytes, the block has 100' out)" -eq 1 ]
    [ "$(grep -c heaptracker: out)" -eq 2 ]
}

@test "the dump: the tool reports the device's numbers, and the lines of its source" {
    setup_dump
    "$tool" report --exe=firmware.elf --format=json dump.ht >report.json
    read -r _ live _ peak _ allocs < <(grep ^live out)
    json report.json '.totals | [.live_bytes, .peak_bytes, .allocs]' "[$live,$peak,$allocs]"
    json report.json '.ended' '"running"'
    # 1000 and 300 by account, 64 and 2000 by keep_some
    json report.json '[.sites[] | select(.stack[0].function == "keep_some") | .live_bytes]' '[2064]'
    json report.json '[.sites[] | select(.stack[0].function == "account") | .live_bytes] | add' 1300
    json report.json '[.sites[].live_bytes] | add' "$live"
    json report.json '[.sites[].peak_bytes] | add' "$peak"
    json report.json '[.sites[].stack[] | select(.function == "keep_some") | .file | endswith("firmware.c")] | unique' '[true]'
}

@test "an image of RAM gives the very file that the device sends" {
    setup_dump
    "$tool" report --exe=firmware.elf --format=json --memory=ram.bin@0x20000000 >memory.json
    "$tool" report --exe=firmware.elf --format=json dump.ht >dump.json
    cmp memory.json dump.json
    # As a debugger's core would have it: anywhere in a larger file.
    { head -c 12345 /dev/urandom; cat ram.bin; head -c 999 /dev/zero; } >core
    "$tool" report --exe=firmware.elf --format=json --memory=core | cmp - dump.json
}

@test "images without tables, and with damaged ones, are refused in one line" {
    setup_dump
    head -c 4096 /dev/zero >empty
    run "$tool" report --memory=empty
    [ "$status" -eq 2 ]
    [[ $output == "heaptracker: empty: no tables of HeapTracker in it"* ]]
    run "$tool" report --memory=missing@0x20000000
    [ "$status" -eq 2 ]
    [ "$output" = "heaptracker: missing@0x20000000: cannot open it: No such file or directory" ]
    at=$(LC_ALL=C grep -obUaP '\x89HTd' ram.bin | head -n 1 | cut -d : -f 1)
    head -c $((at + 300)) ram.bin >cut
    run "$tool" report --memory=cut@0x20000000
    echo "$output"
    [ "$status" -eq 2 ]
    [[ $output == "heaptracker: cut@0x20000000: its tables lie outside of it; save more of the memory (at 0x2000"* ]]
    run "$tool" report --memory=empty dump.ht
    [ "$status" -eq 2 ]
    [[ $output == *"give one of them"* ]]
}

@test "a dump that was cut: what is whole is shown, what is missing is said" {
    setup_dump
    size=$(stat -c %s dump.ht)
    for bytes in $((size - 1)) 5500 4900 4800 4300; do
        head -c $bytes dump.ht >cut.ht
        "$tool" report --exe=firmware.elf --format=json cut.ht >cut.json 2>cut.err
        cat cut.err
        [ "$(wc -l <cut.err)" -eq 1 ]
        grep -q "^heaptracker: cut.ht: the dump is cut: $bytes of $size bytes are there. The totals are whole" cut.err
        json cut.json '.totals.live_bytes' "$(sed -n 's/^live \([0-9]*\) .*/\1/p' out)"
    done
    for bytes in 4200 3000 100 0; do
        head -c $bytes dump.ht >cut.ht
        run "$tool" report cut.ht
        echo "$output"
        [ "$status" -eq 2 ]
        [ "$(wc -l <<<"$output")" -eq 1 ]
    done
}

@test "without --exe there are addresses instead of names; a wrong --exe is said" {
    setup_dump
    "$tool" report dump.ht >out2
    head -n 1 out2
    [ "$(head -n 1 out2)" = "heaptracker: (unknown program), on a device: running" ]
    grep -q '0x' out2
    run "$tool" report --exe=nowhere.elf dump.ht
    [ "$status" -eq 2 ]
    [ "$output" = "heaptracker: --exe=nowhere.elf: No such file or directory" ]
    run "$tool" report --exe="$tool" dump.ht
    echo "$output"
    [ "$status" -eq 2 ]
    [ "$output" = "heaptracker: --exe=$tool is for a machine of 64 bits, and the numbers are of one of 32 (dump.ht); give the file that ran" ]
}

@test "CMake: one target gives a firmware project the tracker, and says what RAM it takes" {
    need_bare_metal
    mkdir project
    cat >project/CMakeLists.txt <<-END
	cmake_minimum_required(VERSION 3.18)
	project(firmware C)
	add_subdirectory($HT_SOURCE heaptracker)
	add_executable(firmware $here/firmware.c $example/start.c)
	target_compile_definitions(firmware PRIVATE MODE=MODE_ACCOUNT DUMP="dump.ht" IMAGE="ram.bin")
	target_compile_options(firmware PRIVATE -mcpu=cortex-m3 -mthumb -Os -g -fno-builtin)
	target_link_options(firmware PRIVATE -mcpu=cortex-m3 -mthumb --specs=nano.specs --specs=rdimon.specs -T $example/mps2.ld)
	target_link_libraries(firmware PRIVATE HeapTracker::wrap)
	END
    cmake -S project -B out -DCMAKE_SYSTEM_NAME=Generic -DCMAKE_C_COMPILER=arm-none-eabi-gcc \
        -DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY -DHT_PROFILE=small "-DHT_DEFINES=HT_BLOCKS=100;HT_SITES=20;HT_HEAPS=2" >log
    grep HeapTracker: log
    grep -q 'HeapTracker: profile small, 3940 bytes of RAM on a 32-bit machine: 100 blocks of 12, 20 calling places of 40.*2 other heaps of 72 with 20 calling places' log
    cmake --build out
    board mps2-an385 out/firmware
    run cmake -S project -B wrong -DCMAKE_SYSTEM_NAME=Generic -DCMAKE_C_COMPILER=arm-none-eabi-gcc \
        -DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY -DHT_PROFILE=huge
    [ "$status" -ne 0 ]
    [[ $output == *"HT_PROFILE is huge: give tiny, small or full"* ]]
}
