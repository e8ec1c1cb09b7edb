/* SPDX-License-Identifier: MIT
 *
 * Where a thread's stack lies: as the libc says, and the same by the kernel's answer for one mapping as by the text of all.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <cmocka.h>

#include "port/port.h"

struct stack {
    bool found;
    uintptr_t low, high;
};

static struct stack stack_now(void)
{
    struct stack stack;
    int here;

    stack.found = port_thread_stack((uintptr_t)&here, &stack.low, &stack.high);
    return stack;
}

/* The calling thread's system call `number` fails with `error` from now on. */
static bool deny(uint32_t number, uint32_t error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

struct answers {
    struct stack before, after;
    uintptr_t low, high; /* as the libc has it */
    uint32_t denied, error;
    bool can_deny;
};

static void *answer(void *arg)
{
    struct answers *a = arg;
    pthread_attr_t attributes;
    void *low;
    size_t bytes;

    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        (void)pthread_attr_getstack(&attributes, &low, &bytes);
        (void)pthread_attr_destroy(&attributes);
        a->low = (uintptr_t)low;
        a->high = a->low + bytes;
    }
    a->before = stack_now();
    a->can_deny = deny(a->denied, a->error);
    a->after = stack_now();
    return NULL;
}

static struct answers answers_without(uint32_t system_call, uint32_t error)
{
    struct answers a = {.denied = system_call, .error = error};
    pthread_t thread;

    assert_int_equal(0, pthread_create(&thread, NULL, answer, &a));
    assert_int_equal(0, pthread_join(thread, NULL));
    assert_true(a.before.found);
    assert_true(a.before.low == a.low);
    /* Up to the libc's own, which lies above all frames. */
    assert_true(a.before.high > a.low && a.before.high <= a.high);
    if (!a.can_deny)
        skip();
    return a;
}

static void a_kernel_that_answers_nothing_has_its_mappings_read(void **state)
{
    struct answers a = answers_without(SYS_ioctl, ENOTTY);

    (void)state;
    assert_true(a.after.found);
    assert_true(a.after.low == a.before.low && a.after.high == a.before.high);
}

/* The kernel tells what is below and above as one mapping with it. */
static void a_stack_that_was_given_begins_where_the_program_said(void **state)
{
    const size_t bytes = 256 << 10;
    char *memory = mmap(NULL, 3 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct answers a = {.denied = SYS_ioctl, .error = ENOTTY};
    pthread_attr_t attributes;
    pthread_t thread;

    (void)state;
    assert_true(memory != MAP_FAILED);
    assert_int_equal(0, pthread_attr_init(&attributes));
    assert_int_equal(0, pthread_attr_setstack(&attributes, memory + bytes, bytes));
    assert_int_equal(0, pthread_create(&thread, &attributes, answer, &a));
    assert_int_equal(0, pthread_join(thread, NULL));
    (void)pthread_attr_destroy(&attributes);
    assert_true(a.before.found && a.after.found);
    assert_true(a.before.low == (uintptr_t)memory + bytes && a.after.low == a.before.low);
    assert_true(a.before.high <= (uintptr_t)memory + 2 * bytes && a.after.high == a.before.high);
    (void)munmap(memory, 3 * bytes);
}

static bool kernel_answers(void)
{
    struct utsname kernel;
    unsigned major = 0, minor = 0;

    assert_int_equal(0, uname(&kernel));
    assert_int_equal(2, sscanf(kernel.release, "%u.%u", &major, &minor));
    return major > 6 || (major == 6 && minor >= 11);
}

static void a_kernel_that_answers_has_none_of_its_mappings_read(void **state)
{
    struct answers a = answers_without(SYS_read, EPERM);

    (void)state;
    assert_int_equal(kernel_answers(), a.after.found);
    if (a.after.found)
        assert_true(a.after.low == a.before.low && a.after.high == a.before.high);
}

static void the_first_threads_stack_reaches_as_far_as_it_may_grow(void **state)
{
    const uintptr_t mebibyte = (uintptr_t)1 << 20;
    struct stack stack = stack_now();

    (void)state;
    assert_true(stack.found);
    assert_true(stack.low + mebibyte < (uintptr_t)&stack && (uintptr_t)&stack < stack.high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_that_answers_nothing_has_its_mappings_read),
        cmocka_unit_test(a_kernel_that_answers_has_none_of_its_mappings_read),
        cmocka_unit_test(a_stack_that_was_given_begins_where_the_program_said),
        cmocka_unit_test(the_first_threads_stack_reaches_as_far_as_it_may_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
