#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Where code lies, and what it is called: executables with holes, libraries by relative paths.

load ../tool/helpers

# Two sites, each a function of its own; a library's, where a name of one is given.
make_program() {
    need gcc
    cat >library.c <<'EOF'
#include <stdlib.h>
void *library_makes(size_t size);
void *library_makes(size_t size)
{
    void *volatile block = malloc(size);
    return block;
}
EOF
    cat >program.c <<'EOF'
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
void *volatile kept;
#ifdef LINKED
void *library_makes(size_t size);
#endif
__attribute__((noinline)) static void program_makes(size_t size) { kept = malloc(size); __asm__ volatile(""); }
int main(int argc, char **argv)
{
    void *(*make)(size_t) = NULL;
    program_makes(3000);
#ifdef LINKED
    make = library_makes;
#else
    if (argc > 1)
        make = (void *(*)(size_t))dlsym(dlopen(argv[1], RTLD_NOW), "library_makes");
#endif
    if (chdir("/") == 0 && make)
        kept = make(5000);
    return argc < 1;
}
EOF
    gcc -g -shared -fPIC -o library.so library.c
}

who_holds() {
    jq -r --argjson bytes "$1" '[.sites[] | select(.live_bytes == $bytes) | .stack[0] | [.function, .file, .line]] | .[0] | map(tostring) | join(" ")' out
}

@test "an executable with holes between its segments has stacks and names" {
    need_tracking
    need jq
    make_program
    gcc -g -Wl,-z,max-page-size=0x200000 -Wl,-z,separate-code -o holes program.c
    "$tool" run -q -o x.ht -- ./holes
    "$tool" report --format=json x.ht >out
    who_holds 3000
    [[ $(who_holds 3000) == "program_makes "*"program.c 8" ]]
    json out '[.sites[] | select(.live_bytes == 3000) | .stack | length] | .[0] > 2' true
}

@test "a library that was found by a relative path has its names, wherever the program goes" {
    need_tracking
    need jq
    make_program
    gcc -g -DLINKED -o linked program.c ./library.so
    gcc -g -DLINKED -o searched program.c -L. -l:library.so
    gcc -g -o opens program.c
    for command in ./linked ./searched "./opens ./library.so"; do
        LD_LIBRARY_PATH=. "$tool" run -q -o x.ht -- $command
        "$tool" report --format=json x.ht >out
        echo "$command: $(who_holds 5000)"
        [[ $(who_holds 5000) == "library_makes "*"library.c 5" ]]
    done
    run "$tool" check --site=library_makes:live=1K x.ht
    [ "$status" -eq 1 ]
}

# Frames of a recursion, so that the same return address is signed for other stack pointers.
@test "AArch64: return addresses that are signed (pac-ret) make the stacks that unsigned ones do" {
    need jq
    need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
    need qemu-aarch64-static qemu-user-static
    local library=$HT_BUILD/aarch64-glibc/build/lib/libheaptracker-preload.so protection
    [ -e "$library" ] || skip "the library was not built for AArch64"
    cat >program.c <<'EOF'
#include <stdlib.h>
void *volatile kept;
__attribute__((noinline)) static void makes(void) { kept = malloc(100); __asm__ volatile(""); }
__attribute__((noinline)) static void goes_down(int n)
{
    if (n > 0)
        goes_down(n - 1);
    else
        makes();
    __asm__ volatile("");
}
int main(void)
{
    for (int i = 0; i < 40; i++)
        goes_down(i % 4);
    return 0;
}
EOF
    for protection in none pac-ret; do
        aarch64-linux-gnu-gcc -g -O1 -mbranch-protection=$protection -o $protection program.c
        mkdir state-$protection
        qemu-aarch64-static -cpu max -L /usr/aarch64-linux-gnu -E LD_PRELOAD="$library" \
            -E HEAPTRACKER_OPTIONS="quiet=1:state_dir=$PWD/state-$protection" ./$protection
        "$tool" report --format=json state-$protection/*.ht >out
        json out '[.sites[].stack | map(.function) | .[:index("main")] | join(" ")] | sort' \
            '["makes goes_down","makes goes_down goes_down","makes goes_down goes_down goes_down","makes goes_down goes_down goes_down goes_down"]'
    done
}
