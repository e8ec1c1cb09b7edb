/* SPDX-License-Identifier: MIT
 *
 * floor_record.c - a preload library that writes a program's stacks down, as floor_record.h says, to
 * FLOOR_RECORD, a file that must not exist yet: a program that this one starts leaves it alone.
 * The stacks are libunwind's, told apart by 40 bits of a hash of their innermost return addresses. It
 * may be slow: floor_replay.c is what is measured.
 *
 * libunwind's caches are on; a program that unloads code and loads other code there may get some
 * stacks wrong, which costs a replay as much as the right ones.
 */
#define UNW_LOCAL_ONLY
#include <errno.h>
#include <fcntl.h>
#include <libunwind.h>
#include <string.h>

#include "floor_record.h"

#define NAME "bench_floor_record"
#define FRAMES 4096
#define OWN_FRAMES 4 /* this library's are among so many innermost ones */
#define INDEX_FIRST ((size_t)1 << 12)
#define STEP ((size_t)4 << 20)       /* bytes that the file grows by */
#define RECORD_MAX ((size_t)1 << 30) /* and has at most */

static __thread __attribute__((tls_model("initial-exec"))) struct {
    struct floor_thread thread;
} own = {.thread = FLOOR_THREAD(NOT_YET)};

static struct {
    const char *path;
    uint32_t *words;
    size_t count, room;
} record;

/* Of the one thread that is recorded. */
static void *frames[FRAMES];

static uint8_t *links; /* by a stack's number */

static uint64_t *table; /* hash and number, at most half full */
static size_t table_size, stack_count;

static void grow_table(void)
{
    const size_t size = table_size == 0 ? INDEX_FIRST : 2 * table_size;
    uint64_t *larger = map_memory(size * sizeof *larger);

    for (size_t n = 0; n < table_size; n++) {
        size_t i = (table[n] >> SITE_BITS) & (size - 1);

        if (table[n] == 0)
            continue;
        while (larger[i] != 0)
            i = (i + 1) & (size - 1);
        larger[i] = table[n];
    }
    if (table != NULL)
        munmap(table, table_size * sizeof *table);
    table = larger;
    table_size = size;
}

static uint32_t number_of(uint64_t hash)
{
    size_t i;

    if (2 * (stack_count + 1) > table_size)
        grow_table();
    for (i = (hash >> SITE_BITS) & (table_size - 1); table[i] != 0; i = (i + 1) & (table_size - 1))
        if ((table[i] ^ hash) >> SITE_BITS == 0)
            return (uint32_t)(table[i] & (SITES_MAX - 1));
    if (++stack_count == SITES_MAX)
        give_up(NAME, record.path, "too many stacks");
    table[i] = hash >> SITE_BITS << SITE_BITS | stack_count;
    return (uint32_t)stack_count;
}

static uint64_t mixed(uint64_t hash, uintptr_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

/* How many frames of the stack from `caller` outwards are linked by their frame pointers: of those, where the
 * next return address is says the word below their own, so that a proof of the stack takes both. */
static __attribute__((noinline)) uint8_t links_from(const void *caller)
{
    unw_context_t context;
    unw_cursor_t cursor;
    unw_word_t pc, cfa, inner_cfa = 0;
    bool found = false;
    uint8_t count = 0;

    unw_getcontext(&context);
    unw_init_local(&cursor, &context);
    for (uint32_t n = 0; n < DEPTH_MAX + OWN_FRAMES && unw_step(&cursor) > 0; n++) {
        unw_get_reg(&cursor, UNW_REG_IP, &pc);
        unw_get_reg(&cursor, UNW_REG_SP, &cfa); /* of the frame that this one called */
        if (inner_cfa != 0 && ((const uintptr_t *)inner_cfa)[-2] == cfa - 2 * sizeof cfa)
            count++;
        inner_cfa = found ? cfa : 0;
        found = found || pc == (uintptr_t)caller;
    }
    return count;
}

/* By its path: programs close descriptors that they do not know. */
static void grow_record(void)
{
    record.room += STEP / sizeof *record.words;
    if (record.room * sizeof *record.words > RECORD_MAX ||
        truncate(record.path, (off_t)(record.room * sizeof *record.words)) != 0)
        give_up(NAME, record.path, "the file does not grow");
}

/* caller: where the hook returns to, the first address of the stack. */
static __attribute__((noinline)) void record_stack(const void *caller)
{
    const int saved_errno = errno;
    int count = unw_backtrace(frames, FRAMES), first = 0;
    const size_t stacks_before = stack_count;
    uint64_t hash = 1;
    uint32_t depth, number;

    while (first < count && first < OWN_FRAMES && frames[first] != caller)
        first++;
    if (first == count || first == OWN_FRAMES)
        give_up(NAME, record.path, "libunwind does not find the caller");
    depth = (uint32_t)(count - first) < DEPTH_MAX ? (uint32_t)(count - first) : DEPTH_MAX;
    for (uint32_t i = 0; i < depth; i++)
        hash = mixed(hash, (uintptr_t)frames[(uint32_t)first + i]);
    if (record.count + 1 >= record.room) /* the zero behind it */
        grow_record();
    number = number_of(hash);
    if (stack_count > stacks_before)
        links[number] = links_from(caller);
    record.words[record.count++] = number | (depth + links[number]) << SITE_BITS;
    errno = saved_errno;
}

FLOOR_INLINE void count_in(const void *block, size_t size, const void *caller)
{
    (void)size;
    if (block != NULL)
        record_stack(caller);
}

FLOOR_INLINE void count_out(const void *block)
{
    (void)block;
}

static __attribute__((noinline, cold)) int catch_up(struct floor_thread *t)
{
    const int saved_errno = errno;
    int file;

    if (!claim())
        return 0;
    record.path = getenv("FLOOR_RECORD");
    if (record.path == NULL)
        give_up(NAME, "FLOOR_RECORD", "the environment does not name the file to write");
    file = open(record.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) {
        dprintf(STDERR_FILENO, NAME ": %s: %s: nothing is recorded\n", record.path, strerror(errno));
        errno = saved_errno;
        return 0;
    }
    record.words = mmap(NULL, RECORD_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    close(file);
    if (record.words == MAP_FAILED)
        give_up(NAME, record.path, "cannot be mapped");
    links = map_memory(SITES_MAX);
    grow_record();
    t->seen = shared.epoch;
    errno = saved_errno;
    return 1;
}

#define STACK __builtin_return_address(0)
#include "floor_hooks.h"
