/* SPDX-License-Identifier: MIT
 *
 * call.h - the frame of every hook: enter, count, leave. The way of one call:
 *
 *   t = call_enter(...)          a guard against calls inside the call; NULL: pass
 *                                the call on without the usual counting
 *   block = REAL(malloc)(size)
 *   call_got(t, block, ...)      counters, block map; far from any bound no more;
 *                                leave
 *
 * in_call of the slot is both the guard and, for whoever reads the file after a
 * kill, the sign that a call was in progress. It holds the stack address of the
 * call, so that a guard that was left behind by a longjmp is recognised: a call
 * higher up the stack cannot be inside it.
 */
#ifndef HT_ENTRY_CALL_H
#define HT_ENTRY_CALL_H

#include "core/misuse.h"
#include "core/thread.h"
#include "entry/failing.h"
#include "unwind/chain.h"

/* The caller's stack pointer at the call. */
#define CALL_STACK ((uintptr_t)__builtin_dwarf_cfa())
#define CALL_CALLER __builtin_return_address(0)
/* The caller's frame pointer: what the hook has saved at the begin of its own frame; where
 * frames have no such order, its unwind table says where. */
#if defined(PORT_HERE)
#define CALL_FRAME_POINTER call_frame_pointer(CALL_STACK, PORT_HERE())
#else
#define CALL_FRAME_POINTER (*(const uintptr_t *)__builtin_frame_address(0))
#endif

/* A hook in halves: `CALL_JUMP half(arguments);` in a hook goes on in a function that is
 * marked CALL_HALF, as if it were the hook itself: with its caller, stack and frame
 * pointer. So it has to be a jump, not a call. Clang can be told so; GCC does it when it
 * optimises (the build says so with HT_TAIL_CALLS); else the half is part of the hook.
 * CALL_JUMP_VOID: the same for one that gives nothing, as the hook's last statement. */
#if defined(__clang__)
#define CALL_HALF __attribute__((noinline))
#define CALL_JUMP __attribute__((musttail)) return
#define CALL_JUMP_VOID CALL_JUMP
#elif HT_TAIL_CALLS
#define CALL_HALF __attribute__((noinline))
#define CALL_JUMP return
#define CALL_JUMP_VOID
#else
#define CALL_HALF inline __attribute__((always_inline))
#define CALL_JUMP return
#define CALL_JUMP_VOID
#endif

/* stack: the hook's CFA; here: what PORT_HERE gave in the hook. 0: not known. */
HT_INLINE uintptr_t call_frame_pointer(uintptr_t stack, uint64_t here)
{
    struct chain *chain = tracker_thread.chain;

    return chain != NULL ? (uintptr_t)chain_caller_fp(chain, here & UINT32_MAX, stack, here >> 32) : 0;
}

/* The site of the call: the stack above the hook. In the hook itself. */
#define CALL_SITE(t) call_site_at((t), (uintptr_t)CALL_CALLER, CALL_STACK, CALL_FRAME_POINTER)

/* The same from the caller's registers, for what a hook has handed on. */
HT_INLINE uint32_t call_site_at(struct thread *t, uintptr_t pc, uintptr_t sp, uintptr_t fp)
{
    if (unlikely(t == NULL))
        return STATE_STACK_NONE;
    return likely(t->chain != NULL) ? chain_capture_at(t->chain, pc, sp, fp) : t->chainless_site;
}

/* The call is not the usual one: first of its thread, or of the process, or in a
 * fork's child, or inside another call, or after the bounds have changed. NULL
 * means inside another call, or before the tracker can count. */
struct thread *call_enter_slow(struct thread *t, uintptr_t stack);

/* Is it a call of a thread that is known to keep no sites? */
HT_INLINE bool call_is_plain(void)
{
    return tracker_thread.plain;
}

HT_INLINE struct thread *call_enter(uintptr_t stack)
{
    struct thread *t = &tracker_thread;

    /* Relaxed: an equal epoch means that nothing new was announced. The slot may
     * be looked at only then: in a fork's child its memory is gone. */
    if (unlikely(t->seen != load_relaxed(&tracker_epoch.epoch)) ||
        unlikely(load_relaxed(&t->slot->in_call) != 0))
        return call_enter_slow(t, stack);
    store_relaxed(&t->slot->in_call, stack);
    fence_compiler();
    return t;
}

/* The same for an allocation. *watched: ask failing_admits before it is made. Said on
 * the rare way only, so that the usual one does not ask. */
HT_INLINE struct thread *call_enter_to_get(uintptr_t stack, bool *watched)
{
    struct thread *t = &tracker_thread;

    if (unlikely(t->seen != load_relaxed(&tracker_epoch.epoch)) ||
        unlikely(load_relaxed(&t->slot->in_call) != 0)) {
        t = call_enter_slow(t, stack);
        *watched = t != NULL && t->watched;
        return t;
    }
    *watched = false;
    store_relaxed(&t->slot->in_call, stack);
    fence_compiler();
    return t;
}

/* May `size` bytes be asked of the allocator? In the hook itself. */
#define CALL_ADMITTED(t, watched, size) (likely(!(watched)) || failing_admits((t), 0, (size), CALL_SITE(t)))

/* What malloc does where thread_put_usual is not enough. Returns block. */
void *call_got_plain(struct thread *t, void *block, size_t size);

/* As call_enter, but NULL for any call that is not the usual one; nothing was done then. */
HT_INLINE struct thread *call_enter_usual(uintptr_t stack)
{
    struct thread *t = &tracker_thread;

    if (unlikely(t->seen != load_relaxed(&tracker_epoch.epoch)) ||
        unlikely(load_relaxed(&t->slot->in_call) != 0))
        return NULL;
    store_relaxed(&t->slot->in_call, stack);
    fence_compiler();
    return t;
}

HT_INLINE void call_leave(struct thread *t)
{
    fence_compiler();
    store_relaxed(&t->slot->in_call, 0);
}

/* Counts what an allocation of `size` bytes gave, the general way: block may be NULL,
 * t too; a and b are the arguments that its log line shows. Leaves the call. */
void call_got_unusual(struct thread *t, const void *block, size_t size, uint32_t site,
                      const struct call_kind *kind, size_t a, size_t b);

HT_INLINE void call_got(struct thread *t, const void *block, size_t size, uint32_t site,
                        const struct call_kind *kind, size_t a, size_t b)
{
    if (likely(t != NULL) && likely(block != NULL) &&
        likely(thread_put_usual(t, block, size, site, t->sites)))
        call_leave(t);
    else
        call_got_unusual(t, block, size, site, kind, a, b);
}

#define CALL_NO_SIZE SIZE_MAX

/* Counts a block out, the general way; t may be NULL, the block unknown. size is
 * what the caller said, or CALL_NO_SIZE. Returns whether the real free is to be
 * called; call_free_end leaves the call after it. */
bool call_free_unusual(struct thread *t, const void *block, const struct call_kind *kind, const void *caller,
                       size_t size);

HT_INLINE bool call_free_begin(struct thread *t, const void *block, const struct call_kind *kind,
                               const void *caller, size_t size)
{
    return (likely(t != NULL) && likely(thread_free_usual(t, block))) ||
           call_free_unusual(t, block, kind, caller, size);
}

/* A whole call of free, the general way. t: entered, or NULL: not yet entered. */
void call_free_whole(struct thread *t, void *block, const struct call_kind *kind, const void *caller,
                     uintptr_t stack, void (*real)(void *));

HT_INLINE void call_free_end(struct thread *t)
{
    if (likely(t != NULL))
        call_leave(t);
}

/* A whole call of free for a block that is not NULL. In the hook itself. */
#define CALL_FREE(block, kind)                                                      \
    do {                                                                            \
        struct thread *t = call_enter_usual(CALL_STACK);                            \
        if (unlikely(t == NULL) || unlikely(!thread_free_usual(t, block))) {        \
            call_free_whole(t, block, (kind), CALL_CALLER, CALL_STACK, REAL(free)); \
            break;                                                                  \
        }                                                                           \
        REAL(free)(block);                                                          \
        call_leave(t);                                                              \
    } while (0)

/* A realloc in three steps: begin takes the block, the caller makes the real
 * call, end counts. */
struct move_call {
    const struct call_kind *kind;
    const void *caller;
    void *block; /* what is moved; never NULL */
    size_t size; /* what is asked for */
    struct taken_block taken;
    bool known; /* taken holds the block */
    bool arena; /* a block of the early arena: do not make the real call */
};

void call_move_far(struct thread *t, const void *block, const void *result, const struct call_kind *kind,
                   size_t old_size, size_t size);
void call_move_odd(struct thread *t, struct move_call *move);
void call_move_end_odd(struct thread *t, struct move_call *move, void *result, bool freed, uint32_t site);

/* The cold functions get a copy: an object whose address gets out would be kept in
 * memory, and written, on the hot path too. */
HT_INLINE void call_move_begin(struct thread *t, struct move_call *move)
{
    move->known = likely(t != NULL) && thread_take(move->block, &move->taken);
    if (unlikely(!move->known)) {
        struct move_call copy = *move;

        call_move_odd(t, &copy);
        *move = copy;
    }
}

/* freed: the call gave no block because it freed the old one. */
HT_INLINE void call_move_end(struct thread *t, struct move_call *move, void *result, bool freed,
                             uint32_t site)
{
    if (likely(move->known) && likely(t != NULL) && likely(result != NULL)) {
        thread_count_out(t, move->block, &move->taken);
        own_add(&t->slot->reallocs, 1);
        thread_put(t, result, move->size, site);
        if (unlikely(thread_is_high(t)) || unlikely(thread_is_low(t)))
            call_move_far(t, move->block, result, move->kind, move->taken.size, move->size);
    } else {
        struct move_call copy = *move;

        call_move_end_odd(t, &copy, result, freed, site);
    }
    if (likely(t != NULL))
        call_leave(t);
}

/* CALL_SITE for registers that a hook has handed on. */
HT_INLINE uint32_t call_site_of(struct thread *t, const struct chain_registers *from)
{
    return call_site_at(t, (uintptr_t)from->pc, (uintptr_t)from->sp, (uintptr_t)from->fp);
}

/* Warns when `given` is not what was recorded for a live block. */
void call_check_size(const struct call_kind *kind, const void *block, size_t given, const void *caller);

/* A block of which only the outcome was seen (functions of a shared libc). */
void call_record(const void *block, size_t size, const struct call_kind *kind, size_t a, size_t b);

/* --- Provided by the binding (preload.c, wrap.c) ----------------------------- */

/* Is this a block of the binding's own early arena, which no real function may
 * see? How many bytes does it have? */
bool bind_owns(const void *block);
size_t bind_block_size(const void *block);

/* --- Provided by start.c ------------------------------------------------------ */

/* Starts the tracker, once; false while it cannot count. */
bool start_tracker(void);

/* The first call in a fork's child; false if it cannot count. */
bool start_child(void);

#endif /* HT_ENTRY_CALL_H */
