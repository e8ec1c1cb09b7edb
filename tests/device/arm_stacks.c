/* SPDX-License-Identifier: MIT
 *
 * Stacks of 32-bit Arm against libgcc's _Unwind_Backtrace, which reads the same tables by
 * other code. check() takes the site as every hook does. Prints how many were equal; an
 * exit status other than 0 says that one was not.
 *
 * A stack ends where a function has no table. libgcc leaves that function out, and the
 * tracker names it: it has one frame more.
 */
#include <alloca.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

#include "arm_stacks.h"
#include "entry/call.h"
#include "entry/stacks.h"

#define FRAMES_MAX 256
#define NOINLINE __attribute__((noinline, noclone))
#define KEEP(value) __asm__ volatile("" ::"r"(value) : "memory")

int main(void);

struct theirs {
    uintptr_t pc[FRAMES_MAX];
    uintptr_t function;
    int count;
};

static unsigned checked, wrong, deepest, through_libc;

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *argument)
{
    struct theirs *theirs = argument;

    if (theirs->count == FRAMES_MAX)
        return _URC_END_OF_STACK;
    theirs->function = _Unwind_GetRegionStart(context) & ~(uintptr_t)1;
    theirs->pc[theirs->count++] = _Unwind_GetIP(context) & ~(uintptr_t)1;
    return _URC_NO_REASON;
}

static bool is_equal(uint32_t site, uintptr_t pc, bool from_main)
{
    struct theirs theirs = {.count = 0};
    int first = 0, same = 0, ours = 0;
    bool whole, cut;
    uint64_t where;

    _Unwind_Backtrace(add_frame, &theirs);
    while (first < theirs.count && theirs.pc[first] != pc)
        first++;
    for (; stacks_frame(&site, &where); ours++) {
        if (first + ours < theirs.count)
            same += theirs.pc[first + ours] == (where & WHERE_ADDRESS_MASK);
    }
    if ((unsigned)ours > deepest)
        deepest = (unsigned)ours;
    whole = site == TRIE_BROKEN && same == theirs.count - first && ours == same + 1;
    cut =
        site == TRIE_CUT && same == ours && ours == (int)CHAIN_DEPTH_DEFAULT && ours <= theirs.count - first;
    if (same > 0 && (whole || cut) && (!from_main || theirs.function == ((uintptr_t)main & ~(uintptr_t)1)))
        return true;
    if (wrong == 0)
        printf("%d frames equal of %d, and %d ours; root %u\n", same, theirs.count - first, ours, site);
    return false;
}

/* A hook. The second capture of a place, and the fifth, take other ways than the first. */
NOINLINE static void check(bool from_main)
{
    for (int i = 0; i < 6; i++) {
        struct thread *t = &tracker_thread;
        uint32_t site = CALL_SITE(t);

        checked++;
        wrong += !is_equal(site, (uintptr_t)CALL_CALLER & ~(uintptr_t)1, from_main);
    }
}

/* --- What there is on stacks --------------------------------------------------------- */

NOINLINE static int plain(int n)
{
    check(true);
    return n + 1;
}

NOINLINE static int with_alloca(int n)
{
    char *room = alloca((size_t)n * 8 + 8);
    int got;

    memset(room, n, (size_t)n * 8 + 8);
    got = plain(n);
    KEEP(room);
    return got + room[0];
}

NOINLINE static int with_array(int n)
{
    int array[n + 3];
    int got;

    memset(array, 0, sizeof array);
    got = with_alloca(n);
    KEEP(array);
    return got + array[n];
}

NOINLINE static int large(int n)
{
    char room[70000];
    int got;

    memset(room, n, sizeof room);
    got = with_array(n);
    KEEP(room);
    return got + room[n];
}

NOINLINE static double with_doubles(double a, double b)
{
    double c = a * b, d = a / b, e = a + 3 * b, got;

    got = large((int)a);
    return got + c + d + e;
}

NOINLINE static int many_arguments(int a, int b, int c, int d, int e, int f, int g)
{
    const int got = with_array(a + b);

    return got + c + d + e + f + g;
}

NOINLINE static int variadic(int n, ...)
{
    va_list list;
    int got;

    va_start(list, n);
    got = plain(va_arg(list, int));
    got += many_arguments(1, 2, 3, 4, 5, 6, va_arg(list, int));
    va_end(list);
    return got;
}

NOINLINE static int recursive(int n)
{
    int got = n % 3 ? 0 : with_array(n % 7);

    if (n > 0)
        got += recursive(n - 1);
    check(true);
    return got + 1;
}

NOINLINE static int odd(int n);

NOINLINE static int even(int n)
{
    return n == 0 ? plain(n) : odd(n - 1) + 1;
}

NOINLINE static int odd(int n)
{
    char *room = alloca((size_t)n + 8);
    int got;

    room[0] = (char)n;
    KEEP(room);
    got = even(n - 1);
    return got + room[0];
}

static int called_back(void *argument)
{
    return with_alloca(*(int *)argument) + plain(2);
}

static int compare(const void *a, const void *b)
{
    through_libc++;
    check(false);
    return *(const int *)a - *(const int *)b;
}

static void *thread(void *argument)
{
    const size_t *bytes = argument;
    char *room = alloca(*bytes);

    free(malloc(1)); /* the tracker meets a thread at its first call */
    KEEP(room);
    check(false);
    return NULL;
}

int main(void)
{
    int numbers[] = {3, 1, 2};
    int sum = 0;
    size_t size = 64;
    pthread_t id;

    free(malloc(1)); /* the tracker begins */
    for (int round = 0; round < 8; round++) {
        sum += plain(round);
        sum += (int)with_doubles(round + 1, 2.5);
        sum += variadic(2, round, round + 1);
        sum += recursive(20);
        sum += even(20) + even(8);
        sum += shared_call(called_back, &round);
        sum += shared_call_on_array(called_back, &round, round + 4);
    }
    sum += recursive(150);
    qsort(numbers, 3, sizeof *numbers, compare);
    pthread_create(&id, NULL, thread, &size);
    pthread_join(id, NULL);
    KEEP(sum);
    printf("%u stacks, %.2f %% equal, at most %u frames; %u through libc\n", checked,
           100.0 * (checked - wrong) / checked, deepest, through_libc);
    return wrong == 0 && checked > 1000 && through_libc > 0 ? 0 : 1;
}
