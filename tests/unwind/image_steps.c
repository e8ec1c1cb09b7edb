/* SPDX-License-Identifier: MIT
 *
 * A signal between any two instructions of a capture: a breakpoint, put by lot at one of the instructions that
 * captures were seen to execute. Its handler calls, returns and captures on the model's stack, or jumps out and
 * never comes back. Whatever the chain was like then, each stack is the model's.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <x86intrin.h>

#include <cmocka.h>

#include "image_model.h"

#define TRAP_FLAG 0x100ull /* the processor traps after each instruction */
#define BREAKPOINT 0xccu   /* int3 */
#define PLACES_MAX 8192u

extern char __executable_start, etext;

/* Instructions of this program that captures have executed. */
static unsigned char *places[PLACES_MAX];
static unsigned place_count;

static struct {
    unsigned char *at; /* the breakpoint; NULL: it was met */
    unsigned char instruction;
    bool jumps_out, jumps_inside, forgets;
    bool inside; /* a handler is at work, in which another comes */
    unsigned came, jumped;
    sigjmp_buf out, inner;
} handler;

static void note_place(int number, siginfo_t *info, void *context)
{
    unsigned char *at = (unsigned char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

    (void)number;
    (void)info;
    if (at < (unsigned char *)&__executable_start || at >= (unsigned char *)&etext)
        return; /* of the C library */
    for (unsigned i = 0; i < place_count; i++)
        if (places[i] == at)
            return;
    assert_true(place_count < PLACES_MAX);
    places[place_count++] = at;
}

static void set_trap_flag(bool on)
{
    __writeeflags((__readeflags() & ~TRAP_FLAG) | (on ? TRAP_FLAG : 0));
}

static void set_breakpoint(unsigned char *at)
{
    handler.instruction = *at;
    handler.at = at;
    *(volatile unsigned char *)at = BREAKPOINT;
}

static void clear_breakpoint(void)
{
    if (handler.at != NULL)
        *(volatile unsigned char *)handler.at = handler.instruction;
    handler.at = NULL;
}

/* The same calls some times, as programs do, and then perhaps others. */
static void capture_some(void)
{
    const __typeof__(model) before = model;
    const unsigned calls = 1 + random_below(6), again = random_below(4) == 0 ? 8 : 0;

    for (unsigned round = random_below(4); round < 4; round++) {
        model = before;
        model.seed += round / 3;
        for (unsigned n = 0; n < calls; n++) {
            call();
            capture_and_compare();
        }
        for (unsigned n = 0; n < again; n++)
            capture_here_and_compare();
    }
}

static void come(int number, siginfo_t *info, void *context)
{
    const __typeof__(model) before = model;
    const bool outer = !handler.inside;

    (void)number;
    (void)info;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)handler.at;
    clear_breakpoint();
    handler.came++;
    handler.inside = true;
    if (handler.forgets && random_below(4) == 0)
        unwind.generation++; /* as if code had been unloaded */
    if (!handler.jumps_inside || !outer) {
        capture_some();
    } else if (sigsetjmp(handler.inner, 1) == 0) {
        set_breakpoint(places[random_below(place_count)]);
        capture_some();
        clear_breakpoint();
    }
    model = before;
    model.seed += handler.came;
    if (handler.jumps_inside && !outer) {
        handler.jumped++;
        siglongjmp(handler.inner, 1);
    }
    handler.inside = false;
    if (handler.jumps_out && random_below(3) == 0) {
        handler.jumped++;
        siglongjmp(handler.out, 1);
    }
}

/* The next signal of a breakpoint, or of the trap flag, goes there. */
static void handle_traps(void (*by)(int, siginfo_t *, void *))
{
    const struct sigaction action = {.sa_sigaction = by, .sa_flags = SA_SIGINFO | SA_NODEFER};

    sigaction(SIGTRAP, &action, NULL);
}

static void wander_a_little(unsigned high)
{
    while (model.depth < 3)
        call();
    for (unsigned n = random_below(5); n > 0 && model.depth < high; n--)
        call();
    for (unsigned n = random_below(5); n > 0 && model.depth > 3; n--)
        give_back();
    for (unsigned n = random_below(4); n > 0; n--)
        capture_and_compare();
    model.frames[model.depth - 1].pc = call_site(&model.frames[model.depth - 1]);
    if (random_below(4) == 0)
        for (unsigned n = 0; n < 9; n++)
            capture_here_and_compare();
}

/* Of all kinds of captures; one a few 100 of those that follow. */
static void note_places(void)
{
    handle_traps(note_place);
    for (uint64_t seed = 1; seed <= 4; seed++) {
        start(&arch_x86_64, seed);
        start_chain(seed % 2 ? 64 : 6, STACK_LOW, STACK_HIGH);
        for (unsigned i = 0; i < 400; i++) {
            wander_a_little(25);
            set_trap_flag(i % 20 == 0);
            capture_here_and_compare();
            set_trap_flag(false);
        }
    }
    assert_true(place_count > 500);
}

static bool is_open; /* the code may be written to, which some systems forbid */

static void wander_interrupted(unsigned depth, unsigned high)
{
    if (!is_open)
        skip();
    handle_traps(come);
    handler.came = handler.jumped = 0;
    for (volatile uint64_t seed = 1; seed <= 20; seed++) {
        start(&arch_x86_64, seed);
        start_chain(depth, STACK_LOW, STACK_HIGH);
        for (volatile unsigned i = 0; i < 2000; i++) {
            wander_a_little(high);
            if (sigsetjmp(handler.out, 1) == 0) {
                set_breakpoint(places[random_below(place_count)]);
                capture_here_and_compare();
                clear_breakpoint();
            } else {
                give_back(); /* to where the jump leads: outside the capture */
            }
        }
    }
    assert_true(handler.came > 4000);
}

static void a_handler_captures(void **state)
{
    (void)state;
    wander_interrupted(64, 25);
}

static void a_handler_jumps_out(void **state)
{
    (void)state;
    handler.jumps_out = true;
    wander_interrupted(64, 25);
    handler.jumps_out = false;
    assert_true(handler.jumped > 1000);
}

/* The half of an edit that the inner one left behind is there when the outer one returns. */
static void a_handler_jumps_into_another(void **state)
{
    (void)state;
    handler.jumps_inside = true;
    wander_interrupted(64, 25);
    wander_interrupted(4, 60);
    handler.jumps_inside = false;
    assert_true(handler.jumped > 1000);
}

static void code_is_unloaded_meanwhile(void **state)
{
    (void)state;
    handler.jumps_out = handler.forgets = true;
    wander_interrupted(64, 25);
    handler.jumps_out = handler.forgets = false;
}

static void stacks_deeper_than_the_limit(void **state)
{
    (void)state;
    wander_interrupted(8, 40);
    handler.jumps_out = true;
    wander_interrupted(8, 40);
    handler.jumps_out = false;
}

/* It has room for 24 slots. */
static void stacks_that_do_not_fit_into_the_chain(void **state)
{
    (void)state;
    wander_interrupted(4, 60);
}

static int open_the_code(void **state)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t begin = (uintptr_t)&__executable_start / page * page;

    (void)state;
    note_places();
    is_open = mprotect((void *)begin, (uintptr_t)&etext - begin, PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_captures),
        cmocka_unit_test(a_handler_jumps_out),
        cmocka_unit_test(a_handler_jumps_into_another),
        cmocka_unit_test(code_is_unloaded_meanwhile),
        cmocka_unit_test(stacks_deeper_than_the_limit),
        cmocka_unit_test(stacks_that_do_not_fit_into_the_chain),
    };

    return cmocka_run_group_tests(tests, open_the_code, NULL);
}
