/* SPDX-License-Identifier: MIT
 *
 * threads.c - threads that do not know of each other, that hand blocks on, and that
 * leave blocks behind.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "workloads.h"

static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    if (pthread_create(thread, NULL, run, argument) != 0) {
        fprintf(stderr, "workloads: no thread\n");
        exit(1);
    }
}

/* --- Independent threads ----------------------------------------------------------- */

static void *tight_thread(void *pairs)
{
    run_tight(*(uint64_t *)pairs, 1);
    return NULL;
}

void run_threads(uint64_t pairs, size_t threads)
{
    pthread_t *thread = need(malloc(threads * sizeof *thread));

    for (size_t i = 0; i < threads; i++)
        start(&thread[i], tight_thread, &pairs);
    for (size_t i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    free(thread);
}

/* --- Producer and consumer ----------------------------------------------------------- */

/* Blocks go over in batches, so that the time is the calls', not the queue's. */
#define BATCH 256u
#define BATCHES 16u

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t made, taken; /* batches */
    void *block[BATCHES][BATCH];
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void wait_while_full_or_empty(bool full)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.made - queue.taken == (full ? BATCHES : 0))
        pthread_cond_wait(&queue.changed, &queue.lock);
    pthread_mutex_unlock(&queue.lock);
}

static void batch_done(uint64_t *counter)
{
    pthread_mutex_lock(&queue.lock);
    ++*counter;
    pthread_cond_signal(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

static void *consume(void *batches)
{
    for (uint64_t n = 0; n < *(uint64_t *)batches; n++) {
        wait_while_full_or_empty(false);
        for (unsigned i = 0; i < BATCH; i++)
            free(queue.block[n % BATCHES][i]);
        batch_done(&queue.taken);
    }
    return NULL;
}

void run_pipe(uint64_t blocks, size_t unused)
{
    uint64_t batches = blocks / BATCH;
    pthread_t consumer;

    (void)unused;
    start(&consumer, consume, &batches);
    for (uint64_t n = 0; n < batches; n++) {
        wait_while_full_or_empty(true);
        for (unsigned i = 0; i < BATCH; i++)
            use(queue.block[n % BATCHES][i] = malloc(SMALL_BYTES));
        batch_done(&queue.made);
    }
    pthread_join(consumer, NULL);
}

/* --- A server: each thread replaces blocks by lot, then a new thread takes over ----------- */

/* The shape of larson (Larson and Krishnan, Memory allocation for long-running server
 * applications, 1998): sizes of 10 to 500 bytes, 1,000 blocks a thread. */
#define SERVER_BLOCKS 1000u
#define SERVER_GENERATIONS 20u

struct server {
    uint64_t pairs; /* of each generation */
    uint64_t random;
    void *block[SERVER_BLOCKS];
};

static void *serve(void *argument)
{
    struct server *server = argument;

    for (uint64_t i = 0; i < server->pairs; i++) {
        const uint64_t random = draw(&server->random) >> 24;
        void **place = &server->block[random % SERVER_BLOCKS];

        free(*place);
        use(*place = malloc(10 + (random >> 16) % 491));
    }
    return NULL;
}

void run_server(uint64_t pairs, size_t threads)
{
    struct server *server = need(calloc(threads, sizeof *server));
    pthread_t *thread = need(malloc(threads * sizeof *thread));

    for (size_t i = 0; i < threads; i++) {
        server[i].random = DRAW_SEED + i;
        server[i].pairs = pairs / SERVER_GENERATIONS;
    }
    for (unsigned generation = 0; generation < SERVER_GENERATIONS; generation++) {
        for (size_t i = 0; i < threads; i++)
            start(&thread[i], serve, &server[i]);
        for (size_t i = 0; i < threads; i++)
            pthread_join(thread[i], NULL);
    }
    for (size_t i = 0; i < threads; i++)
        for (size_t n = 0; n < SERVER_BLOCKS; n++)
            free(server[i].block[n]);
    free(thread);
    free(server);
}
