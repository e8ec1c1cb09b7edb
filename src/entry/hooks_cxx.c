/* SPDX-License-Identifier: MIT
 *
 * hooks_cxx.c - operator new and delete.
 *
 * The real operators are of two kinds. Those of libstdc++ and libc++ call malloc
 * and free: where those calls pass a hook (preload; a static libstdc++ under
 * --wrap), the block is counted there and nothing is left to do here. Those of
 * jemalloc, tcmalloc and mimalloc, or of a shared libstdc++ under --wrap, do not
 * show their malloc to a hook, and are counted here. Which kind it is, is learned
 * from the first successful `new` of the process, and from the first aligned one.
 *
 * Where libstdc++'s or libc++'s are known to pass on to our malloc and free, and to
 * do nothing else, the plain forms do so themselves: a pair costs three calls less, and
 * stacks begin with the program. So do the aligned ones of `new`, whose real operators ask for
 * more than they were asked for.
 */
#include "entry/bind.h"
#include "entry/call.h"

#include "entry/operators.h"

#if HT_PRELOAD
__asm__(PORT_CLEANUP_WEAK);

/* A program may load its C++ library late, and out of the global scope: the real
 * operator is then the one that the caller would have got without us. */
#define REAL_FOR(name, caller)           \
    (likely(real_functions.name != NULL) \
         ? real_functions.name           \
         : (__typeof__(real_functions.name))bind_operator(OPERATORS_FORM_##name, (caller)))
#else
#define REAL_FOR(name, caller) REAL(name)
#endif

/* Where the operator was called from, for the functions below the hook. */
#define HERE (&(struct chain_registers){(uintptr_t)CALL_CALLER, CALL_STACK, CALL_FRAME_POINTER})
#define PC_OF(from) ((const void *)(uintptr_t)(from)->pc)

/* The first new of a process, and all of them where no hook inside counts. */
#define OPERATOR_NEW(name, class, size, arguments, direct, ...)                                            \
    static __attribute__((noinline)) void *here_##name(const struct chain_registers *from, __VA_ARGS__)    \
    {                                                                                                      \
        if (operators_kind(class) == OPERATORS_UNKNOWN) {                                                  \
            uint64_t before = operators_calls_now();                                                       \
            void *first = REAL_FOR(name, PC_OF(from)) arguments;                                           \
            if (first != NULL)                                                                             \
                operators_learn(class, first, (size), before, from);                                       \
            return first;                                                                                  \
        }                                                                                                  \
        size_t asked = (size);                                                                             \
        bool watched;                                                                                      \
        PORT_CLEANUP(operators_cut)                                                                        \
        struct guarded_call call = {call_enter_to_get((uintptr_t)from->sp, &watched), false, asked, from}; \
        if (unlikely(watched) && !failing_admits(call.t, 0, asked, call_site_of(call.t, from)))            \
            (size) = OPERATORS_TOO_MUCH;                                                                   \
        void *block = REAL_FOR(name, PC_OF(from)) arguments;                                               \
        call.returned = true;                                                                              \
        call_got(call.t, block, asked, call_site_of(call.t, from), &operators_new, asked, 0);              \
        return block;                                                                                      \
    }                                                                                                      \
    /* A jump into the real operator, and no frame of ours: it is not in the stacks. */                    \
    static CALL_HALF void *other_##name(__VA_ARGS__)                                                       \
    {                                                                                                      \
        if (unlikely(operators_kind(class) == OPERATORS_UNKNOWN))                                          \
            operators_guess(class, (const void *)(uintptr_t)REAL_FOR(name, CALL_CALLER));                  \
        direct;                                                                                            \
        if (likely(operators_kind(class) != OPERATORS_UNKNOWN &&                                           \
                   operators_kind(class) != OPERATORS_COUNTED_HERE))                                       \
            return REAL_FOR(name, CALL_CALLER) arguments;                                                  \
        return here_##name(HERE, OPERATOR_ARGUMENTS arguments);                                            \
    }                                                                                                      \
    HT_EXPORT void *HOOKED(name)(__VA_ARGS__)                                                              \
    {                                                                                                      \
        direct;                                                                                            \
        CALL_JUMP other_##name arguments;                                                                  \
    }

#define OPERATOR_ARGUMENTS(...) __VA_ARGS__

#define OPERATOR_DELETE(name, size, arguments, direct, ...)                                            \
    static __attribute__((noinline)) void here_##name(const struct chain_registers *from, __VA_ARGS__) \
    {                                                                                                  \
        struct thread *t = call_enter((uintptr_t)from->sp);                                            \
        if (likely(call_free_begin(t, block, &operators_delete, PC_OF(from), (size))))                 \
            REAL_FOR(name, PC_OF(from)) arguments;                                                     \
        call_free_end(t);                                                                              \
    }                                                                                                  \
    static CALL_HALF void other_##name(__VA_ARGS__)                                                    \
    {                                                                                                  \
        if (likely(!operators_are_strange())) {                                                        \
            REAL_FOR(name, CALL_CALLER) arguments;                                                     \
            return;                                                                                    \
        }                                                                                              \
        here_##name(HERE, OPERATOR_ARGUMENTS arguments);                                               \
    }                                                                                                  \
    HT_EXPORT void HOOKED(name)(__VA_ARGS__)                                                           \
    {                                                                                                  \
        if (unlikely(block == NULL))                                                                   \
            return;                                                                                    \
        direct;                                                                                        \
        CALL_JUMP_VOID other_##name arguments;                                                         \
    }

/* --- Past the operators --------------------------------------------------------- */

#if HT_PRELOAD

/* What fails, or may have to, is the operator's: it asks the handler, and throws. As the operator does, malloc is
 * asked for one byte where none is wanted; what was wanted counts. In two halves as malloc is (hooks_alloc.c). */
#define DIRECT_NEW(name)                                                                         \
    static CALL_HALF void *direct_site_##name(size_t size)                                       \
    {                                                                                            \
        bool watched;                                                                            \
        struct thread *t = call_enter_to_get(CALL_STACK, &watched);                              \
        void *block = likely(t != NULL) && likely(!watched) ? REAL(malloc)(size + !size) : NULL; \
        if (unlikely(block == NULL)) {                                                           \
            call_free_end(t);                                                                    \
            return REAL_FOR(name, CALL_CALLER)(size);                                            \
        }                                                                                        \
        call_got(t, block, size, CALL_SITE(t), &operators_new, size, 0);                         \
        return block;                                                                            \
    }                                                                                            \
    static CALL_HALF void *direct_count_##name(size_t size)                                      \
    {                                                                                            \
        struct thread *t = call_enter_usual(CALL_STACK);                                         \
        void *block;                                                                             \
        if (unlikely(t == NULL))                                                                 \
            CALL_JUMP direct_site_##name(size);                                                  \
        block = REAL(malloc)(size + !size);                                                      \
        if (unlikely(block == NULL)) {                                                           \
            call_leave(t);                                                                       \
            return REAL_FOR(name, CALL_CALLER)(size);                                            \
        }                                                                                        \
        call_got(t, block, size, STATE_STACK_NONE, &operators_new, size, 0);                     \
        return block;                                                                            \
    }

#define NEW_DIRECTLY(name)                                             \
    if (likely(operators_kind(OPERATORS_PLAIN) == OPERATORS_DIRECT)) { \
        if (unlikely(call_is_plain()))                                 \
            CALL_JUMP direct_count_##name(size);                       \
        CALL_JUMP direct_site_##name(size);                            \
    }

/* The size is rounded up as the operator does it, to a multiple of the alignment (C11 7.22.3.1); an alignment that is
 * none is the operator's to refuse. */
#define DIRECT_NEW_ALIGNED(name, arguments, ...)                                                            \
    static CALL_HALF void *direct_##name(__VA_ARGS__)                                                       \
    {                                                                                                       \
        const size_t wide = alignment < sizeof(void *) ? sizeof(void *) : alignment;                        \
        const bool usual = alignment != 0 && (alignment & (alignment - 1)) == 0 && size <= SIZE_MAX - wide; \
        bool watched;                                                                                       \
        struct thread *t = call_enter_to_get(CALL_STACK, &watched);                                         \
        void *block = likely(t != NULL) && likely(!watched) && likely(usual)                                \
                          ? REAL(aligned_alloc)(wide, (size + !size + wide - 1) & ~(wide - 1))              \
                          : NULL;                                                                           \
        if (unlikely(block == NULL)) {                                                                      \
            call_free_end(t);                                                                               \
            return REAL_FOR(name, CALL_CALLER) arguments;                                                   \
        }                                                                                                   \
        call_got(t, block, size, CALL_SITE(t), &operators_new, size, 0);                                    \
        return block;                                                                                       \
    }

#define NEW_ALIGNED_DIRECTLY(name, arguments)                            \
    if (likely(operators_kind(OPERATORS_ALIGNED) == OPERATORS_DIRECT)) { \
        CALL_JUMP direct_##name arguments;                               \
    }

#define DELETE_DIRECTLY                                                \
    if (likely(operators_kind(OPERATORS_PLAIN) == OPERATORS_DIRECT)) { \
        CALL_FREE(block, &operators_delete);                           \
        return;                                                        \
    }

#else
#define DIRECT_NEW(name)
#define DIRECT_NEW_ALIGNED(name, arguments, ...)
#define NEW_DIRECTLY(name)
#define NEW_ALIGNED_DIRECTLY(name, arguments)
#define DELETE_DIRECTLY
#endif

/* --- The forms ------------------------------------------------------------------ */

#define NEW_PLAIN(name) \
    DIRECT_NEW(name)    \
    OPERATOR_NEW(name, OPERATORS_PLAIN, size, (size), NEW_DIRECTLY(name), size_t size)
#define NEW_NOTHROW(name) \
    OPERATOR_NEW(name, OPERATORS_PLAIN, size, (size, nothrow), , size_t size, const void *nothrow)
#define NEW_OF_ALIGNED(name, arguments, ...)         \
    DIRECT_NEW_ALIGNED(name, arguments, __VA_ARGS__) \
    OPERATOR_NEW(name, OPERATORS_ALIGNED, size, arguments, NEW_ALIGNED_DIRECTLY(name, arguments), __VA_ARGS__)
#define NEW_ALIGNED(name) NEW_OF_ALIGNED(name, (size, alignment), size_t size, size_t alignment)
#define NEW_ALIGNED_NOTHROW(name) \
    NEW_OF_ALIGNED(name, (size, alignment, nothrow), size_t size, size_t alignment, const void *nothrow)
#define DELETE_PLAIN(name) OPERATOR_DELETE(name, CALL_NO_SIZE, (block), DELETE_DIRECTLY, void *block)
#define DELETE_SIZED(name) \
    OPERATOR_DELETE(name, size, (block, size), DELETE_DIRECTLY, void *block, size_t size)
#define DELETE_NOTHROW(name) \
    OPERATOR_DELETE(name, CALL_NO_SIZE, (block, nothrow), , void *block, const void *nothrow)
#define DELETE_ALIGNED(name) \
    OPERATOR_DELETE(name, CALL_NO_SIZE, (block, alignment), , void *block, size_t alignment)
#define DELETE_SIZED_ALIGNED(name) \
    OPERATOR_DELETE(name, size, (block, size, alignment), , void *block, size_t size, size_t alignment)
#define DELETE_ALIGNED_NOTHROW(name)                                                                  \
    OPERATOR_DELETE(name, CALL_NO_SIZE, (block, alignment, nothrow), , void *block, size_t alignment, \
                    const void *nothrow)

#if HT_BINDS(_Znwm)
NEW_PLAIN(_Znwm)
#endif
#if HT_BINDS(_Znam)
NEW_PLAIN(_Znam)
#endif
#if HT_BINDS(_ZnwmRKSt9nothrow_t)
NEW_NOTHROW(_ZnwmRKSt9nothrow_t)
#endif
#if HT_BINDS(_ZnamRKSt9nothrow_t)
NEW_NOTHROW(_ZnamRKSt9nothrow_t)
#endif
#if HT_BINDS(_ZnwmSt11align_val_t)
NEW_ALIGNED(_ZnwmSt11align_val_t)
#endif
#if HT_BINDS(_ZnamSt11align_val_t)
NEW_ALIGNED(_ZnamSt11align_val_t)
#endif
#if HT_BINDS(_ZnwmSt11align_val_tRKSt9nothrow_t)
NEW_ALIGNED_NOTHROW(_ZnwmSt11align_val_tRKSt9nothrow_t)
#endif
#if HT_BINDS(_ZnamSt11align_val_tRKSt9nothrow_t)
NEW_ALIGNED_NOTHROW(_ZnamSt11align_val_tRKSt9nothrow_t)
#endif
#if HT_BINDS(_ZdlPv)
DELETE_PLAIN(_ZdlPv)
#endif
#if HT_BINDS(_ZdaPv)
DELETE_PLAIN(_ZdaPv)
#endif
#if HT_BINDS(_ZdlPvm)
DELETE_SIZED(_ZdlPvm)
#endif
#if HT_BINDS(_ZdaPvm)
DELETE_SIZED(_ZdaPvm)
#endif
#if HT_BINDS(_ZdlPvRKSt9nothrow_t)
DELETE_NOTHROW(_ZdlPvRKSt9nothrow_t)
#endif
#if HT_BINDS(_ZdaPvRKSt9nothrow_t)
DELETE_NOTHROW(_ZdaPvRKSt9nothrow_t)
#endif
#if HT_BINDS(_ZdlPvSt11align_val_t)
DELETE_ALIGNED(_ZdlPvSt11align_val_t)
#endif
#if HT_BINDS(_ZdaPvSt11align_val_t)
DELETE_ALIGNED(_ZdaPvSt11align_val_t)
#endif
#if HT_BINDS(_ZdlPvmSt11align_val_t)
DELETE_SIZED_ALIGNED(_ZdlPvmSt11align_val_t)
#endif
#if HT_BINDS(_ZdaPvmSt11align_val_t)
DELETE_SIZED_ALIGNED(_ZdaPvmSt11align_val_t)
#endif
#if HT_BINDS(_ZdlPvSt11align_val_tRKSt9nothrow_t)
DELETE_ALIGNED_NOTHROW(_ZdlPvSt11align_val_tRKSt9nothrow_t)
#endif
#if HT_BINDS(_ZdaPvSt11align_val_tRKSt9nothrow_t)
DELETE_ALIGNED_NOTHROW(_ZdaPvSt11align_val_tRKSt9nothrow_t)
#endif
