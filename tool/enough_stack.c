/* SPDX-License-Identifier: MIT
 *
 * enough_stack.c - where the stack is small, the work is done by a thread, whose stack no limit
 * of the process counts. libdw alone takes 180 KiB for the lines of a file.
 */
#include "enough_stack.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>

#define ENOUGH_BYTES ((rlim_t)1024 * 1024)
#define STACK_BYTES ((size_t)8 * 1024 * 1024) /* as the usual limit; taken as it is touched */

struct work {
    int (*function)(int argc, char **argv);
    int argc;
    char **argv;
    sigset_t mask;
    int result;
};

static void *do_work(void *argument)
{
    struct work *work = argument;

    pthread_sigmask(SIG_SETMASK, &work->mask, NULL);
    work->result = work->function(work->argc, work->argv);
    return NULL;
}

/* Signals are the thread's alone: it waits for some, and who waits for it must not take
 * them away. False: there is no thread to be had. */
static bool done_by_thread(struct work *work)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all;
    bool started;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &work->mask);
    started = pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0 &&
              pthread_create(&thread, &attributes, do_work, work) == 0;
    pthread_attr_destroy(&attributes);
    if (started)
        pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, &work->mask, NULL);
    return started;
}

int with_enough_stack(int (*function)(int argc, char **argv), int argc, char **argv)
{
    struct work work = {.function = function, .argc = argc, .argv = argv};
    struct rlimit limit;

    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < ENOUGH_BYTES && done_by_thread(&work))
        return work.result;
    return function(argc, argv);
}
