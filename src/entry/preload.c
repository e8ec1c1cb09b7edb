/* SPDX-License-Identifier: MIT
 *
 * preload.c - binding by LD_PRELOAD: the real functions are the next ones in the
 * loader's order (libc's, or another allocator's that is preloaded behind), looked
 * up once, before the first call is counted.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "entry/arena.h"
#include "entry/bind.h"
#include "entry/binding.h"
#include "entry/call.h"
#include "entry/operators.h"
#include "entry/stacks.h"
#include "port/port.h"
#include "sink/log.h"

/* --- Until the real functions are known ------------------------------------- */

static void *early_malloc(size_t size)
{
    void *block = arena_alloc(0, size);

    if (block == NULL)
        errno = ENOMEM;
    return block;
}

static void *early_calloc(size_t count, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(count, size, &bytes) ? NULL
                                                       : early_malloc(bytes); /* static memory is zero */
}

static void *early_realloc(void *block, size_t size)
{
    void *moved = early_malloc(size);
    size_t old_size = block == NULL ? 0 : arena_block_size(block);

    if (moved != NULL && block != NULL)
        __builtin_memcpy(moved, block, old_size < size ? old_size : size);
    return moved;
}

static void *early_reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(count, size, &bytes) ? NULL : early_realloc(block, bytes);
}

static void early_free(void *block)
{
    (void)block;
}

static void *early_aligned_alloc(size_t alignment, size_t size)
{
    return arena_alloc(alignment, size);
}

static int early_posix_memalign(void **out, size_t alignment, size_t size)
{
    *out = arena_alloc(alignment, size);
    return *out == NULL ? ENOMEM : 0;
}

struct real_functions real_functions = {
    .malloc = early_malloc,
    .calloc = early_calloc,
    .realloc = early_realloc,
    .reallocarray = early_reallocarray,
    .free = early_free,
    .aligned_alloc = early_aligned_alloc,
    .memalign = early_aligned_alloc,
    .posix_memalign = early_posix_memalign,
    .valloc = early_malloc,
    .pvalloc = early_malloc,
};

#if PORT_HAS_IFUNC
/* An IFUNC resolver of the program's that allocates runs before the thread's variables have their first values: they are
 * zero, and so is an epoch that was never set, as if nothing were new. The loader calls this one before, as it relocates
 * what was preloaded before what loads it. */
static void nothing(void)
{
}

__attribute__((used)) static void (*set_epoch(void))(void) /* clang does not see that `early` does */
{
    tracker_epoch.epoch = EPOCH_EARLY;
    return nothing;
}

static void early(void) __attribute__((ifunc("set_epoch")));
HT_HIDDEN void (*const volatile preload_early)(void) = early; /* a relocation that asks it */
#endif

/* --- Looking them up ----------------------------------------------------------- */

/* Only what a preload library exports: the malloc calls inside libc's own functions pass the hooks by
 * themselves. */
static const char *const hook_names[] = {
#define NAME_alloc(name) #name,
#define NAME_cxx(name) #name,
#define NAME_libc(name)
#define HOOK(name, family, type, parameters) NAME_##family(name)
#include "entry/hooks.def"
#undef HOOK
#undef NAME_alloc
#undef NAME_cxx
#undef NAME_libc
};

/* dlsym is not asked for what it would not find. */
static void look_up_one(const char *name, const void *there, void **real)
{
    if (there != NULL)
        *real = dlsym(RTLD_NEXT, name);
}

static void look_up(struct real_functions *found)
{
    void *there[HT_ARRAY_LENGTH(hook_names)];
    size_t n = 0;

    port_symbols_behind(hook_names, HT_ARRAY_LENGTH(hook_names), there);
#define NEXT_alloc(name) look_up_one(#name, there[n++], (void **)&found->name);
#define NEXT_cxx(name) NEXT_alloc(name)
#define NEXT_libc(name)
#define HOOK(name, family, type, parameters) NEXT_##family(name)
#include "entry/hooks.def"
#undef HOOK
}

/* Does the program get our hook by this name? */
static bool is_first(const char *name, void *hook)
{
    return dlsym(RTLD_DEFAULT, name) == hook;
}

/* Do malloc, free and all operators that the program, and the C++ library itself, call pass these
 * hooks? Else one of the program's own stands among them, which others may call. */
static bool hooks_are_first;

static void look_who_is_first(void)
{
    bool first = is_first("malloc", (void *)malloc) && is_first("free", (void *)free);

#define FIRST_alloc(name, type, parameters)
#define FIRST_cxx(name, type, parameters) \
    extern type name parameters;          \
    first = first && is_first(#name, (void *)name);
#define FIRST_libc(name, type, parameters)
#define HOOK(name, family, type, parameters) FIRST_##family(name, type, parameters)
#include "entry/hooks.def"
#undef HOOK
    hooks_are_first = first;
}

/* A tracker that is linked in as well leaves the state file to this one. */
HT_EXPORT const char heaptracker_preloaded = 1;

bool binding_start(struct binding *binding)
{
    struct real_functions found = {0};

    look_up(&found);
    if (found.malloc == NULL || found.free == NULL || found.calloc == NULL || found.realloc == NULL)
        return false;
    real_functions = found;
    if (found._Znwm != NULL) /* asked now, since the loader's lock may be waited for later */
        look_who_is_first();
    *binding = (struct binding){.all_calls_seen = true, .file_by_default = true};
    return true;
}

/* --- Operators that come late ---------------------------------------------------- */

/* A program may load its C++ library late, and out of the global scope: each module then has its own real
 * operators. Kept by the module that calls, for as long as no module goes: the number of the entry is that
 * of late_generation then. LATE_BUSY: being filled, by whoever put it there in place of an old one.
 * The number is stored last (release); readers load it first (acquire), and once more after what they read. */
#define LATE_BUSY UINT32_MAX

static struct late_operators {
    uint32_t generation;
    uintptr_t begin, end;
    void *real[OPERATORS_FORMS];
} late_operators[128];

static uint32_t late_generation = 1; /* atomic; grows before a module goes, and after */

/* A real operator may go on by a jump into another one, whose hook then was called from ours: for the module
 * that the thread called from last. Of our own code, from the linker: */
extern const char __ehdr_start[] HT_HIDDEN, etext[] HT_HIDDEN;
static PORT_THREAD_LOCAL uintptr_t operators_caller;

static const char *const operator_names[] = {
#define NAME_alloc(name)
#define NAME_cxx(name) #name,
#define NAME_libc(name)
#define HOOK(name, family, type, parameters) NAME_##family(name)
#include "entry/hooks.def"
#undef HOOK
};

/* Is there an entry? *real: what it says, NULL where there was no such form. */
static bool late_operator_known(uint32_t now, enum operators_form form, uintptr_t caller, void **real)
{
    for (size_t i = 0; i < HT_ARRAY_LENGTH(late_operators); i++) {
        const struct late_operators *entry = &late_operators[i];

        if (load_acquire(&entry->generation) != now)
            continue;
        if (caller >= load_relaxed(&entry->begin) && caller < load_relaxed(&entry->end)) {
            *real = load_acquire(&entry->real[form]);
            if (load_relaxed(&entry->generation) == now)
                return true;
        }
    }
    return false;
}

/* As they were found in this generation. Where there is no room for another module, they are looked up each time. */
static void keep_late_operators(uint32_t now, uintptr_t caller, void *const *real)
{
    struct port_module module;

    if (!port_find_module(caller, &module))
        return;
    for (size_t i = 0; i < HT_ARRAY_LENGTH(late_operators); i++) {
        struct late_operators *entry = &late_operators[i];
        const uint32_t old = load_relaxed(&entry->generation);

        if (old == now || old == LATE_BUSY || !replace_acq_rel(&entry->generation, old, LATE_BUSY))
            continue;
        store_relaxed(&entry->begin, module.begin);
        store_relaxed(&entry->end, module.end);
        for (unsigned form = 0; form < OPERATORS_FORMS; form++)
            store_release(&entry->real[form], real[form]);
        store_release(&entry->generation, now); /* not for long, if a module has gone meanwhile */
        return;
    }
}

void *bind_operator(enum operators_form form, const void *caller)
{
    const uint32_t now = load_acquire(&late_generation);
    void *real = NULL;
    bool known;

    if (caller < (const void *)__ehdr_start || caller >= (const void *)etext)
        operators_caller = (uintptr_t)caller;
    known = late_operator_known(now, form, operators_caller, &real);
    if (real == NULL) { /* not kept, or of a library that has come since */
        void *found[OPERATORS_FORMS];

        port_symbols_for((const void *)operators_caller, operator_names, OPERATORS_FORMS, found);
        if (!known)
            keep_late_operators(now, operators_caller, found);
        real = found[form];
    }
    if (real == NULL) {
        char text[LOG_LINE_BYTES];
        struct line line;

        line_init(&line, text, sizeof text);
        line_add(&line, "heaptracker: no C++ library has ");
        line_add(&line, operator_names[form]);
        line_add(&line, "; run the program without the preload library");
        log_line(text);
        abort();
    }
    return real;
}

/* --- Modules that come ---------------------------------------------------------- */

#if defined(RTLD_DEEPBIND) && (defined(__clang__) || HT_TAIL_CALLS)

static void *(*real_dlopen)(const char *file, int mode);

/* Looks only whether the library will find libc's malloc before ours. The loader asks who calls (for its RUNPATH, and its
 * namespace): so a jump. */
HT_EXPORT void *dlopen(const char *file, int mode)
{
    if (unlikely(mode & RTLD_DEEPBIND) && (mode & RTLD_NOLOAD) == 0)
        failing_unseen_library();
    if (unlikely(real_dlopen == NULL))
        *(void **)&real_dlopen = dlsym(RTLD_NEXT, "dlopen");
    CALL_JUMP real_dlopen(file, mode);
}

#endif

/* --- Modules that go ------------------------------------------------------------ */

static int (*real_dlclose)(void *handle);

/* Before the same thread can load other code at the same place. (A dlclose of
 * libc's own passes by.) */
HT_EXPORT int dlclose(void *handle)
{
    int result;

    if (real_dlclose == NULL)
        *(void **)&real_dlclose = dlsym(RTLD_NEXT, "dlclose");
    (void)add_acq_rel(&late_generation, 1u);
    result = real_dlclose(handle);
    (void)add_acq_rel(&late_generation, 1u);
    stacks_code_changed();
    return result;
}

bool bind_owns(const void *block)
{
    return arena_owns(block);
}

size_t bind_block_size(const void *block)
{
    return arena_block_size(block);
}

/* Are all real operators that there are of this module? */
static bool has_all_operators(const struct port_module *module)
{
    bool all = true;

#define OF_alloc(name)
#define OF_cxx(name)                                                                                 \
    all = all && (real_functions.name == NULL || ((uintptr_t)real_functions.name >= module->begin && \
                                                  (uintptr_t)real_functions.name < module->end));
#define OF_libc(name)
#define HOOK(name, family, type, parameters) OF_##family(name)
#include "entry/hooks.def"
#undef HOOK
    return all;
}

/* Those of the usual C++ libraries call malloc and free, and do nothing else. */
enum operators_kind bind_operators_kind(const void *real)
{
    static const char *const libraries[] = {"/libstdc++.so", "/libc++.so", "/libc++abi.so"};
    struct port_module module;

    if (!port_find_module((uintptr_t)real, &module))
        return OPERATORS_UNKNOWN;
    for (size_t i = 0; i < HT_ARRAY_LENGTH(libraries); i++) {
        if (strstr(module.path, libraries[i]) != NULL)
            return hooks_are_first && has_all_operators(&module) ? OPERATORS_DIRECT
                                                                 : OPERATORS_COUNTED_INSIDE;
    }
    return OPERATORS_UNKNOWN;
}
