/* SPDX-License-Identifier: MIT */
#include "torture.h"

#include <alloca.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define KEEP __attribute__((noinline, noclone))

static void *volatile sink;
static volatile int zero;

KEEP static void leaf(void)
{
    stack_check();
    zero = 0; /* not a tail call */
}

KEEP static void with_alloca(size_t bytes)
{
    char *room = alloca(bytes);

    memset(room, 1, bytes);
    sink = room;
    leaf();
    zero = 0;
}

KEEP static void with_vla(size_t bytes)
{
    char room[bytes + 1];

    memset(room, 2, bytes);
    sink = room;
    with_alloca(bytes / 2 + 1);
    leaf();
}

KEEP static void realigned(size_t bytes)
{
    _Alignas(128) char room[256];
    char *more = alloca(bytes & 63);

    memset(room, 3, sizeof room);
    sink = room;
    sink = more;
    leaf();
    zero = 0;
}

KEEP static void large_frame(void)
{
    char room[300000]; /* more than 16 bits of words */

    room[zero] = 1;
    sink = room;
    leaf();
    zero = 0;
}

KEEP static void tail_target(int a, int b, int c, int d, int e, int f, int g, int h)
{
    zero = (a + b + c + d + e + f + g + h) & 0;
    leaf();
    zero = 0;
}

KEEP static void tail_caller(int n)
{
    if (n % 2)
        leaf();
    tail_target(n, 1, 2, 3, 4, 5, 6, 7);
}

KEEP static void recurse(unsigned depth, unsigned n)
{
    if (depth == 0) {
        leaf();
    } else if (depth % 3 == 0) {
        with_vla(n % 200);
        recurse(depth - 1, n);
    } else {
        recurse(depth - 1, n + 1);
        if (depth % 5 == 0)
            realigned(n);
    }
    zero = 0;
}

void torture_frames(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        with_vla(8 + i * 7 % 300);
        realigned(i);
        tail_caller((int)i);
        recurse(i % 30, i);
        if (i % 50 == 0)
            recurse(150, i); /* beyond the depth limit */
        if (i % 50 == 25)
            large_frame();
        for (unsigned n = 0; n < 40; n++)
            leaf(); /* the same stack: it is known without a walk */
    }
}

static jmp_buf back;

KEEP __attribute__((noreturn)) static void never_returns(void)
{
    stack_check();
    longjmp(back, 1);
}

/* The call is the function's last instruction: the return address is the next function's. */
KEEP __attribute__((noreturn)) static void ends_with_call(void)
{
    never_returns();
}

void torture_noreturn(void)
{
    if (setjmp(back) == 0)
        ends_with_call();
    leaf();
}

static int compare(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;

    realigned((size_t)(x & 31));
    return (x > y) - (x < y);
}

void torture_callbacks(unsigned rounds)
{
    int numbers[64];

    for (unsigned r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < 64; i++)
            numbers[i] = (int)((i * 37 + r * 11) % 64);
        qsort(numbers, 64, sizeof *numbers, compare);
    }
}

#if defined(__x86_64__)
/* No .cfi: neither unwinder can get past it by tables. */
__asm__(
    ".text\n.type no_cfi, @function\nno_cfi:\n\tpush %rbx\n\tsub $32, %rsp\n\tcall *%rdi\n\tadd $32, %rsp\n"
    "\tpop %rbx\n\tret\n.size no_cfi, . - no_cfi\n");
void no_cfi(void (*f)(void));

void torture_no_cfi(void)
{
    no_cfi(leaf);
    zero = 0;
}
#endif
