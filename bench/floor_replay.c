/* SPDX-License-Identifier: MIT
 *
 * floor_replay.c - a preload library that keeps floor.c's numbers for every call stack of its own, and
 * is told each stack: FLOOR_RECORD, which floor_record.c wrote in an earlier run of the same
 * program, has the next one's number, and how many words prove it: its return addresses, and where frames
 * have frame pointers their links, without which nothing says where the next return address is. What remains
 * of a capture is to read that number, and as many words of the stack: no tracker
 * that is exact can do without looking at each of them, and really they lie further apart than these, which
 * are the next ones above the hook's frame. So this is what a tracker costs that knows every stack
 * in advance; in that sense it is below any exact one that has counters by stack.
 *
 * For programs of one thread. What the program allocates beyond its record is all of one stack without
 * return addresses; at exit a line says so if the counts differ by more than 2 %.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "floor_record.h"

#define NAME "bench_floor_replay"

static const uint32_t nothing; /* an empty record */
static const uint32_t *record = &nothing;
static const char *path;
static struct site *sites;
extern void *__libc_stack_end; /* of the first thread, the only one that is counted */

static __thread __attribute__((tls_model("initial-exec"), aligned(64))) struct {
    struct floor_thread thread;
    const uint32_t *next;
    const uintptr_t *top; /* of the stack */
    uintptr_t sink;
} own = {.thread = FLOOR_THREAD(NOT_YET), .next = &nothing};

/* sp: the hook's CFA. */
FLOOR_INLINE uint32_t site_of(const uintptr_t *sp)
{
    const uint32_t word = *own.next;
    const uintptr_t *end = sp + (word >> SITE_BITS);
    uintptr_t seen = 0;

    if (own.thread.generation != shared.generation)
        look_further();
    if (word == 0)
        return 1;
    own.next++;
    if (end > own.top)
        end = own.top;
    while (sp < end) {
        seen ^= *sp++;
        __asm__("" : "+r"(seen)); /* one by one: they do not lie side by side really */
    }
    own.sink ^= seen;
    return word & (SITES_MAX - 1);
}

FLOOR_INLINE struct site *site_at(uint32_t number)
{
    if (sites == NULL)
        __builtin_unreachable(); /* mapped before anything is counted */
    return &sites[number];
}

FLOOR_INLINE void count_in(const void *block, size_t size, const uintptr_t *sp)
{
    uint32_t number;

    if (block == NULL)
        return;
    number = site_of(sp);
    add_block(&own.thread, block, size, number, site_at(number));
}

FLOOR_INLINE void count_out(const void *block)
{
    cell_t *cell = cell_taken(block);

    if (cell != NULL)
        drop_block(&own.thread, block, cell, site_at(*cell >> CELL_SITE_SHIFT));
}

/* The words of the record, which stays empty where there is no file. */
static void map_record(void)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const uint32_t *words;
    struct stat status;
    size_t count;

    if (file < 0)
        return;
    if (fstat(file, &status) != 0)
        give_up(NAME, path, "cannot be read");
    count = (size_t)status.st_size / sizeof *words;
    words = count == 0 ? MAP_FAILED : mmap(NULL, count * sizeof *words, PROT_READ, MAP_PRIVATE, file, 0);
    if (words == MAP_FAILED || words[count - 1] != 0)
        give_up(NAME, path, "is no record");
    own.next = record = words;
    close(file);
}

static __attribute__((noinline, cold)) int catch_up(struct floor_thread *t)
{
    const int saved_errno = errno;

    if (!claim())
        return 0;
    path = getenv("FLOOR_RECORD");
    if (path == NULL)
        give_up(NAME, "FLOOR_RECORD", "the environment does not name the record that floor_record.c wrote");
    sites = map_memory(SITES_MAX * sizeof *sites);
    map_record();
    own.top = __libc_stack_end;
    t->seen = shared.epoch;
    errno = saved_errno;
    return 1;
}

static __attribute__((destructor)) void compare_counts(void)
{
    const uint64_t allocs = own.thread.counts.allocs;
    const uint32_t *end = own.next;
    uint64_t recorded;

    if (own.thread.seen != shared.epoch) /* not the thread, or a child */
        return;
    while (*end != 0)
        end++;
    recorded = (uint64_t)(end - record);
    if ((allocs < recorded ? recorded - allocs : allocs - recorded) > recorded / 50)
        dprintf(STDERR_FILENO, NAME ": %s: %llu allocations, %llu recorded: it is not this program's\n", path,
                (unsigned long long)allocs, (unsigned long long)recorded);
}

#define STACK ((const uintptr_t *)__builtin_dwarf_cfa())
#include "floor_hooks.h"
