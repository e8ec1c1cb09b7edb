/* SPDX-License-Identifier: MIT
 *
 * The stack table: one id for one stack, in any number of threads and from signal
 * handlers; full and growing tables; readers of broken ones.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#include "unwind/trie.h"

#define CAPACITY (1u << 17)

static struct trie_header header;
static struct trie_node nodes[CAPACITY];
static struct trie trie;

static void make(uint32_t usable, uint32_t capacity)
{
    static uint64_t *index;

    memset(&header, 0, sizeof header);
    memset(nodes, 0, sizeof nodes);
    free(index);
    index = aligned_alloc(64, trie_index_bytes(capacity));
    memset(index, 0, trie_index_bytes(capacity));
    trie_init(&trie, &header, nodes, usable, capacity, index);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void one_pair_gives_one_id(void **state)
{
    uint32_t a, b;

    (void)state;
    make(CAPACITY, CAPACITY);
    a = trie_child(&trie, TRIE_ROOT, 0x1000, TRIE_FRAME);
    b = trie_child(&trie, a, 0x2000, TRIE_FRAME);
    assert_true(a >= TRIE_FIRST && b > a);
    assert_int_equal(a, trie_child(&trie, TRIE_ROOT, 0x1000, TRIE_FRAME));
    assert_int_equal(b, trie_child(&trie, a, 0x2000, TRIE_FRAME));
    assert_int_not_equal(b, trie_child(&trie, TRIE_ROOT, 0x2000, TRIE_FRAME));
    assert_int_not_equal(a, trie_child(&trie, TRIE_CUT, 0x1000, TRIE_FRAME));
    assert_int_equal(TRIE_LOST, trie_child(&trie, TRIE_LOST, 0x1000, TRIE_FRAME));
}

static void frames_come_back_innermost_first(void **state)
{
    uint64_t frames[8];
    uint32_t id = TRIE_BROKEN, root;

    (void)state;
    make(CAPACITY, CAPACITY);
    for (uint64_t i = 1; i <= 5; i++)
        id = trie_child(&trie, id, i * 16, TRIE_FRAME);
    assert_int_equal(5, trie_frames(nodes, header.next, id, frames, 8, &root));
    assert_int_equal(TRIE_BROKEN, root);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal((5 - i) * 16, frames[i]);
    assert_int_equal(2, trie_frames(nodes, header.next, id, frames, 2, &root));
    assert_int_equal(TRIE_CUT, root);
}

/* A node with very many children fills its line, its page and other lines. */
static void many_children_of_one_parent(void **state)
{
    const uint32_t children = CAPACITY / 2;
    uint32_t *ids = malloc(children * sizeof *ids);
    const uint32_t parent = (make(CAPACITY, CAPACITY), trie_child(&trie, TRIE_ROOT, 0x1000, TRIE_FRAME));

    (void)state;
    for (uint32_t i = 0; i < children; i++)
        ids[i] = trie_child(&trie, parent, 0x555500000000 + i * 5ull, TRIE_FRAME);
    for (uint32_t i = 0; i < children; i++) {
        assert_int_not_equal(TRIE_LOST, ids[i]);
        assert_int_equal(ids[i], trie_child(&trie, parent, 0x555500000000 + i * 5ull, TRIE_FRAME));
    }
    assert_in_range(header.next, TRIE_FIRST + 1 + children, TRIE_FIRST + 1 + children + 1024);
    free(ids);
}

static void full_table_loses_and_counts(void **state)
{
    uint32_t known;

    (void)state;
    make(64, 64);
    known = trie_child(&trie, TRIE_ROOT, 1, TRIE_FRAME);
    for (uint64_t i = 2; i <= 60; i++)
        assert_int_not_equal(TRIE_LOST, trie_child(&trie, TRIE_ROOT, i, TRIE_FRAME));
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(TRIE_LOST, trie_child(&trie, TRIE_ROOT, 1000 + i, TRIE_FRAME));
    assert_int_equal(10, header.lost);
    assert_int_equal(known, trie_child(&trie, TRIE_ROOT, 1, TRIE_FRAME));
}

/* Whatever a node is asked for as: the ids of stacks fill pages of their own, a child's is above
 * its parent's, and a small table gives out all that it has. */
static void ids_of_stacks_lie_together(void **state)
{
    static bool is_stack[CAPACITY], page_has_stack[CAPACITY / 64];
    uint32_t stacks = 0, pages = 0;
    uint64_t seed = 7;

    (void)state;
    make(CAPACITY, CAPACITY);
    memset(is_stack, 0, sizeof is_stack);
    memset(page_has_stack, 0, sizeof page_has_stack);
    for (int i = 0; i < 20000; i++) {
        const uint64_t frames = 1 + next_random(&seed) % 4;
        uint32_t id = TRIE_ROOT, stack;

        for (uint64_t d = 0; d < frames; d++)
            id = trie_child(&trie, id, 0x1000 + next_random(&seed) % 20, TRIE_FRAME);
        stack = trie_child(&trie, id, 0x9000 + next_random(&seed) % 2, TRIE_STACK);
        assert_true(id >= TRIE_FIRST && stack > id);
        assert_int_equal(stack, trie_child(&trie, id, nodes[stack].where, TRIE_FRAME));
        is_stack[stack] = true;
        if (i % 100 == 0) { /* a stack that then calls: its frame's id is still above */
            const uint32_t inner = trie_child(&trie, stack, 0x7000, TRIE_FRAME);

            assert_true(inner > stack);
            assert_true(trie_child(&trie, inner, 0x9000, TRIE_STACK) > inner);
        }
    }
    for (uint32_t id = 0; id < CAPACITY; id++) {
        stacks += is_stack[id];
        page_has_stack[id / 64] |= is_stack[id];
    }
    for (uint32_t i = 0; i < CAPACITY / 64; i++)
        pages += page_has_stack[i];
    assert_true(stacks > 8000 && pages < stacks / 64 * 5 / 4);
}

static void full_table_gives_out_every_id(void **state)
{
    (void)state;
    make(4096, 4096);
    for (uint64_t i = TRIE_FIRST; i < 4096; i++)
        assert_int_not_equal(TRIE_LOST, trie_child(&trie, TRIE_ROOT, i, i < 2000 ? TRIE_FRAME : TRIE_STACK));
    assert_int_equal(TRIE_LOST, trie_child(&trie, TRIE_ROOT, 10000, TRIE_FRAME));
    for (uint32_t id = TRIE_FIRST; id < 4096; id++)
        assert_int_not_equal(0, nodes[id].where);
}

static uint32_t grow_limit;

static bool grow_by_16(struct trie *t, uint32_t count)
{
    if (count > grow_limit)
        return false;
    store_release(&t->header->usable, count + 15 < grow_limit ? count + 15 : grow_limit);
    return true;
}

static void table_grows_until_it_cannot(void **state)
{
    (void)state;
    make(8, 1024);
    trie.grow = grow_by_16;
    grow_limit = 500;
    for (uint64_t i = TRIE_FIRST; i < 500; i++)
        assert_int_not_equal(TRIE_LOST, trie_child(&trie, TRIE_ROOT, i, TRIE_FRAME));
    assert_int_equal(TRIE_LOST, trie_child(&trie, TRIE_ROOT, 10000, TRIE_FRAME));
    assert_int_equal(500, header.usable);
    for (uint64_t i = 0; i < 2000; i++) /* not one id is used up while there is no memory */
        assert_int_equal(TRIE_LOST, trie_child(&trie, TRIE_ROOT, 10000 + i, TRIE_FRAME));
    grow_limit = 600;
    for (uint64_t i = 500; i < 600; i++)
        assert_int_not_equal(TRIE_LOST, trie_child(&trie, TRIE_ROOT, i, TRIE_FRAME));
}

/* While a node waits for its memory, a handler inserts the same pair, and more: the node that came
 * too late does not give back what was taken since. */
static bool grow_and_insert(struct trie *t, uint32_t count)
{
    t->grow = NULL;
    store_release(&t->header->usable, CAPACITY);
    assert_int_equal(count, trie_child(t, TRIE_ROOT, 0x1000, TRIE_FRAME));
    return true;
}

static void loser_gives_back_only_its_own(void **state)
{
    uint32_t winner;

    (void)state;
    make(TRIE_FIRST, CAPACITY);
    trie.grow = grow_and_insert;
    winner = trie_child(&trie, TRIE_ROOT, 0x1000, TRIE_FRAME);
    assert_int_equal(TRIE_FIRST + 1, winner);
    assert_int_equal(winner + 1, trie_child(&trie, TRIE_ROOT, 0x2000, TRIE_FRAME));
    assert_int_equal(winner, trie_child(&trie, TRIE_ROOT, 0x1000, TRIE_FRAME));
}

/* --- Threads -------------------------------------------------------------------- */

#define THREADS 4
#define STACKS 3000
#define DEPTH 12

static uint32_t thread_ids[THREADS][STACKS];
static pthread_barrier_t barrier;

/* All threads insert the same stacks, from the same start, in other orders. */
static void *insert_all(void *argument)
{
    const size_t me = (size_t)argument;

    pthread_barrier_wait(&barrier);
    for (uint32_t k = 0; k < STACKS; k++) {
        const uint32_t i = me % 2 ? STACKS - 1 - k : k;
        uint64_t seed = i / 3 + 1; /* neighbours share most of the stack */
        uint32_t id = TRIE_ROOT;

        for (uint32_t d = 0; d < DEPTH; d++)
            id = trie_child(&trie, id, 0x1000 + (d == DEPTH - 1 ? i : next_random(&seed) % 8),
                            d == DEPTH - 1 && me > 0 ? TRIE_STACK : TRIE_FRAME);
        thread_ids[me][i] = id;
    }
    return NULL;
}

static void threads_get_the_same_ids(void **state)
{
    pthread_t threads[THREADS];
    uint32_t referenced = 0;

    (void)state;
    for (int round = 0; round < 5; round++) {
        make(CAPACITY, CAPACITY);
        pthread_barrier_init(&barrier, NULL, THREADS);
        for (size_t t = 0; t < THREADS; t++)
            assert_int_equal(0, pthread_create(&threads[t], NULL, insert_all, (void *)t));
        for (size_t t = 0; t < THREADS; t++)
            pthread_join(threads[t], NULL);
        pthread_barrier_destroy(&barrier);
        for (size_t t = 1; t < THREADS; t++)
            assert_memory_equal(thread_ids[0], thread_ids[t], sizeof thread_ids[0]);
        /* Each published pair stands once. */
        for (uint32_t i = TRIE_FIRST; i < header.next; i++)
            if (nodes[i].published) {
                assert_int_equal(i, trie_child(&trie, nodes[i].parent, nodes[i].where, TRIE_FRAME));
                referenced++;
            }
        assert_int_equal(0, header.lost);
    }
    assert_true(referenced > 0);
}

/* Each thread its own stacks: all ids differ, and runs of stacks begin all the time. */
static void *insert_own(void *argument)
{
    const uint64_t me = (size_t)argument;

    pthread_barrier_wait(&barrier);
    for (uint32_t k = 0; k < STACKS; k++)
        thread_ids[me][k] = trie_child(&trie, TRIE_ROOT, 0x1000 + me * STACKS + k, TRIE_STACK);
    return NULL;
}

static void threads_get_ids_of_their_own(void **state)
{
    static bool seen[CAPACITY];
    pthread_t threads[THREADS];

    (void)state;
    make(CAPACITY, CAPACITY);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (size_t t = 0; t < THREADS; t++)
        assert_int_equal(0, pthread_create(&threads[t], NULL, insert_own, (void *)t));
    for (size_t t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    pthread_barrier_destroy(&barrier);
    for (size_t t = 0; t < THREADS; t++)
        for (uint32_t k = 0; k < STACKS; k++) {
            assert_false(seen[thread_ids[t][k]]);
            seen[thread_ids[t][k]] = true;
        }
}

/* --- Signals: an insertion inside an insertion of the same thread --------------- */

static volatile sig_atomic_t handled;
static volatile uint64_t shared_frame;

static void insert_in_handler(int signal)
{
    uint32_t id = TRIE_ROOT;

    (void)signal;
    for (uint64_t d = 0; d < 4; d++)
        id = trie_child(&trie, id, shared_frame + d, TRIE_FRAME);
    handled++;
}

static void handler_inserts_during_insertion(void **state)
{
    const struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
    const struct sigaction action = {.sa_handler = insert_in_handler, .sa_flags = SA_RESTART};
    uint64_t i;

    (void)state;
    make(CAPACITY, CAPACITY);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    /* Until handlers have run often enough, not for a time: and the test cannot end
     * at all if one of them waits for what it interrupted. */
    for (i = 0; handled < 50 || i < 20000; i++) {
        uint32_t id = TRIE_ROOT;

        shared_frame = 0x1000 + i % 20000;
        for (uint64_t d = 0; d < 4; d++)
            id = trie_child(&trie, id, 0x1000 + i % 20000 + d, TRIE_FRAME);
        assert_int_not_equal(TRIE_LOST, id);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    for (uint32_t n = TRIE_FIRST; n < header.next; n++)
        if (nodes[n].published)
            assert_int_equal(n, trie_child(&trie, nodes[n].parent, nodes[n].where, TRIE_FRAME));
}

/* --- Hostile tables ------------------------------------------------------------- */

static void reader_survives_any_node_table(void **state)
{
    struct trie_node hostile[64];
    uint64_t seed = 42, frames[16];
    uint32_t root;

    (void)state;
    for (int round = 0; round < 100000; round++) {
        const uint32_t count = (uint32_t)(next_random(&seed) % 64);

        for (uint32_t i = 0; i < 64; i++) {
            hostile[i].where = next_random(&seed) % 4;
            hostile[i].parent = (uint32_t)next_random(&seed) % (next_random(&seed) % 2 ? 80 : i + 1);
        }
        assert_true(trie_frames(hostile, count, (uint32_t)next_random(&seed) % 80, frames, 16, &root) <= 16);
        assert_true(root < TRIE_FIRST);
    }
    hostile[10] = (struct trie_node){.where = 1, .parent = 10}; /* its own parent */
    assert_int_equal(0, trie_frames(hostile, 64, 10, frames, 16, &root));
    assert_int_equal(TRIE_LOST, root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_pair_gives_one_id),
        cmocka_unit_test(frames_come_back_innermost_first),
        cmocka_unit_test(many_children_of_one_parent),
        cmocka_unit_test(full_table_loses_and_counts),
        cmocka_unit_test(ids_of_stacks_lie_together),
        cmocka_unit_test(full_table_gives_out_every_id),
        cmocka_unit_test(table_grows_until_it_cannot),
        cmocka_unit_test(loser_gives_back_only_its_own),
        cmocka_unit_test(threads_get_the_same_ids),
        cmocka_unit_test(threads_get_ids_of_their_own),
        cmocka_unit_test(handler_inserts_during_insertion),
        cmocka_unit_test(reader_survives_any_node_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
