/* SPDX-License-Identifier: MIT
 *
 * Signal handlers that allocate where that is legal, that ask the tracker anywhere,
 * and that leave by siglongjmp; jumps and coroutines. Counts stay exact.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>

#include "check.h"

static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

/* --- handlers at safe points --- */

static char *from_handler;

static void allocating_handler(int number)
{
    (void)number;
    free(from_handler);
    from_handler = malloc(40);
    *from_handler = 1;
}

static void raised(void)
{
    handle(SIGUSR1, allocating_handler, 0);
    STEP(raise(SIGUSR1), .allocs = 1, .bytes = 40, .live = 40);
    STEP(raise(SIGUSR1), .allocs = 1, .frees = 1, .bytes = 40);

    stack_t stack = {.ss_size = 64 << 10};
    stack.ss_sp = malloc(stack.ss_size);
    CHECK_EQ(sigaltstack(&stack, NULL), 0);
    handle(SIGUSR2, allocating_handler, SA_ONSTACK);
    STEP(raise(SIGUSR2), .allocs = 1, .frees = 1, .bytes = 40);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
    free(stack.ss_sp);
    STEP(free(from_handler), .frees = 1, .live = -40);
    from_handler = NULL;
}

/* --- a timer that strikes anywhere --- */

static volatile sig_atomic_t in_malloc, strikes, strikes_in_malloc, handler_allocs;
static void *volatile known;

/* What heaptracker.h calls AS-safe is asked even inside malloc; the handler's own
 * allocations are legal only outside. */
static void on_timer(int number)
{
    (void)number;
    strikes++;
    const struct ht_totals now = totals_now();
    if (now.bytes_allocated < 1000 || ht_block_size(known) != 1000)
        FAIL("wrong answers inside a handler: %llu bytes allocated, block of %zu",
             (unsigned long long)now.bytes_allocated, ht_block_size(known));
    if (in_malloc) {
        strikes_in_malloc++;
        return;
    }
    char *p = malloc(10);
    *p = 1;
    free(p);
    handler_allocs++;
}

static void struck_by_a_timer(void)
{
    const struct itimerval fast = {{0, 200}, {0, 200}}, off = {{0, 0}, {0, 0}};
    int64_t rounds = 0;
    known = malloc(1000);
    handle(SIGALRM, on_timer, SA_RESTART);
    const struct ht_totals before = totals_now();
    setitimer(ITIMER_REAL, &fast, NULL);
    while (strikes < 300 || strikes_in_malloc < 20) {
        in_malloc = 1;
        char *p = malloc((size_t)(rounds % 500) + 1);
        *p = 1;
        in_malloc = 0;
        for (volatile int i = 0; i < 20; i++)
            ;
        in_malloc = 1;
        free(p);
        in_malloc = 0;
        rounds++;
    }
    setitimer(ITIMER_REAL, &off, NULL);
    const struct ht_totals after = totals_now();
    CHECK_EQ(after.allocs - before.allocs, rounds + handler_allocs);
    CHECK_EQ(after.frees - before.frees, rounds + handler_allocs);
    CHECK_EQ(after.live_bytes, before.live_bytes);
    STEP(free(known), .frees = 1, .live = -1000);
}

/* --- jumps --- */

static sigjmp_buf back;

static void jumping_handler(int number)
{
    void *p = malloc(25);
    free(p);
    siglongjmp(back, number);
}

static void out_of_a_handler(void)
{
    static volatile int i;
    handle(SIGUSR1, jumping_handler, 0);
    const struct ht_totals before = totals_now();
    for (i = 0; i < 10000; i++) {
        if (sigsetjmp(back, 1) == 0) {
            raise(SIGUSR1);
            FAIL("the handler returned");
        }
    }
    const struct change want = {.allocs = 10000, .frees = 10000, .bytes = 250000};
    check_change(__FILE__, __LINE__, "siglongjmp out of a handler", &before, want);
}

static void *volatile left_over;

__attribute__((noinline)) static void jump_from_below(jmp_buf where, int depth)
{
    char frame[100];
    memset(frame, depth, sizeof frame);
    if (depth == 0) {
        left_over = malloc(55);
        longjmp(where, 1);
    }
    if (frame[50] == depth)
        jump_from_below(where, depth - 1);
}

static void over_frames(void)
{
    jmp_buf where;
    STEP(if (setjmp(where) == 0) jump_from_below(where, 20), .allocs = 1, .bytes = 55, .live = 55);
    STEP(free(left_over), .frees = 1, .live = -55);
}

/* --- coroutines --- */

#ifdef __GLIBC__ /* musl has no swapcontext */
enum { COROUTINES = 10, TURNS = 100, STACK = 32 << 10 };

static ucontext_t scheduler, coroutines[COROUTINES];
static char *passed_on;

/* Frees what the one before allocated, allocates for the next. */
static void coroutine(int number)
{
    for (int turn = 0; turn < TURNS; turn++) {
        free(passed_on);
        passed_on = malloc((size_t)number + 1);
        *passed_on = 1;
        swapcontext(&coroutines[number], &scheduler);
    }
}

static void swapped(void)
{
    char *stacks[COROUTINES];
    for (int i = 0; i < COROUTINES; i++) {
        getcontext(&coroutines[i]);
        stacks[i] = malloc(STACK);
        coroutines[i].uc_stack.ss_sp = stacks[i];
        coroutines[i].uc_stack.ss_size = STACK;
        coroutines[i].uc_link = &scheduler;
        makecontext(&coroutines[i], (void (*)(void))coroutine, 1, i);
    }
    const struct ht_totals before = totals_now();
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < COROUTINES; i++)
            swapcontext(&scheduler, &coroutines[i]);
    const struct change want = {.allocs = COROUTINES * TURNS,
                                .frees = COROUTINES * TURNS - 1,
                                .bytes = 55 * TURNS,
                                .live = COROUTINES};
    check_change(__FILE__, __LINE__, "coroutines", &before, want);
    free(passed_on);
    for (int i = 0; i < COROUTINES; i++)
        free(stacks[i]);
}
#else
static void swapped(void)
{
}
#endif

int main(void)
{
    need_tracker();
    raised();
    struck_by_a_timer();
    out_of_a_handler();
    over_frames();
    swapped();
    CHECK_EQ(totals_now().invalid_frees, 0);
    return 0;
}
