/* SPDX-License-Identifier: MIT
 *
 * heaptracker.h - the public C API of HeapTracker.
 *
 * Every function may be called from any thread, before main and after it.
 * "AS-safe" below means async-signal-safe: it may also be called from a signal
 * handler, even one that interrupted malloc.
 *
 * A program that includes this header needs no tracker to link: the functions
 * are inline, and reach the tracker through one weak symbol. Where no tracker
 * is there, ht_active() is 0 and every function returns its documented
 * "no tracker" value. The tracker may be linked in (HeapTracker::wrap) or
 * preloaded (`heaptracker run`).
 */
#ifndef HEAPTRACKER_H
#define HEAPTRACKER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HT_API_VERSION 1u

/* All numbers of the program's heap at one moment. Sizes are in bytes, as the
 * caller asked for them. Exact when no other thread is inside an allocation
 * call; the calling thread's own share is exact at any time. */
struct ht_totals {
    uint64_t allocs;          /* successful allocations; a realloc that gives a block is one */
    uint64_t frees;           /* tracked blocks given back; a realloc that gives a block is one */
    uint64_t reallocs;        /* successful realloc and reallocarray calls on a block */
    uint64_t bytes_allocated; /* sum of the sizes of all allocs */
    int64_t live_bytes;       /* allocated and not yet freed */
    int64_t live_blocks;
    uint64_t peak_bytes;       /* highest live_bytes; short by at most peak_error_bytes */
    uint64_t peak_blocks;      /* live_blocks at that moment */
    uint64_t temporary_allocs; /* freed by the thread that allocated, with no other alloc of it between */
    uint64_t failed_allocs;    /* allocations that returned no block */
    uint64_t foreign_frees;    /* free or realloc of a block that no hook saw being allocated */
    uint64_t invalid_frees;    /* free or realloc of a block that was already freed */
    uint64_t unmatched_frees;  /* free of an unknown block while lost_blocks > 0 */
    uint64_t threads;          /* threads that ever called an allocation function */
    uint64_t peak_error_bytes; /* 0 while only one thread has ever allocated at a time; else for each
                                * thread at most 32 KiB, and at most what it allocated */
    uint64_t lost_blocks;      /* blocks that the block map could not hold; see DESIGN: live is then */
    uint64_t lost_bytes;       /*   too high by at most lost_bytes */
    uint64_t
        lost_events; /* reports and notifications that could not be delivered; calls before the program began */
    uint64_t inherited_bytes; /* in a forked child: live at the fork, part of live_bytes' history */
    uint64_t inherited_blocks;
    uint64_t largest_bytes; /* the largest single allocation, in a forked child also its parent's; 0
                             * where profile small or tiny counts, which do not keep it */
};

/* A live block as ht_visit shows it. */
struct ht_block {
    const void *address;
    size_t size; /* bytes, as asked for */
};

/* What ht_since found. */
struct ht_growth {
    uint64_t bytes; /* in blocks that are live now and were not at the mark */
    uint64_t blocks;
};

/* A moment in the life of the heap; 0 is never a valid mark. */
typedef uint64_t ht_mark_t;

/* Called when live bytes rise above a threshold. live_bytes is the exact live
 * size just after the call that crossed. Runs in the thread that crossed, after
 * its allocation is complete; it may allocate (counted, but no callback runs
 * inside a callback). It must not leave by longjmp or an exception. */
typedef void (*ht_threshold_fn)(void *user, uint64_t threshold_bytes, uint64_t live_bytes);

/* Receives one line without its newline, NUL-terminated, at most 255 bytes. A longer
 * one (with a long path in it) comes in several calls, 255 bytes and then the rest.
 * Called by one thread at a time only if the program allocates from one thread;
 * it may allocate (counted, not logged). */
typedef void (*ht_log_fn)(void *user, const char *line);

/* Called for a live block; a result other than 0 ends the visit. It may
 * allocate and free; blocks that come and go during the visit may be missed. */
typedef int (*ht_visit_fn)(void *user, const struct ht_block *block);

/* A heap besides the C library's; 0: none. */
typedef uint32_t ht_heap_t;

/* Where a wrapper of an allocator was called from. */
struct ht_caller {
    uintptr_t pc; /* its return address */
    uintptr_t sp; /* the caller's stack pointer after the call */
    uintptr_t fp; /* the caller's frame pointer register, 0 where it is not known */
};
/* Takes `count` bytes of a dump; 0 to go on, anything else ends the dump. */
typedef int (*ht_write_fn)(void *user, const void *bytes, size_t count);

/* The table behind the inline functions; not for direct use. Members are only
 * ever added at the end, so `size` tells an older tracker from a newer one. */
struct ht_api {
    size_t size;
    void (*totals)(struct ht_totals *out, size_t out_size);
    int64_t (*live_bytes)(void);
    int (*threshold_add)(uint64_t bytes, uint64_t rearm_bytes, ht_threshold_fn fn, void *user);
    int (*threshold_remove)(int id);
    void (*set_log)(ht_log_fn fn, void *user);
    ht_mark_t (*mark)(void);
    int (*since)(ht_mark_t mark, struct ht_growth *out);
    int (*visit)(ht_visit_fn fn, void *user);
    int (*visit_since)(ht_mark_t mark, ht_visit_fn fn, void *user);
    size_t (*block_size)(const void *block);
    ht_heap_t (*heap)(const char *name);
    void (*record_alloc)(ht_heap_t heap, const void *block, size_t size, const struct ht_caller *caller);
    void (*record_free)(ht_heap_t heap, const void *block);
    void (*record_realloc)(ht_heap_t heap, const void *old_block, const void *block, size_t size,
                           const struct ht_caller *caller);
    int (*dump)(ht_write_fn write, void *user);
};

#if defined(__GNUC__)
#define HT_WEAK_ __attribute__((weak))
#else
#define HT_WEAK_
#endif

/* The one symbol through which a program reaches its tracker. Returns NULL for
 * a version that this tracker does not speak. AS-safe. */
extern const struct ht_api *ht_api_get(unsigned version) HT_WEAK_;

/* The tracker of this program, or NULL. AS-safe. */
static inline const struct ht_api *ht_api_(void)
{
    return ht_api_get ? ht_api_get(HT_API_VERSION) : NULL;
}

/* 1 when a tracker counts this program's calls, else 0. AS-safe. */
static inline int ht_active(void)
{
    return ht_api_() != NULL;
}

/* Fills *out with the totals now (zeros without a tracker). AS-safe. */
static inline void ht_get_totals(struct ht_totals *out)
{
    const struct ht_api *api = ht_api_();
    __builtin_memset(out, 0, sizeof *out);
    if (api)
        api->totals(out, sizeof *out);
}

/* Live bytes now (0 without a tracker). AS-safe. */
static inline int64_t ht_live_bytes(void)
{
    const struct ht_api *api = ht_api_();
    return api ? api->live_bytes() : 0;
}

/* Calls fn(user, bytes, live) from the exact allocation that brings live bytes
 * above `bytes`. Fires again only after live bytes have been at or below
 * rearm_bytes (which must not exceed `bytes`). Several users may each set their
 * own. If live bytes are above already, the next allocation fires.
 * Returns an id >= 0 for ht_threshold_remove; -1 without a tracker, with fn
 * NULL, with rearm_bytes > bytes, or when all 16 places are taken. AS-safe. */
static inline int ht_threshold_add(uint64_t bytes, uint64_t rearm_bytes, ht_threshold_fn fn, void *user)
{
    const struct ht_api *api = ht_api_();
    return api ? api->threshold_add(bytes, rearm_bytes, fn, user) : -1;
}

/* Removes a threshold: fn is not called by any call that starts afterwards; one
 * that another thread has begun may still finish. Returns 0, or -1 for an id
 * that is not in use. AS-safe. */
static inline int ht_threshold_remove(int id)
{
    const struct ht_api *api = ht_api_();
    return api ? api->threshold_remove(id) : -1;
}

/* Sends the tracker's lines to fn (NULL: back to the default, which is
 * Log_Debug of Azure Sphere's applibs where it is there, else stderr). AS-safe. */
static inline void ht_set_log(ht_log_fn fn, void *user)
{
    const struct ht_api *api = ht_api_();
    if (api)
        api->set_log(fn, user);
}

/* Marks this moment. Blocks allocated from now on are "since" the mark. A mark
 * never expires and needs no release. Returns 0 without a tracker or when memory
 * for it cannot be had. After the first mark, each allocation is a little slower
 * and takes 4 bytes of private memory per 8 bytes of heap that it touches:
 * meant for tests. AS-safe. */
static inline ht_mark_t ht_mark(void)
{
    const struct ht_api *api = ht_api_();
    return api ? api->mark() : 0;
}

/* What is live now and was not live at the mark; a block that was freed and
 * whose address was used anew counts. Returns 0, or -1 (and zeros) for a mark
 * that is not valid or without a tracker. Takes time in proportion to the
 * heap's touched size. AS-safe. */
static inline int ht_since(ht_mark_t mark, struct ht_growth *out)
{
    const struct ht_api *api = ht_api_();
    out->bytes = 0;
    out->blocks = 0;
    return api ? api->since(mark, out) : -1;
}

/* Calls fn for each live block, in order of address. Every block that is live
 * for the whole visit is shown once. Returns fn's last result (0 when the visit
 * came to its end, or there was nothing to visit). AS-safe if fn is. */
static inline int ht_visit(ht_visit_fn fn, void *user)
{
    const struct ht_api *api = ht_api_();
    return api ? api->visit(fn, user) : 0;
}

/* As ht_visit, for the blocks that ht_since counts; -1 for an invalid mark. */
static inline int ht_visit_since(ht_mark_t mark, ht_visit_fn fn, void *user)
{
    const struct ht_api *api = ht_api_();
    return api ? api->visit_since(mark, fn, user) : -1;
}

/* The size that was asked for the live block at `block`; 0 for any other
 * pointer, NULL included, or without a tracker. AS-safe. */
static inline size_t ht_block_size(const void *block)
{
    const struct ht_api *api = ht_api_();
    return api ? api->block_size(block) : 0;
}

/* --- Other heaps ------------------------------------------------------------------
 *
 * An allocator with a name of its own (an RTOS's pvPortMalloc or k_malloc, a pool)
 * says what it gives out and gets back. Each heap is counted apart: nothing of it is
 * in ht_totals, so an arena that it got from malloc is not counted twice. Reports
 * show each heap with its own peak and its own sites. docs/heaps.md has examples.
 *
 * The numbers are exact if a block is recorded as freed before the allocator may give
 * it out again; the macros below see to that. All are AS-safe, and on a device an
 * interrupt handler may call all of them, where its allocator may be called there. The
 * profile small has as many heaps as HT_HEAPS says (heaptracker_config.h), of itself
 * none; tiny has none. */

/* The heap of this name (31 bytes count), made when it is first asked for. 0 without
 * a tracker, for an empty name, and when there are 15 (in small HT_HEAPS): what is
 * recorded for 0 is forgotten. */
static inline ht_heap_t ht_heap(const char *name)
{
    const struct ht_api *api = ht_api_();
    return api && api->size > offsetof(struct ht_api, heap) && api->heap ? api->heap(name) : 0;
}

/* These two are a part of whoever calls them, and no call that ends it: so the caller
 * is where the stack begins, however it was compiled. */
#if defined(__GNUC__)
#define HT_HERE_ __attribute__((always_inline))
#define HT_STAY_() __asm__ volatile("")
#else
#define HT_HERE_
#define HT_STAY_() ((void)0)
#endif

/* The heap gave `block` for a request of `size` bytes; NULL: it had none. The stack
 * begins with the function that calls this. Blocks that are not aligned to 8 bytes
 * (in small with up to 3 heaps: 4) are counted, but not known when they are freed
 * (lost_blocks of the heap). */
HT_HERE_ static inline void ht_record_alloc(ht_heap_t heap, const void *block, size_t size)
{
    const struct ht_api *api = ht_api_();
    if (api && heap)
        api->record_alloc(heap, block, size, 0);
    HT_STAY_();
}

/* The heap is about to take `block` back; NULL: nothing. */
static inline void ht_record_free(ht_heap_t heap, const void *block)
{
    const struct ht_api *api = ht_api_();
    if (api && heap)
        api->record_free(heap, block);
}

/* The heap was asked to make old_block `size` bytes long and gave `block`. NULL:
 * old_block stays as it was, or with size 0 was freed. old_block NULL: as
 * ht_record_alloc. To be called before another thread can get old_block's place,
 * which is inside the allocator's own lock. */
HT_HERE_ static inline void ht_record_realloc(ht_heap_t heap, const void *old_block, const void *block,
                                              size_t size)
{
    const struct ht_api *api = ht_api_();
    if (api && heap)
        api->record_realloc(heap, old_block, block, size, 0);
    HT_STAY_();
}

#if defined(__GNUC__)

#if defined(__x86_64__) || defined(__aarch64__)
#define HT_CALLER_FP_ (*(const uintptr_t *)__builtin_frame_address(0))
#else
#define HT_CALLER_FP_ 0
#endif

/* The caller of the function that this stands in. */
#define HT_CALLER_                                                                               \
    {                                                                                            \
        (uintptr_t) __builtin_return_address(0), (uintptr_t)__builtin_dwarf_cfa(), HT_CALLER_FP_ \
    }

/* ht_heap(name), asked until it is known. Relaxed: the name has the same number for every
 * thread, and nothing but the number is handed from one to another. */
#define HT_HEAP_ONCE_(name)                                                                     \
    __extension__({                                                                             \
        static ht_heap_t ht_heap_kept_;                                                         \
        ht_heap_t ht_heap_found_ = __atomic_load_n(&ht_heap_kept_, __ATOMIC_RELAXED);           \
        if (ht_heap_found_ == 0)                                                                \
            __atomic_store_n(&ht_heap_kept_, ht_heap_found_ = ht_heap(name), __ATOMIC_RELAXED); \
        ht_heap_found_;                                                                         \
    })

/* ht_record_alloc, with the stack of whoever called the wrapper. */
#define HT_RECORD_CALLERS_ALLOC_(name, block, size)                           \
    do {                                                                      \
        const struct ht_api *ht_table_ = ht_api_();                           \
        struct ht_caller ht_from_ = HT_CALLER_;                               \
        ht_heap_t ht_heap_id_ = HT_HEAP_ONCE_(name);                          \
        if (ht_table_ && ht_heap_id_)                                         \
            ht_table_->record_alloc(ht_heap_id_, (block), (size), &ht_from_); \
    } while (0)

/* Defines __wrap_FUNCTION for a function that allocates, to be linked with
 * -Wl,--wrap=FUNCTION in one place of the program: of the result type `type`, with
 * the `parameters` and `arguments` in parentheses. `block` and `size` are expressions
 * of these and of `result`. */
#define HT_WRAP_ALLOC(heap_name, type, function, parameters, arguments, block, size) \
    type __real_##function parameters;                                               \
    type __wrap_##function parameters;                                               \
    __attribute__((noinline)) type __wrap_##function parameters                      \
    {                                                                                \
        type result = __real_##function arguments;                                   \
        HT_RECORD_CALLERS_ALLOC_(heap_name, block, size);                            \
        return result;                                                               \
    }

/* The same for a function without a result that frees `block`; then for one whose
 * result says whether it did. */
#define HT_WRAP_FREE(heap_name, function, parameters, arguments, block) \
    void __real_##function parameters;                                  \
    void __wrap_##function parameters;                                  \
    void __wrap_##function parameters                                   \
    {                                                                   \
        ht_record_free(HT_HEAP_ONCE_(heap_name), (block));              \
        __real_##function arguments;                                    \
    }
#define HT_WRAP_RELEASE(heap_name, type, function, parameters, arguments, block) \
    type __real_##function parameters;                                           \
    type __wrap_##function parameters;                                           \
    type __wrap_##function parameters                                            \
    {                                                                            \
        ht_record_free(HT_HEAP_ONCE_(heap_name), (block));                       \
        return __real_##function arguments;                                      \
    }

/* Both, for a pair that is called like malloc and free. */
#define HT_WRAP_HEAP(heap_name, allocate, release)                                  \
    HT_WRAP_ALLOC(heap_name, void *, allocate, (size_t size), (size), result, size) \
    HT_WRAP_FREE(heap_name, release, (void *block), (block), block)

#endif /* __GNUC__ */

/* Writes the tracker's tables as a state file, front to back, in pieces of at most 64
 * bytes: over a serial line, to a card, to a debugger's console. `heaptracker report
 * --exe=PROGRAM FILE` reads it. Allocates nothing, and takes 500 bytes of stack (with HT_HEAPS 700). The
 * program may go on meanwhile; what it allocates then is in some of the numbers and not
 * in others, and the report has a row for it.
 * Returns 0; what write gave when that was not 0; -1 without a tracker, with write
 * NULL, and in the profiles tiny (it has no tables) and full (which has a file).
 * May be called from an interrupt handler if write may. */
static inline int ht_dump(ht_write_fn write, void *user)
{
    const struct ht_api *api = ht_api_();
    return api && write && api->size > offsetof(struct ht_api, dump) && api->dump ? api->dump(write, user)
                                                                                  : -1;
}

#ifdef __cplusplus
}
#endif

#endif /* HEAPTRACKER_H */
