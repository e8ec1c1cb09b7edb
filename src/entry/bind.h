/* SPDX-License-Identifier: MIT
 *
 * bind.h - the two ways of binding one body per hook.
 *
 *   HT_WRAP      the linker sends the program's calls of NAME to __wrap_NAME, and
 *                our calls of __real_NAME to NAME
 *   HT_PRELOAD   the body is NAME itself, and the real one is in a table that
 *                preload.c fills
 *
 * A family file compiles the bodies for which HT_BINDS(NAME) holds: all of them
 * for the preload library, one per object for the archive, so that a program is
 * linked with just those that it wraps.
 */
#ifndef HT_ENTRY_BIND_H
#define HT_ENTRY_BIND_H

#include <dirent.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include <wchar.h>

#include "base/base.h"

/* Some libcs make this one a macro for scandir; here it is a symbol of its own. */
#undef scandir64

#if HT_WRAP

#define HOOK(name, family, type, parameters) \
    type __wrap_##name parameters;           \
    type __real_##name parameters;
#include "entry/hooks.def"
#undef HOOK

#define HOOKED(name) __wrap_##name
#define REAL(name) __real_##name

#elif HT_PRELOAD

struct real_functions {
#define HOOK(name, family, type, parameters) type(*name) parameters;
#include "entry/hooks.def"
#undef HOOK
};

/* Before start has looked the real ones up, these are the arena's (preload.c). */
extern HT_HIDDEN struct real_functions real_functions;

#define HOOKED(name) name
#define REAL(name) real_functions.name

#else
#error "compile with HT_WRAP=1 or HT_PRELOAD=1"
#endif

#ifndef HT_BIND_ALL
#define HT_BIND_ALL 0
#endif
#define HT_BINDS(name) (HT_BIND_ALL || HT_BIND_##name)

#endif /* HT_ENTRY_BIND_H */
