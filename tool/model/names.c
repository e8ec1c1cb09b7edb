/* SPDX-License-Identifier: MIT */
#include "model/names.h"

#include <stdlib.h>
#include <string.h>

#ifdef HT_HAS_LIBIBERTY
#include <libiberty/demangle.h>
#endif

#include "base/base.h"
#include "util.h"

/* Where a clone of a function has its own name. */
static void cut_suffix(char *name)
{
    static const char *const suffixes[] = {" [clone ", ".part.",     ".constprop.", ".isra.",
                                           ".cold",    ".lto_priv.", ".llvm.",      "@"};

    for (size_t i = 0; i < HT_ARRAY_LENGTH(suffixes); i++) {
        char *at = strstr(name, suffixes[i]);

        if (at != NULL && at != name)
            *at = '\0';
    }
}

/* glibc's own calls of a public function go to an alias, and its debug information
 * names that one. */
static const char *without_alias(const char *symbol)
{
    return strncmp(symbol, "__GI_", 5) == 0 && symbol[5] != '\0' ? symbol + 5 : symbol;
}

char *name_demangle(const char *symbol)
{
    char *name = NULL;

#ifdef HT_HAS_LIBIBERTY
    name = cplus_demangle(symbol, DMGL_AUTO | DMGL_ANSI);
#endif
    if (name == NULL)
        name = must_strdup(without_alias(symbol));
    cut_suffix(name);
    return name;
}

/* The begins of the file names of the libraries that every program's calls go through. */
static const char *const library_modules[] = {
    "libc.so",
    "libc-2",
    "libc++",
    "libc.musl",
    "ld-linux",
    "ld-musl",
    "ld-2",
    "libstdc++.so",
    "libgcc_s",
    "libpthread.so",
    "libpthread-2",
    "[vdso]",
    "libheaptracker-preload",
};

/* Of C++ and Rust, by the begin of their demangled names; Rust's alloc and core by
 * their modules, since other languages' namespaces are called so too. */
static const char *const library_names[] = {
    "std::",         "__gnu_cxx::",   "operator new",  "__rust_",        "__rg_",        "__rdl_",
    "<std::",        "<alloc::",      "<core::",       "alloc::alloc::", "alloc::boxed", "alloc::collections",
    "alloc::raw_ve", "alloc::slice:", "alloc::string", "alloc::sync::",  "alloc::vec::", "alloc::rc::",
    "core::ops::",   "core::ptr::",   "core::iter::",  "core::alloc::",  "hashbrown::",
};

/* Their headers and sources, by a part of the path: what was inlined of them may be
 * known by a name without its namespace. */
static const char *const library_sources[] = {"/include/c++/", "/rustc/", "/rust/library/"};

/* Functions that wrap malloc end with one of these words and, after it, perhaps with
 * one of the endings: xmalloc, g_malloc0_n, sqlite3DbMallocRawNN, PyMem_RawMalloc... */
static const char *const words[] = {"malloc", "calloc",  "realloc", "zalloc",
                                    "strdup", "strndup", "memdup",  "reallocarray"};
static const char *const endings[] = {"", "0", "z", "_n", "0_n", "Raw", "RawNN", "Zero", "_array", "2"};

/* And a few that are not called so. */
static const char *const others[] = {"PyType_GenericAlloc",
                                     "_PyObject_GC_New",
                                     "_PyObject_GC_NewVar",
                                     "_PyObject_New",
                                     "g_slice_alloc",
                                     "g_slice_alloc0",
                                     "_start"};

static bool begins_with(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(text, list[i], strlen(list[i])) == 0)
            return true;
    return false;
}

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}

static bool is_wrapper(const char *name)
{
    for (size_t i = 0; i < HT_ARRAY_LENGTH(words); i++) {
        const char *at = strcasestr(name, words[i]);

        if (at != NULL && is_one_of(at + strlen(words[i]), endings, HT_ARRAY_LENGTH(endings)))
            return true;
    }
    return is_one_of(name, others, HT_ARRAY_LENGTH(others));
}

static bool is_library_source(const char *file)
{
    for (size_t i = 0; file != NULL && i < HT_ARRAY_LENGTH(library_sources); i++)
        if (strstr(file, library_sources[i]) != NULL)
            return true;
    return false;
}

bool place_passes_on(const struct place *place)
{
    const char *slash = strrchr(place->module, '/');

    return begins_with(slash ? slash + 1 : place->module, library_modules,
                       HT_ARRAY_LENGTH(library_modules)) ||
           is_library_source(place->file) ||
           (place->named && (begins_with(place->function, library_names, HT_ARRAY_LENGTH(library_names)) ||
                             is_wrapper(place->function)));
}
