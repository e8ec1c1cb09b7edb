/* SPDX-License-Identifier: MIT
 *
 * hooks_cxx.c - operator new and delete.
 *
 * The real operators are of two kinds. Those of libstdc++ and libc++ call malloc
 * and free: where those calls pass a hook (preload; a static libstdc++ under
 * --wrap), the block is counted there and nothing is left to do here. Those of
 * jemalloc, tcmalloc and mimalloc, or of a shared libstdc++ under --wrap, do not
 * show their malloc to a hook, and are counted here. Which kind it is, is learned
 * from the first successful `new` of the process.
 */
#include "entry/bind.h"
#include "entry/call.h"

#include "entry/operators.h"

#if HT_PRELOAD
/* What the cleanup handler needs comes with the C++ library of the program whose
 * exception it handles; a C program has neither, and is not made to have it. */
__asm__(".weak _Unwind_Resume\n.weak __gcc_personality_v0");

/* A program may load its C++ library late, and out of the global scope: the real
 * operator is then the one that the caller would have got without us. */
#undef REAL
#define REAL(name)                                                                         \
    (likely(real_functions.name != NULL) ? real_functions.name                             \
                                         : (__typeof__(real_functions.name))bind_operator( \
                                               (void **)&real_functions.name, #name, CALL_CALLER))
#endif

/* The body of every form of new; `real` is the call of the real one. */
#define OPERATOR_NEW(size, real)                                                                        \
    do {                                                                                                \
        if (likely(operators_kind() == OPERATORS_COUNTED_INSIDE))                                       \
            return real;                                                                                \
        if (operators_kind() == OPERATORS_UNKNOWN) {                                                    \
            uint64_t before = operators_calls_now();                                                    \
            void *first = real;                                                                         \
            if (first != NULL)                                                                          \
                operators_learn(first, (size), before);                                                 \
            return first;                                                                               \
        }                                                                                               \
        {                                                                                               \
            __attribute__((cleanup(operators_cut))) struct guarded_call call = {call_enter(CALL_STACK), \
                                                                                false, (size)};         \
            void *block = real;                                                                         \
            call.returned = true;                                                                       \
            call_got(call.t, block, (size), CALL_SITE(call.t), &operators_new, (size), 0);                                 \
            return block;                                                                               \
        }                                                                                               \
    } while (0)

#define OPERATOR_DELETE(block, size, real)                                               \
    do {                                                                                 \
        struct thread *t;                                                                \
        if (unlikely((block) == NULL))                                                   \
            return;                                                                      \
        if (likely(operators_kind() != OPERATORS_COUNTED_HERE)) {                        \
            real;                                                                        \
            return;                                                                      \
        }                                                                                \
        t = call_enter(CALL_STACK);                                                      \
        if (likely(call_free_begin(t, (block), &operators_delete, CALL_CALLER, (size)))) \
            real;                                                                        \
        call_free_end(t);                                                                \
    } while (0)

#define NEW_PLAIN(name)                       \
    HT_EXPORT void *HOOKED(name)(size_t size) \
    {                                         \
        OPERATOR_NEW(size, REAL(name)(size)); \
    }
#define NEW_NOTHROW(name)                                          \
    HT_EXPORT void *HOOKED(name)(size_t size, const void *nothrow) \
    {                                                              \
        OPERATOR_NEW(size, REAL(name)(size, nothrow));             \
    }
#define NEW_ALIGNED(name)                                       \
    HT_EXPORT void *HOOKED(name)(size_t size, size_t alignment) \
    {                                                           \
        OPERATOR_NEW(size, REAL(name)(size, alignment));        \
    }
#define NEW_ALIGNED_NOTHROW(name)                                                    \
    HT_EXPORT void *HOOKED(name)(size_t size, size_t alignment, const void *nothrow) \
    {                                                                                \
        OPERATOR_NEW(size, REAL(name)(size, alignment, nothrow));                    \
    }
#define DELETE_PLAIN(name)                                       \
    HT_EXPORT void HOOKED(name)(void *block)                     \
    {                                                            \
        OPERATOR_DELETE(block, CALL_NO_SIZE, REAL(name)(block)); \
    }
#define DELETE_SIZED(name)                                     \
    HT_EXPORT void HOOKED(name)(void *block, size_t size)      \
    {                                                          \
        OPERATOR_DELETE(block, size, REAL(name)(block, size)); \
    }
#define DELETE_NOTHROW(name)                                              \
    HT_EXPORT void HOOKED(name)(void *block, const void *nothrow)         \
    {                                                                     \
        OPERATOR_DELETE(block, CALL_NO_SIZE, REAL(name)(block, nothrow)); \
    }
#define DELETE_ALIGNED(name)                                                \
    HT_EXPORT void HOOKED(name)(void *block, size_t alignment)              \
    {                                                                       \
        OPERATOR_DELETE(block, CALL_NO_SIZE, REAL(name)(block, alignment)); \
    }
#define DELETE_SIZED_ALIGNED(name)                                          \
    HT_EXPORT void HOOKED(name)(void *block, size_t size, size_t alignment) \
    {                                                                       \
        OPERATOR_DELETE(block, size, REAL(name)(block, size, alignment));   \
    }
#define DELETE_ALIGNED_NOTHROW(name)                                                 \
    HT_EXPORT void HOOKED(name)(void *block, size_t alignment, const void *nothrow)  \
    {                                                                                \
        OPERATOR_DELETE(block, CALL_NO_SIZE, REAL(name)(block, alignment, nothrow)); \
    }

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
