# SPDX-License-Identifier: MIT
#
# What the tests of devices share. Each runs in an empty directory that has the amalgamation.

here=$HT_SOURCE/tests/device
example=$HT_SOURCE/examples/cortex_m
tool=$HT_BUILD/bin/heaptracker
newlib_wraps='-Wl,--wrap=_malloc_r,--wrap=_calloc_r,--wrap=_realloc_r,--wrap=_free_r,--wrap=_memalign_r'
plain_wraps='-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=aligned_alloc,--wrap=memalign,--wrap=posix_memalign,--wrap=reallocarray'
five_wraps='-Wl,--wrap=malloc,--wrap=realloc,--wrap=calloc,--wrap=alloc_aligned,--wrap=free'

setup() {
    cd "$BATS_TEST_TMPDIR"
    cp "$HT_BUILD"/amalgamation/* .
    unset HEAPTRACKER_OPTIONS
}

# need PROGRAM PACKAGE
need() {
    command -v "$1" >/dev/null || skip "$1 is missing (apt-get install $2)"
}

need_bare_metal() {
    need arm-none-eabi-gcc gcc-arm-none-eabi
    need qemu-system-arm qemu-system-arm
}

# bare CPU ARGUMENT...: compiles for bare metal, the tracker's warnings as errors
bare() {
    local cpu=$1
    shift
    arm-none-eabi-gcc -mcpu="$cpu" -mthumb -std=gnu11 -g -Os -fno-builtin -ffunction-sections -fdata-sections \
        -Wall -Wextra -Werror -I. "$@"
}

# newlib CPU ARGUMENT...: a program with newlib and semihosting
newlib() {
    local cpu=$1
    shift
    # shellcheck disable=SC2086 # one word of options
    bare "$cpu" --specs=nano.specs --specs=rdimon.specs -T "$example/mps2.ld" "$example/start.c" -Wl,--gc-sections \
        -DDUMP='"dump.ht"' -DIMAGE='"ram.bin"' "$@"
}

# board NAME FILE [OPTION...]: runs it; status and output are the program's
board() {
    local name=$1 file=$2
    shift 2
    timeout 30 qemu-system-arm -M "$name" "$@" -nographic -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel "$file" </dev/null
}
