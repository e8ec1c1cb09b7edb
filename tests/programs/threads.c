/* SPDX-License-Identifier: MIT
 *
 * threads COUNT SEED - threads that pass blocks to each other, all at once: whoever
 * takes a block out of its mailbox frees it or grows it and sends it on. After the
 * join all totals are exact; at rest in between live is, and the peak is within its
 * stated error.
 */
#include <pthread.h>

#include "check.h"

enum { MAX_THREADS = 64, MAILBOX = 32, STEPS = 400, HELD_BYTES = 50000 };

/* What one thread did, by its own bookkeeping. */
struct tally {
    int64_t allocs, frees, bytes, freed_bytes, reallocs;
};

struct mailbox {
    pthread_mutex_t lock;
    int count;
    struct letter {
        char *block;
        size_t size;
    } letters[MAILBOX];
};

static struct mailbox mailboxes[MAX_THREADS];
static struct tally tallies[MAX_THREADS];
static int thread_count;
static unsigned seed;
static pthread_barrier_t barrier;

static unsigned next_random(unsigned *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 8;
}

static int send_letter(struct mailbox *box, struct letter letter)
{
    pthread_mutex_lock(&box->lock);
    const int fits = box->count < MAILBOX;
    if (fits)
        box->letters[box->count++] = letter;
    pthread_mutex_unlock(&box->lock);
    return fits;
}

static struct letter take_letter(struct mailbox *box)
{
    struct letter letter = {NULL, 0};
    pthread_mutex_lock(&box->lock);
    if (box->count)
        letter = box->letters[--box->count];
    pthread_mutex_unlock(&box->lock);
    return letter;
}

static void drop(struct tally *tally, struct letter letter)
{
    free(letter.block);
    tally->frees++;
    tally->freed_bytes += (int64_t)letter.size;
}

static void one_step(struct tally *tally, struct mailbox *own, unsigned *random)
{
    struct letter letter = take_letter(own);
    const size_t size = 1 + next_random(random) % (next_random(random) % 64 ? 300 : 300000);
    if (letter.block && next_random(random) % 2) {
        drop(tally, letter);
        return;
    }
    if (letter.block) {
        tally->reallocs++;
        tally->frees++;
        tally->freed_bytes += (int64_t)letter.size;
    }
    letter.block = realloc(letter.block, size);
    letter.size = size;
    CHECK(letter.block);
    letter.block[size - 1] = 1;
    tally->allocs++;
    tally->bytes += (int64_t)size;
    if (!send_letter(&mailboxes[next_random(random) % (unsigned)thread_count], letter))
        drop(tally, letter);
}

static void *work(void *argument)
{
    const size_t number = (size_t)argument;
    struct tally *tally = &tallies[number];
    unsigned random = seed * 7919u + (unsigned)number;

    /* All hold their blocks at once: the first thread checks the sum at rest. */
    char *held = malloc(HELD_BYTES);
    *(volatile char *)held = 1;
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    tally->allocs++;
    tally->bytes += HELD_BYTES;
    drop(tally, (struct letter){held, HELD_BYTES});
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);

    for (int i = 0; i < STEPS; i++)
        one_step(tally, &mailboxes[number], &random);
    return NULL;
}

/* What the libc allocates to create threads is kept with their stacks for the
 * next ones; small stacks, so that its cache holds them all. */
static void run(void)
{
    pthread_t threads[MAX_THREADS];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    pthread_barrier_init(&barrier, NULL, (unsigned)thread_count + 1);

    const struct ht_totals start = totals_now();
    for (int i = 0; i < thread_count; i++)
        CHECK_EQ(pthread_create(&threads[i], &attributes, work, (void *)(size_t)i), 0);
    pthread_barrier_wait(&barrier);
    const struct ht_totals full = totals_now();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    const struct ht_totals empty = totals_now();
    CHECK_EQ(full.live_bytes - empty.live_bytes, (int64_t)thread_count * HELD_BYTES);
    CHECK_EQ(full.live_blocks - empty.live_blocks, thread_count);
    CHECK(full.peak_bytes + full.peak_error_bytes >= (uint64_t)full.live_bytes);
    /* Until here live only grew and then only shrank, so the peak cannot be more. */
    if (start.peak_bytes <= (uint64_t)full.live_bytes)
        CHECK(empty.peak_bytes <= (uint64_t)full.live_bytes);
    CHECK(full.peak_error_bytes <= full.threads * (32 << 10));
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
    pthread_attr_destroy(&attributes);
    pthread_barrier_destroy(&barrier);
}

static struct tally sum_of_tallies(void)
{
    struct tally sum = {0};
    for (int i = 0; i < thread_count; i++) {
        sum.allocs += tallies[i].allocs;
        sum.frees += tallies[i].frees;
        sum.bytes += tallies[i].bytes;
        sum.freed_bytes += tallies[i].freed_bytes;
        sum.reallocs += tallies[i].reallocs;
    }
    memset(tallies, 0, sizeof tallies);
    return sum;
}

static void drain(void)
{
    struct tally tally = {0};
    for (int i = 0; i < thread_count; i++)
        for (struct letter letter; (letter = take_letter(&mailboxes[i])).block;)
            drop(&tally, letter);
}

int main(int count, char **arguments)
{
    CHECK(count == 3);
    need_tracker();
    thread_count = atoi(arguments[1]);
    seed = (unsigned)atoi(arguments[2]);
    CHECK(thread_count >= 1 && thread_count <= MAX_THREADS);
    for (int i = 0; i < MAX_THREADS; i++)
        pthread_mutex_init(&mailboxes[i].lock, NULL);

    run(); /* the libc's own blocks for the threads exist from here on */
    drain();
    sum_of_tallies();

    const struct ht_totals before = totals_now();
    run();
    const struct tally done = sum_of_tallies();
    const struct change want = {
        .allocs = done.allocs,
        .frees = done.frees,
        .bytes = done.bytes,
        .live = done.bytes - done.freed_bytes,
        .reallocs = done.reallocs,
    };
    check_change(__FILE__, __LINE__, "the second run", &before, want);
    drain();
    CHECK_EQ(totals_now().live_bytes, before.live_bytes);
    CHECK_EQ(totals_now().live_blocks, before.live_blocks);
    return 0;
}
