/* SPDX-License-Identifier: MIT
 *
 * stack_shapes.c SHAPE [MODULE]: allocates from under stacks that are hard to unwind. Compiled without
 * frame pointers, so only the unwind rules help. Exit status 0, or 2 for an unknown shape.
 */
#include <alloca.h>
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define ROUNDS 40

static volatile unsigned char sink;

/* No tail call, and the block cannot be optimised away. */
NOINLINE void leaf(size_t size)
{
    unsigned char *block = malloc(size);

    if (block == NULL)
        abort();
    block[0] = 1;
    sink = block[0];
    free(block);
}

NOINLINE void recurse(int depth)
{
    leaf(16 + (size_t)depth);
    if (depth > 0)
        recurse(depth - 1);
    sink = (unsigned char)depth;
}

/* --- Signals: the interrupted frame has an address of its own, not a return address --- */

static void on_signal(int number)
{
    leaf(100 + (size_t)number);
    recurse(3);
}

NOINLINE static void crash_here(volatile int *nowhere)
{
    *nowhere = 1; /* the first instruction may be the one that faults */
}

static sigjmp_buf after_crash;

static void on_crash(int number)
{
    leaf((size_t)number);
    siglongjmp(after_crash, 1);
}

static void run_signals(void)
{
    static char stack[1 << 16];
    struct sigaction action = {.sa_handler = on_signal};
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};

    sigaltstack(&other, NULL);
    for (volatile int i = 0; i < ROUNDS; i++) {
        action.sa_handler = on_signal;
        action.sa_flags = i % 2 ? SA_ONSTACK : 0;
        sigaction(SIGUSR1, &action, NULL);
        raise(SIGUSR1);
        kill(getpid(), SIGUSR1);
        action.sa_handler = on_crash;
        sigaction(SIGSEGV, &action, NULL);
        if (sigsetjmp(after_crash, 1) == 0)
            crash_here(NULL);
        leaf(7);
    }
}

/* --- Frames of variable size ---------------------------------------------------------- */

NOINLINE void with_alloca(size_t bytes)
{
    unsigned char *local = alloca(bytes);

    memset(local, 1, bytes);
    leaf(bytes);
    sink = local[bytes / 2];
    if (bytes > 64)
        with_alloca(bytes / 2);
    sink = local[0];
}

NOINLINE void with_vla(size_t count)
{
    uint64_t local[count];

    memset(local, 1, sizeof local);
    leaf(count);
    recurse((int)(count % 5));
    sink = (unsigned char)local[count / 2];
}

/* Realigned stack with a variable frame: the compiler keeps the argument pointer (DRAP). */
NOINLINE void with_realigned(size_t count, int a, int b, int c, int d, int e, int f, int g)
{
    _Alignas(64) unsigned char aligned[64];
    unsigned char *local = alloca(count + 1);

    memset(aligned, a + b + c + d + e + f + g, sizeof aligned);
    local[count] = aligned[count % 64];
    leaf(count + 1);
    recurse(2);
    sink = local[count];
}

static void run_frames(void)
{
    for (size_t i = 1; i < ROUNDS; i++) {
        with_alloca(i * 97);
        with_vla(i * 3);
        with_realigned(i, 1, 2, 3, 4, 5, 6, 7);
    }
}

/* --- Control flow ------------------------------------------------------------------------ */

NOINLINE void tail_even(int n);
NOINLINE void tail_odd(int n)
{
    leaf((size_t)n + 1);
    if (n > 0)
        tail_even(n - 1); /* jumps */
}
NOINLINE void tail_even(int n)
{
    leaf((size_t)n + 2);
    if (n > 0)
        tail_odd(n - 1);
}
/* malloc itself by a jump: its caller is the caller's caller. */
NOINLINE void *tail_malloc(size_t size)
{
    return malloc(size);
}

static jmp_buf back;

/* The call is the function's last instruction: the return address is outside of it. */
NOINLINE __attribute__((noreturn)) void never_returns(size_t size)
{
    leaf(size);
    longjmp(back, 1);
}
NOINLINE __attribute__((noreturn)) void calls_never_returns(size_t size)
{
    recurse(2);
    never_returns(size);
}

static void run_jumps(void)
{
    for (volatile int i = 0; i < ROUNDS; i++) {
        tail_odd(i % 7);
        free(tail_malloc(30));
        if (setjmp(back) == 0)
            calls_never_returns((size_t)i + 1);
        recurse(i % 9);
        leaf(5);
    }
}

/* --- Coroutines: many stacks in one thread ------------------------------------------------ */

static ucontext_t main_context, coroutine[3];

static void coroutine_body(int number)
{
    for (int i = 0; i < ROUNDS; i++) {
        recurse(number + i % 4);
        swapcontext(&coroutine[number], i % 3 == 2 ? &main_context : &coroutine[(number + 1) % 3]);
        leaf((size_t)number + 1);
    }
}

static void run_coroutines(void)
{
    static char stacks[3][1 << 16];

    for (int i = 0; i < 3; i++) {
        getcontext(&coroutine[i]);
        coroutine[i].uc_stack.ss_sp = stacks[i];
        coroutine[i].uc_stack.ss_size = sizeof stacks[i];
        coroutine[i].uc_link = &main_context;
        makecontext(&coroutine[i], (void (*)(void))coroutine_body, 1, i);
    }
    for (int i = 0; i < ROUNDS / 2; i++) {
        swapcontext(&main_context, &coroutine[i % 3]);
        recurse(i % 6);
    }
}

/* --- Code that goes away: another module may come to lie at its place ------------------------ */

static int run_modules(const char *module)
{
    static const char *const functions[] = {"module_small_frame", "module_big_frame"};

    for (int i = 0; i < ROUNDS; i++) {
        char name[4096];
        void *handle;
        void (*function)(size_t);

        snprintf(name, sizeof name, "%s-%d.so", module, i % 2);
        handle = dlopen(name, RTLD_NOW);
        if (handle == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        function = (void (*)(size_t))(uintptr_t)dlsym(handle, functions[i % 2]);
        function((size_t)i + 1);
        dlclose(handle);
        recurse(3);
    }
    return 0;
}

/* --- Code without rules ------------------------------------------------------------------------ */

void bare_call(void (*function)(size_t), size_t argument);
/* Saves a register and moves the stack, and says nothing of it. */
__asm__(".text\n"
        ".globl bare_call\n"
        ".type bare_call, @function\n"
        "bare_call:\n"
        "    push %rbx\n"
        "    sub $48, %rsp\n"
        "    mov %rdi, %rax\n"
        "    mov %rsi, %rdi\n"
        "    call *%rax\n"
        "    add $48, %rsp\n"
        "    pop %rbx\n"
        "    ret\n"
        ".size bare_call, . - bare_call\n");

NOINLINE void inside_bare(size_t size)
{
    leaf(size);
    recurse(2);
    sink = 1;
}

static void run_bare(void)
{
    for (size_t i = 1; i < ROUNDS; i++) {
        bare_call(inside_bare, i);
        recurse(4);
    }
}

int main(int argc, char **argv)
{
    const char *shape = argc > 1 ? argv[1] : "";

    if (strcmp(shape, "signals") == 0)
        run_signals();
    else if (strcmp(shape, "frames") == 0)
        run_frames();
    else if (strcmp(shape, "jumps") == 0)
        run_jumps();
    else if (strcmp(shape, "coroutines") == 0)
        run_coroutines();
    else if (strcmp(shape, "bare") == 0)
        run_bare();
    else if (strcmp(shape, "modules") == 0 && argc > 2)
        return run_modules(argv[2]);
    else
        return 2;
    return 0;
}
