/* SPDX-License-Identifier: MIT
 *
 * hooks_alloc.c - the allocation functions. Each is the real function with
 * counting around it: results, errno and the order of events are the program's.
 */
#include <errno.h>

#include "entry/bind.h"
#include "entry/call.h"

#if HT_BINDS(realloc) || HT_BINDS(reallocarray)
#include "entry/move.h"
#endif

/* What is asked for; an overflow is more than there can be. */
HT_INLINE size_t product(size_t count, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes;
}

#if HT_BINDS(malloc)
/* In two halves, since counting alone takes few registers, and is not to pay for
 * those that stacks take. Under the preloaded library a linked-in one's functions are
 * in the stacks: the tool knows these names, and leaves them out (tool/model/names.c). */
static CALL_HALF void *hook_site_malloc(size_t size)
{
    static const struct call_kind kind = KIND_GET("malloc", 1);
    bool watched;
    struct thread *t = call_enter_to_get(CALL_STACK, &watched);
    void *block = CALL_ADMITTED(t, watched, size) ? REAL(malloc)(size) : NULL;

    call_got(t, block, size, CALL_SITE(t), &kind, size, 0);
    return block;
}

static CALL_HALF void *hook_count_malloc(size_t size)
{
    struct thread *t = call_enter_usual(CALL_STACK);
    void *block;

    if (unlikely(t == NULL))
        CALL_JUMP hook_site_malloc(size);
    block = REAL(malloc)(size);
    if (unlikely(block == NULL) || unlikely(!thread_put_usual(t, block, size, STATE_STACK_NONE, NULL)))
        return call_got_plain(t, block, size);
    call_leave(t);
    return block;
}

HT_EXPORT void *HOOKED(malloc)(size_t size)
{
    if (unlikely(call_is_plain()))
        CALL_JUMP hook_count_malloc(size);
    CALL_JUMP hook_site_malloc(size);
}
#endif

#if HT_BINDS(calloc)
HT_EXPORT void *HOOKED(calloc)(size_t count, size_t size)
{
    static const struct call_kind kind = KIND_GET("calloc", 2);
    bool watched;
    struct thread *t = call_enter_to_get(CALL_STACK, &watched);
    void *block = CALL_ADMITTED(t, watched, product(count, size)) ? REAL(calloc)(count, size) : NULL;

    call_got(t, block, product(count, size), CALL_SITE(t), &kind, count, size);
    return block;
}
#endif

#if HT_BINDS(aligned_alloc)
HT_EXPORT void *HOOKED(aligned_alloc)(size_t alignment, size_t size)
{
    static const struct call_kind kind = KIND_GET("aligned_alloc", 2);
    bool watched;
    struct thread *t = call_enter_to_get(CALL_STACK, &watched);
    void *block = CALL_ADMITTED(t, watched, size) ? REAL(aligned_alloc)(alignment, size) : NULL;

    call_got(t, block, size, CALL_SITE(t), &kind, alignment, size);
    return block;
}
#endif

#if HT_BINDS(memalign)
HT_EXPORT void *HOOKED(memalign)(size_t alignment, size_t size)
{
    static const struct call_kind kind = KIND_GET("memalign", 2);
    bool watched;
    struct thread *t = call_enter_to_get(CALL_STACK, &watched);
    void *block = CALL_ADMITTED(t, watched, size) ? REAL(memalign)(alignment, size) : NULL;

    call_got(t, block, size, CALL_SITE(t), &kind, alignment, size);
    return block;
}
#endif

#if HT_BINDS(posix_memalign)
HT_EXPORT int HOOKED(posix_memalign)(void **out, size_t alignment, size_t size)
{
    static const struct call_kind kind = KIND_GET("posix_memalign", 2);
    bool watched;
    struct thread *t = call_enter_to_get(CALL_STACK, &watched);
    int result = CALL_ADMITTED(t, watched, size) ? REAL(posix_memalign)(out, alignment, size) : ENOMEM;
    void *block = result == 0 ? *out : NULL;

    call_got(t, block, size, CALL_SITE(t), &kind, alignment, size);
    return result;
}
#endif

#if HT_BINDS(valloc)
HT_EXPORT void *HOOKED(valloc)(size_t size)
{
    static const struct call_kind kind = KIND_GET("valloc", 1);
    bool watched;
    struct thread *t = call_enter_to_get(CALL_STACK, &watched);
    void *block = CALL_ADMITTED(t, watched, size) ? REAL(valloc)(size) : NULL;

    call_got(t, block, size, CALL_SITE(t), &kind, size, 0);
    return block;
}
#endif

#if HT_BINDS(pvalloc)
HT_EXPORT void *HOOKED(pvalloc)(size_t size)
{
    static const struct call_kind kind = KIND_GET("pvalloc", 1);
    bool watched;
    struct thread *t = call_enter_to_get(CALL_STACK, &watched);
    void *block = CALL_ADMITTED(t, watched, size) ? REAL(pvalloc)(size) : NULL;

    call_got(t, block, size, CALL_SITE(t), &kind, size, 0);
    return block;
}
#endif

#if HT_BINDS(free)
HT_EXPORT void HOOKED(free)(void *block)
{
    static const struct call_kind kind = KIND_FREE("free");

    if (likely(block != NULL))
        CALL_FREE(block, &kind);
}
#endif

/* C23 (N3096 7.24.3.4 and 7.24.3.5): both are free() with what the caller knows.
 * Called as free, so that they work with a libc that does not have them yet. */
#if HT_BINDS(free_sized) || HT_BINDS(free_aligned_sized)
HT_INLINE void free_with_size(void *block, const struct call_kind *kind, size_t size)
{
    struct thread *t;

    if (block == NULL)
        return;
    t = call_enter(CALL_STACK);
    if (likely(call_free_begin(t, block, kind, CALL_CALLER, size)))
        REAL(free)(block);
    call_free_end(t);
}
#endif

#if HT_BINDS(free_sized)
HT_EXPORT void HOOKED(free_sized)(void *block, size_t size)
{
    static const struct call_kind kind = KIND_FREE("free_sized");

    free_with_size(block, &kind, size);
}
#endif

#if HT_BINDS(free_aligned_sized)
HT_EXPORT void HOOKED(free_aligned_sized)(void *block, size_t alignment, size_t size)
{
    static const struct call_kind kind = KIND_FREE("free_aligned_sized");

    (void)alignment;
    free_with_size(block, &kind, size);
}
#endif

#if HT_BINDS(realloc)
HT_EXPORT void *HOOKED(realloc)(void *block, size_t size)
{
    static const struct call_kind kind = KIND_MOVE("realloc");
    struct move_call move = {.kind = &kind, .caller = CALL_CALLER, .block = block, .size = size};

    if (unlikely(block == NULL)) {
        bool watched;
        struct thread *t = call_enter_to_get(CALL_STACK, &watched);
        void *result = CALL_ADMITTED(t, watched, size) ? REAL(realloc)(NULL, size) : NULL;

        call_got(t, result, size, CALL_SITE(t), &kind, 0, size);
        return result;
    }
    return moving_realloc(&move, CALL_STACK);
}
#endif

#if HT_BINDS(reallocarray)
/* glibc's reallocarray is a check in front of its realloc, which is the real one
 * to call for a product that fits; one that does not is left to it. */
HT_EXPORT void *HOOKED(reallocarray)(void *block, size_t count, size_t size)
{
    static const struct call_kind kind = KIND_MOVE("reallocarray");
    struct move_call move = {.kind = &kind, .caller = CALL_CALLER, .block = block};
    struct thread *t;
    bool watched;
    void *result;

    if (likely(block != NULL) && likely(!__builtin_mul_overflow(count, size, &move.size)))
        return moving_realloc(&move, CALL_STACK);
    t = call_enter_to_get(CALL_STACK, &watched);
    result = block != NULL || CALL_ADMITTED(t, watched, product(count, size))
                 ? REAL(reallocarray)(block, count, size)
                 : NULL;
    call_got(t, result, product(count, size), CALL_SITE(t), &kind, 0, product(count, size));
    return result;
}
#endif

#if HT_BINDS(malloc_usable_size)
HT_EXPORT size_t HOOKED(malloc_usable_size)(void *block)
{
    return unlikely(bind_owns(block)) ? bind_block_size(block) : REAL(malloc_usable_size)(block);
}
#endif
