/* SPDX-License-Identifier: MIT
 *
 * beside_stacks PART - memory beside a thread's stack that comes and goes, while it allocates.
 *
 * above   a coroutine's stack right above the thread's own, which the kernel tells as one mapping
 * below   a coroutine's stack right below a stack that the program gave the thread
 * two     two of them, of which the upper one goes
 * first   a thread whose first allocation is a coroutine's
 * guard   coroutines that end at a page that cannot be read
 * shorter coroutines one after the other, the second where the first's last page has gone
 * guarded a thread that protects what its stack has left, as runtimes do with their guard pages
 */
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "check.h"

static ucontext_t outside, inside;

static void allocate(int times)
{
    for (int i = 0; i < times; i++) {
        char *p;
        STEP(p = malloc(100 + (size_t)i), .allocs = 1, .bytes = 100 + i, .live = 100 + i);
        *p = 1;
        STEP(free(p), .frees = 1, .live = -100 - i);
    }
}

__attribute__((noinline)) static void deeper(int frames)
{
    if (frames > 0)
        deeper(frames - 1);
    else
        allocate(20);
    __asm__ volatile(""); /* no tail call */
}

static void coroutine(void)
{
    deeper(5);
}

static char *map(void *at, size_t bytes)
{
    char *memory = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

static void run_on(char *stack, size_t bytes)
{
    CHECK_EQ(getcontext(&inside), 0);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = bytes;
    inside.uc_link = &outside;
    makecontext(&inside, coroutine, 0);
    CHECK_EQ(swapcontext(&outside, &inside), 0);
}

#define ABOVE_BYTES ((size_t)8 << 20)
static char *above;

static void *below_it(void *argument)
{
    char here;
    CHECK(&here < above);
    allocate(20);
    run_on(above, ABOVE_BYTES);
    CHECK_EQ(munmap(above, ABOVE_BYTES), 0);
    allocate(20);
    return argument;
}

#define GIVEN_BYTES ((size_t)256 << 10)
static char *below;

static void *above_it(void *argument)
{
    allocate(1);
    run_on(below, GIVEN_BYTES);
    CHECK_EQ(munmap(below, GIVEN_BYTES), 0);
    allocate(20);
    return argument;
}

static void *above_two(void *argument)
{
    allocate(1);
    run_on(below + GIVEN_BYTES, GIVEN_BYTES);
    CHECK_EQ(munmap(below + GIVEN_BYTES, GIVEN_BYTES), 0);
    run_on(below, GIVEN_BYTES);
    allocate(20);
    return argument;
}

static void on_a_given_stack(void *(*run)(void *), size_t stacks_below)
{
    pthread_attr_t attributes;
    pthread_t thread;

    below = map(NULL, (stacks_below + 1) * GIVEN_BYTES);
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstack(&attributes, below + stacks_below * GIVEN_BYTES, GIVEN_BYTES), 0);
    CHECK_EQ(pthread_create(&thread, &attributes, run, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(pthread_attr_destroy(&attributes), 0);
}

static void *coroutine_first(void *argument)
{
    const size_t bytes = (size_t)1 << 20;
    char *stack = map(NULL, bytes);
    run_on(stack, bytes);
    CHECK_EQ(munmap(stack, bytes), 0);
    CHECK(map(stack, bytes / 2) == stack);
    run_on(stack, bytes / 2);
    allocate(20);
    return argument;
}

static void in_a_thread(void *(*run)(void *))
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, run, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* The begin of the lowest page that deep_below has had. */
static char *left_low;

__attribute__((noinline)) static void deep_below(int frames)
{
    char frame[256];

    __asm__ volatile("" ::"r"(frame) : "memory");
    if (frames > 0) {
        deep_below(frames - 1);
    } else {
        allocate(20);
        left_low = (char *)((uintptr_t)frame & ~(uintptr_t)4095);
    }
    __asm__ volatile(""); /* no tail call */
}

/* What a block has on the stack lets it call from further down than what comes after it: those calls leave the words
 * there as they were. */
static void *protect_below(void *argument)
{
    const size_t bytes = 8192 + (size_t)(getpid() == 0); /* not known to the compiler */

    for (int turn = 0; turn < 3; turn++) {
        char *here = (char *)((uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)4095) - 8192;
        {
            char block[bytes];

            __asm__ volatile("" ::"r"(block) : "memory");
            deep_below(100);
        }
        CHECK(left_low < here);
        CHECK_EQ(mprotect(left_low, (size_t)(here - left_low), PROT_NONE), 0);
        for (int i = 0; i < 20; i++)
            free(malloc(50));
        CHECK_EQ(mprotect(left_low, (size_t)(here - left_low), PROT_READ | PROT_WRITE), 0);
    }
    return argument;
}

#if defined(__x86_64__)

/* switch_to(save, to): the registers on the stack, and the other stack. */
void switch_to(void **save, void *to);
__asm__(".text\n.globl switch_to\n.type switch_to,@function\nswitch_to:\n"
        "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n"
        ".size switch_to,.-switch_to\n");

enum { PAGE_BYTES = 4096 };

static void *main_sp, *coroutine_sp;
static int ended;

/* What the first function of a coroutine returns to. The rules of the code before it say that a caller's
 * address is next on the stack, where the stack has ended. */
void finish(void);
__asm__(
    ".text\n.type finish,@function\n.cfi_startproc\nnop\nfinish:\ncall come_to_an_end\nud2\n.cfi_endproc\n");

__attribute__((used)) static void come_to_an_end(void)
{
    for (;;) {
        ended++;
        switch_to(&coroutine_sp, main_sp);
    }
}

static void entry(void)
{
    allocate(10);
}

static void entry_of_two_pages(void)
{
    char frame[PAGE_BYTES];

    __asm__ volatile("" ::"r"(frame) : "memory");
    allocate(10);
    __asm__ volatile(""); /* no tail call */
}

/* Until it has ended, on the stack that ends at top. */
static void run_to_its_end(char *top, void (*first)(void))
{
    uintptr_t *sp = (uintptr_t *)(void *)top;

    *--sp = (uintptr_t)finish;
    *--sp = (uintptr_t)first;
    for (int saved = 0; saved < 6; saved++)
        *--sp = 0;
    switch_to(&main_sp, sp);
}

static void on_what_is_left(void)
{
    char *stack = map(NULL, 16 * (size_t)PAGE_BYTES);

    run_to_its_end(stack + 16 * (size_t)PAGE_BYTES, entry_of_two_pages);
    CHECK_EQ(munmap(stack + 15 * (size_t)PAGE_BYTES, PAGE_BYTES), 0);
    run_to_its_end(stack + 15 * (size_t)PAGE_BYTES, entry);
    CHECK_EQ(ended, 2);
}

static void beside_guards(void)
{
    enum { STACKS = 4, STACK_BYTES = 65536, GUARD_BYTES = PAGE_BYTES };
    char *pool = map(NULL, STACKS * (STACK_BYTES + GUARD_BYTES));
    for (int i = 0; i < STACKS; i++)
        CHECK_EQ(mprotect(pool + i * (STACK_BYTES + GUARD_BYTES), GUARD_BYTES, PROT_NONE), 0);
    for (int i = 0; i < STACKS - 1; i++)
        run_to_its_end(pool + (i + 1) * (STACK_BYTES + GUARD_BYTES), entry);
    CHECK_EQ(ended, STACKS - 1);
}

#else

static void beside_guards(void)
{
    skip("a switch of stacks for this machine");
}

static void on_what_is_left(void)
{
    beside_guards();
}

#endif

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : "";

    need_tracker();
    allocate(1);
    if (strcmp(part, "above") == 0) {
        above = map(NULL, ABOVE_BYTES);
        in_a_thread(below_it);
    } else if (strcmp(part, "below") == 0) {
        on_a_given_stack(above_it, 1);
    } else if (strcmp(part, "two") == 0) {
        on_a_given_stack(above_two, 2);
    } else if (strcmp(part, "first") == 0) {
        in_a_thread(coroutine_first);
    } else if (strcmp(part, "guard") == 0) {
        beside_guards();
    } else if (strcmp(part, "shorter") == 0) {
        on_what_is_left();
    } else if (strcmp(part, "guarded") == 0) {
        in_a_thread(protect_below);
    } else {
        FAIL("no part '%s'", part);
    }
    return 0;
}
