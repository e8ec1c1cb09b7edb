/* SPDX-License-Identifier: MIT
 *
 * check_stacks.c - preloaded behind the tracker: it is what the tracker takes for
 * the real malloc. Of every CHECK_STACKS_EVERY-th allocation it takes the stack by
 * libunwind, inside the very call that the tracker counts, and appends it to
 * CHECK_STACKS_DIR/PID: a count of frames, then the addresses, innermost first, as
 * 64-bit words. The checker's own frames and the tracker's are left out.
 *
 * libunwind comes after the program's own libraries in the order of look-up, so that
 * programs that throw still find libgcc's unwinder and not libunwind's. Its caches are
 * off, since a dlclose makes them wrong. Processes without the tracker are left alone.
 */
#define UNW_LOCAL_ONLY
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libunwind.h>
#include <limits.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAMES_MAX 512
#define OWN_FRAMES_MAX 16 /* the checker's and the tracker's are among so many innermost ones */
#define TRACKER "/libheaptracker-preload.so"

/* glibc's own names of its allocator: no symbol look-up, so no start-up order. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static struct {
    atomic_int ready; /* 0 not looked yet, 1 tracked, -1 not to be sampled */
    uintptr_t tracker_begin;
    uintptr_t tracker_end;
    const char *directory;
    unsigned long every;
    atomic_ulong calls;
} checker;

static _Thread_local bool busy __attribute__((tls_model("initial-exec")));

static int look_at_module(struct dl_phdr_info *module, size_t size, void *user)
{
    size_t length = strlen(module->dlpi_name);

    (void)size;
    (void)user;
    if (length < strlen(TRACKER) || strcmp(module->dlpi_name + length - strlen(TRACKER), TRACKER) != 0)
        return 0;
    checker.tracker_begin = module->dlpi_addr;
    for (int i = 0; i < module->dlpi_phnum; i++) {
        uintptr_t end = module->dlpi_addr + module->dlpi_phdr[i].p_vaddr + module->dlpi_phdr[i].p_memsz;

        if (module->dlpi_phdr[i].p_type == PT_LOAD && end > checker.tracker_end)
            checker.tracker_end = end;
    }
    return 1;
}

static int open_file(int flags)
{
    char name[PATH_MAX];

    snprintf(name, sizeof name, "%s/%ld", checker.directory, (long)getpid());
    return open(name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
}

static void start_file(void)
{
    close(open_file(O_TRUNC));
}

static void append(const uint64_t *record, size_t words)
{
    /* Opened for each sample: programs close descriptors that they do not know. */
    int file = open_file(O_APPEND);

    if (file < 0 || write(file, record, words * sizeof *record) != (ssize_t)(words * sizeof *record))
        abort(); /* a sample that is missing would look like a match */
    close(file);
}

static int get_ready(void)
{
    int ready = atomic_load(&checker.ready);

    if (ready != 0)
        return ready;
    const char *every = getenv("CHECK_STACKS_EVERY");

    checker.directory = getenv("CHECK_STACKS_DIR");
    checker.every = every != NULL ? strtoul(every, NULL, 10) : 1000;
    if (checker.every == 0)
        checker.every = 1;
    ready = checker.directory != NULL && dl_iterate_phdr(look_at_module, NULL) == 1 ? 1 : -1;
    if (ready == 1) {
        /* An image before an exec has the same pid; the last one counts, as in the tool. */
        start_file();
        unw_set_caching_policy(unw_local_addr_space, UNW_CACHE_NONE);
    }
    atomic_store(&checker.ready, ready);
    return ready;
}

static void sample(void)
{
    uint64_t record[1 + FRAMES_MAX];
    size_t frames = 0;
    bool outside = false; /* the tracker's innermost frame was seen */
    unw_context_t context;
    unw_cursor_t cursor;

    unw_getcontext(&context);
    unw_init_local(&cursor, &context);
    for (int i = 0; i < FRAMES_MAX; i++) {
        unw_word_t ip = 0;

        unw_get_reg(&cursor, UNW_REG_IP, &ip);
        if (ip == 0)
            break;
        if (i < OWN_FRAMES_MAX && ip >= checker.tracker_begin && ip < checker.tracker_end) {
            outside = true;
            frames = 0;
        } else if (outside) {
            record[1 + frames++] = ip;
        }
        if (unw_step(&cursor) <= 0)
            break;
    }
    record[0] = frames;
    append(record, 1 + frames);
}

static void *checked(void *block)
{
    int saved_errno = errno;

    if (block != NULL && !busy) {
        busy = true;
        if (get_ready() == 1 && atomic_fetch_add(&checker.calls, 1) % checker.every == 0)
            sample();
        busy = false;
    }
    errno = saved_errno;
    return block;
}

void *malloc(size_t size)
{
    return checked(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return checked(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size)
{
    return checked(__libc_realloc(block, size));
}

void *reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return checked(__libc_realloc(block, bytes));
}

void *memalign(size_t alignment, size_t size)
{
    return checked(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return checked(__libc_memalign(alignment, size));
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *block = __libc_memalign(alignment, size);

    if (block == NULL)
        return ENOMEM;
    *out = checked(block);
    return 0;
}
