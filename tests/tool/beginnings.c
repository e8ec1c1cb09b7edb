/* SPDX-License-Identifier: MIT
 *
 * beginnings.c threads N       N threads make their first allocation, of 1,000 bytes, at the same moment, and live
 *                              until all have
 * beginnings.c coroutine BYTES a thread makes its first allocation on a coroutine's stack of so many bytes
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static pthread_barrier_t all_are_here, all_have_it;
static ucontext_t thread, coroutine;
static size_t stack_bytes;

static void *allocate_at_once(void *unused)
{
    void *block;

    pthread_barrier_wait(&all_are_here);
    block = malloc(1000);
    pthread_barrier_wait(&all_have_it);
    free(block);
    return unused;
}

static void allocate_here(void)
{
    free(malloc(1000));
}

static void *run_coroutine(void *unused)
{
    const size_t guard = 65536;
    char *memory = mmap(NULL, guard + stack_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED || mprotect(memory + guard, stack_bytes, PROT_READ | PROT_WRITE) != 0)
        exit(2);
    getcontext(&coroutine);
    coroutine.uc_stack.ss_sp = memory + guard;
    coroutine.uc_stack.ss_size = stack_bytes;
    coroutine.uc_link = &thread;
    makecontext(&coroutine, allocate_here, 0);
    swapcontext(&thread, &coroutine);
    return unused;
}

static void start(pthread_t *started, void *(*work)(void *))
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    if (pthread_create(started, &attributes, work, NULL) != 0)
        exit(2);
}

int main(int argc, char **argv)
{
    const unsigned number = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
    const int coroutines = argc == 3 && strcmp(argv[1], "coroutine") == 0;
    const unsigned count = coroutines ? 1 : number;
    pthread_t *threads = calloc(count, sizeof *threads);

    if (number == 0 || threads == NULL)
        return 2;
    stack_bytes = number;
    pthread_barrier_init(&all_are_here, NULL, count);
    pthread_barrier_init(&all_have_it, NULL, count);
    for (unsigned i = 0; i < count; i++)
        start(&threads[i], coroutines ? run_coroutine : allocate_at_once);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return 0;
}
