/* SPDX-License-Identifier: MIT
 *
 * by_design.c - decides by the innermost frames: as long as they are libc's or the
 * loader's, one of the functions below says what the block is for.
 */
#include "model/by_design.h"

#include <string.h>

#include "base/base.h"
#include "model/loader.h"
#include "util.h"

/* By the begin of their files' names. */
static const char *const libcs[] = {"libc.so",      "libc-2",   "libpthread.so",
                                    "libpthread-2", "libdl.so", "libdl-2"};
static const char *const runtimes[] = {"libstdc++.so", "libgcc_s", "libc++"};

/* glibc's own functions; reserved names, so they may lie in a static program too.
 * Seen in the sources of glibc 2.36. */
static const char *const internals[] = {
    "_IO_file_doallocate",
    "_IO_wfile_doallocate",
    "_IO_doallocbuf",
    "_IO_wdoallocbuf",
    "_dl_allocate_tls",
    "__tls_get_addr",
    "_dlerror_run",
    "__new_exitfn",
    "__cxa_atexit",
    "__cxa_thread_atexit",
    "__gconv_load",
    "__gconv_find",
    "__wcsmbs_load",
    "_nl_load",
    "_nl_intern_locale",
    "_nl_find_domain",
    "_nl_find_locale",
    "__tzfile_read",
    "__tzstring",
    "tzset_internal",
    "__nss_",
    "__res_",
    "__libc_dlopen",
    "_dl_new_object",
    "_dl_map_object",
};

/* What a program calls, and what libc then keeps for itself. In libc only. */
static const char *const calls[] = {
    "setlocale", "bindtextdomain", "textdomain",     "gettext",
    "dcgettext", "tzset",          "localtime",      "localtime_r",
    "mktime",    "strftime",       "atexit",         "on_exit",
    "dlerror",   "at_quick_exit",  "pthread_create", "__pthread_create_2_1",
    "openlog",   "syslog",         "_IO_fwide",      "fwide",
};

/* musl's is its libc too, so it is none. */
static bool is_loader(const char *module)
{
    return loader_of(module) == LOADER_GLIBC || strncmp(module, "[vdso]", 6) == 0;
}

#define BEGINS_WITH(text, list) begins_with((text), (list), HT_ARRAY_LENGTH(list))
#define IS_LIBRARY(module, list) is_library_file((module), (list), HT_ARRAY_LENGTH(list))

static bool is_call(const char *function)
{
    for (size_t i = 0; i < HT_ARRAY_LENGTH(calls); i++)
        if (strcmp(function, calls[i]) == 0)
            return true;
    return false;
}

/* Nothing but libraries, and the loader outside them all: a library's own start, before
 * the program's. Rules out a stack that could not be followed to its end. */
static bool is_start_of_library(struct symbols *symbols, const uint64_t *frames, size_t depth)
{
    const char *module = "";

    for (size_t i = 0; i < depth; i++) {
        size_t count;

        module = path_base(symbols_places(symbols, frames[i], &count)->module);
        if (!is_loader(module) && !IS_LIBRARY(module, libcs) && !IS_LIBRARY(module, runtimes))
            return false;
    }
    return is_loader(module);
}

bool site_by_design(const struct profile *profile, struct symbols *symbols, const struct site *site)
{
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;
    size_t depth = profile_stack(profile, site, frames, STACK_FRAMES_MAX, &end);

    for (size_t i = 0; i < depth; i++) {
        size_t count;
        const struct place *places = symbols_places(symbols, frames[i], &count);
        const char *module = path_base(places->module);
        bool in_libc = IS_LIBRARY(module, libcs);

        if (is_loader(module))
            return true;
        for (size_t p = 0; p < count; p++)
            if (places[p].named &&
                (BEGINS_WITH(places[p].function, internals) || (in_libc && is_call(places[p].function))))
                return true;
        if (!in_libc)
            break;
    }
    return depth > 0 && is_start_of_library(symbols, frames, depth);
}
