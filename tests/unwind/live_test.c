/* SPDX-License-Identifier: MIT
 *
 * Real stacks of this process: each capture is compared with libunwind's, frame for
 * frame; each test prints how many were equal.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#include <cmocka.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "find_object.h"
#include "torture.h"
#include "unwind/chain.h"

#define NODES (1u << 20)
#define FRAMES_MAX 512

static struct {
    struct trie_header header;
    struct trie trie;
    struct unwind unwind;
    uint64_t checked, equal, broken, cut;
    bool broken_is_right; /* the test goes where there are no tables */
    bool printed;
} live;

static __thread struct chain *own_chain;
static __thread volatile sig_atomic_t checking;

static bool page_is_readable(void *user, uint64_t address)
{
    unsigned char flag;

    (void)user;
    return mincore((void *)(uintptr_t)(address & ~UINT64_C(4095)), 1, &flag) == 0;
}

static bool find_tables(void *user, uint64_t address, struct cfi_tables *tables)
{
    struct port_object object;

    (void)user;
    if (!port_find_object((uintptr_t)address, &object))
        return false;
    *tables = (struct cfi_tables){
        .begin = object.unwind_begin,
        .end = object.unwind_end,
        .header = object.unwind_header,
        .code_begin = object.code_begin,
        .code_end = object.code_end,
        .module = object.module,
    };
    return true;
}

static void *pages(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(MAP_FAILED, p);
    return p;
}

static void start_thread(void)
{
    pthread_attr_t attributes;
    void *low;
    size_t bytes;

    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &low, &bytes);
    pthread_attr_destroy(&attributes);
    own_chain = chain_init(pages(chain_bytes), &live.unwind, (uint64_t)(uintptr_t)low,
                           (uint64_t)(uintptr_t)low + bytes);
}

static void end_thread(void)
{
    munmap(own_chain, chain_bytes);
    own_chain = NULL;
}

static int set_up(void **state)
{
    (void)state;
    memset(&live, 0, sizeof live);
    trie_init(&live.trie, &live.header, pages(NODES * sizeof(struct trie_node)), NODES, NODES,
              pages(trie_index_bytes(NODES)));
    live.unwind = (struct unwind){.arch = &arch_x86_64,
                                  .trie = &live.trie,
                                  .mode = UNWIND_FULL,
                                  .depth = CHAIN_DEPTH_DEFAULT,
                                  .find_tables = find_tables,
                                  .page_is_readable = page_is_readable};
    start_thread();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    print_message("           %llu stacks, %.4f %% equal (%llu ended early, %llu cut at the limit)\n",
                  (unsigned long long)live.checked,
                  live.checked ? 100.0 * (double)live.equal / (double)live.checked : 0,
                  (unsigned long long)live.broken, (unsigned long long)live.cut);
    end_thread();
    munmap(live.trie.nodes, NODES * sizeof(struct trie_node));
    munmap(live.trie.index, trie_index_bytes(NODES));
    return 0;
}

/* --- The comparison ------------------------------------------------------------------ */

static void print_difference(const uint64_t *ours, size_t count, void **theirs, int their_count)
{
    if (__atomic_exchange_n(&live.printed, true, __ATOMIC_RELAXED))
        return;
    for (size_t i = 0; i < count || (int)i < their_count; i++)
        print_message("  %2zu ours %#14llx libunwind %p\n", i, i < count ? (unsigned long long)ours[i] : 0,
                      (int)i < their_count ? theirs[i] : NULL);
}

static bool is_equal(uint32_t id, uint64_t pc)
{
    void *theirs[FRAMES_MAX];
    uint64_t ours[CHAIN_DEPTH_MAX];
    uint32_t root;
    const int all = unw_backtrace(theirs, FRAMES_MAX);
    const size_t count = trie_frames(live.trie.nodes, live.header.next, id, ours, CHAIN_DEPTH_MAX, &root);
    int first = 0, their_count;
    bool equal = true;

    while (first < all && (uint64_t)(uintptr_t)theirs[first] != pc)
        first++;
    their_count = all - first;
    __atomic_fetch_add(&live.broken, root == TRIE_BROKEN, __ATOMIC_RELAXED);
    __atomic_fetch_add(&live.cut, root == TRIE_CUT, __ATOMIC_RELAXED);
    if (root == TRIE_CUT)
        equal = count == live.unwind.depth && their_count > (int)count;
    else if (root == TRIE_BROKEN && live.broken_is_right)
        equal = their_count >= (int)count; /* libunwind may guess on where we stop */
    else
        equal = root != TRIE_LOST && their_count == (int)count;
    for (size_t i = 0; i < count; i++) {
        ours[i] &= WHERE_ADDRESS_MASK;
        equal = equal && (int)i < their_count && ours[i] == (uint64_t)(uintptr_t)theirs[first + (int)i];
    }
    if (!equal)
        print_difference(ours, count, theirs + first, their_count);
    return equal;
}

__attribute__((used)) void stack_check_at(uint64_t pc, uint64_t sp, uint64_t fp);

void stack_check_at(uint64_t pc, uint64_t sp, uint64_t fp)
{
    const uint32_t id = chain_capture_at(own_chain, pc, sp, fp);

    /* A handler that comes now may capture, but must not enter libunwind again. */
    if (checking)
        return;
    checking = 1;
    __atomic_fetch_add(&live.checked, 1, __ATOMIC_RELAXED);
    if (is_equal(id, pc))
        __atomic_fetch_add(&live.equal, 1, __ATOMIC_RELAXED);
    checking = 0;
}

__asm__(".text\n.globl stack_check\n.type stack_check, @function\nstack_check:\n.cfi_startproc\n"
        "\tmov (%rsp), %rdi\n\tlea 8(%rsp), %rsi\n\tmov %rbp, %rdx\n\tjmp stack_check_at\n.cfi_endproc\n"
        ".size stack_check, . - stack_check\n");

static void all_equal(void)
{
    assert_true(live.checked > 0);
    assert_int_equal(live.checked, live.equal);
    assert_int_equal(0, live.header.lost);
}

/* --- The tests -------------------------------------------------------------------------- */

static void odd_frames(void **state)
{
    (void)state;
    torture_frames(300);
    all_equal();
    assert_int_not_equal(0, live.cut);
}

static void odd_frames_with_tiny_limit(void **state)
{
    (void)state;
    end_thread();
    live.unwind.depth = 3;
    start_thread();
    torture_frames(100);
    all_equal();
}

static void functions_that_do_not_return(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        torture_noreturn();
    all_equal();
}

static void callbacks_of_libc(void **state)
{
    (void)state;
    torture_callbacks(50);
    all_equal();
}

static void code_without_tables_marks_the_stack(void **state)
{
    (void)state;
    live.broken_is_right = true;
    torture_no_cfi();
    all_equal();
    assert_int_equal(1, live.broken);
}

static void exceptions(void **state)
{
    (void)state;
#ifdef HAVE_CXX
    torture_exceptions(200);
    all_equal();
#else
    skip();
#endif
}

static void *thread_body(void *argument)
{
    (void)argument;
    start_thread();
    torture_frames(100);
    torture_callbacks(10);
    end_thread();
    return NULL;
}

static void threads(void **state)
{
    pthread_t thread[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(0, pthread_create(&thread[i], NULL, thread_body, NULL));
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    all_equal();
}

/* --- Coroutines ---------------------------------------------------------------------------- */

#define COROUTINE_BYTES (1u << 18)

static ucontext_t main_context, contexts[2];

static void coroutine(int me)
{
    for (unsigned i = 0; i < 100; i++) {
        torture_frames(2);
        swapcontext(&contexts[me], &contexts[!me]);
    }
}

static void coroutines(void **state)
{
    char *stacks = pages(2 * COROUTINE_BYTES);

    (void)state;
    live.broken_is_right = true; /* glibc's __start_context has no tables */
    for (int i = 0; i < 2; i++) {
        getcontext(&contexts[i]);
        contexts[i].uc_stack.ss_sp = stacks + i * (int)COROUTINE_BYTES;
        contexts[i].uc_stack.ss_size = COROUTINE_BYTES;
        contexts[i].uc_link = &main_context;
        makecontext(&contexts[i], (void (*)(void))coroutine, 1, i);
    }
    swapcontext(&main_context, &contexts[0]);
    munmap(stacks, 2 * COROUTINE_BYTES);
    torture_frames(10);
    all_equal();
    assert_int_not_equal(0, chain_get_counts(own_chain)->elsewhere);
}

/* --- Signals ---------------------------------------------------------------------------------- */

static volatile sig_atomic_t ticks;
static volatile sig_atomic_t may_jump;
static sigjmp_buf out_of_handler;

/* Struck once, so that the handler, which may take longer than that on a busy machine, leaves
 * as much time for what it interrupts. */
static const struct itimerval soon = {{0, 0}, {0, 300}};

static void handler(int signal)
{
    (void)signal;
    stack_check();
    ticks++;
    setitimer(ITIMER_REAL, &soon, NULL);
    /* libunwind cannot be left by a jump; our capture can. */
    if (may_jump && !checking)
        siglongjmp(out_of_handler, 1);
}

/* Signals land anywhere, prologues of realigned frames and captures included. */
static void under_signals(int flags, int wanted)
{
    const struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    const struct itimerval never = {{0, 0}, {0, 0}};

    ticks = 0;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    while (ticks < wanted) {
        (void)sigsetjmp(out_of_handler, 1);
        torture_frames(3);
    }
    signal(SIGALRM, SIG_IGN); /* first: a handler at this very place would strike again */
    setitimer(ITIMER_REAL, &never, NULL);
    may_jump = 0;
    all_equal();
}

static void signals_on_the_same_stack(void **state)
{
    (void)state;
    under_signals(SA_RESTART, 300);
}

static void signals_on_another_stack(void **state)
{
    const stack_t stack = {.ss_sp = pages(1 << 18), .ss_size = 1 << 18}, off = {.ss_flags = SS_DISABLE};

    (void)state;
    sigaltstack(&stack, NULL);
    under_signals(SA_RESTART | SA_ONSTACK, 300);
    sigaltstack(&off, NULL);
    munmap(stack.ss_sp, stack.ss_size);
}

static void handlers_that_jump_out(void **state)
{
    (void)state;
    may_jump = 1;
    under_signals(SA_RESTART, 200);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(odd_frames),
        LIVE(odd_frames_with_tiny_limit),
        LIVE(functions_that_do_not_return),
        LIVE(callbacks_of_libc),
        LIVE(code_without_tables_marks_the_stack),
        LIVE(exceptions),
        LIVE(threads),
        LIVE(coroutines),
        LIVE(signals_on_the_same_stack),
        LIVE(signals_on_another_stack),
        LIVE(handlers_that_jump_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
