/* SPDX-License-Identifier: MIT */
#include "model/names.h"

#include <stdlib.h>
#include <string.h>

#ifdef HT_HAS_LIBIBERTY
#include <libiberty/demangle.h>
#endif

#include "base/base.h"
#include "model/loader.h"
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

/* gfortran's, of what is in a module: __shelf_MOD_fill is shelf::fill. NULL of any other. */
static char *demangle_fortran(const char *symbol)
{
    static const char between[] = "_MOD_";
    const char *at = strncmp(symbol, "__", 2) == 0 ? strstr(symbol + 2, between) : NULL;

    if (at == NULL || at == symbol + 2 || at[sizeof between - 1] == '\0')
        return NULL;
    return must_asprintf("%.*s::%s", (int)(at - symbol - 2), symbol + 2, at + sizeof between - 1);
}

#ifdef HT_HAS_LIBIBERTY
/* NULL of what is none of D's. */
static char *demangle_d(const char *symbol)
{
    char *name = strncmp(symbol, "_D", 2) == 0 ? dlang_demangle(symbol, 0) : NULL, *at;
    int depth = 0;

    if (name == NULL || *name == '\0' || name[strlen(name) - 1] != ')')
        return name;
    for (at = name + strlen(name) - 1; at > name; at--) { /* its parameters are the last parentheses */
        depth += (*at == ')') - (*at == '(');
        if (depth == 0)
            break;
    }
    if (at > name)
        *at = '\0';
    return name;
}
#endif

char *name_demangle_ada(const char *symbol)
{
    char *name = NULL;

#ifdef HT_HAS_LIBIBERTY
    name = ada_demangle(symbol, 0);
    if (name != NULL && *name == '<') { /* what it cannot tell it gives back so */
        free(name);
        name = NULL;
    }
#endif
    return name ? name : must_strdup(symbol);
}

char *name_demangle(const char *symbol)
{
    char *name = demangle_fortran(symbol);

#ifdef HT_HAS_LIBIBERTY
    if (name == NULL)
        name = demangle_d(symbol);
    if (name == NULL)
        name = cplus_demangle(symbol, DMGL_AUTO | DMGL_ANSI);
#endif
    if (name == NULL)
        name = must_strdup(without_alias(symbol));
    cut_suffix(name);
    return name;
}

char *place_in_source(const struct place *place)
{
    const char *file = path_base(place->file);

    return place->line > 0 ? must_asprintf("%s:%u", file, place->line) : must_strdup(file);
}

/* The begins of the file names of the libraries that every program's calls go through, as they
 * do through the dynamic loader. */
static const char *const library_modules[] = {
    "libc.so",
    "libc-2",
    "libc++",
    "libc.musl",
    "libstdc++.so",
    "libgcc_s",
    "libpthread.so",
    "libpthread-2",
    "libheaptracker-preload",
    /* Fortran's, Ada's and D's */
    "libgfortran.so",
    "libquadmath.so",
    "libgnat-",
    "libgnarl-",
    "libgphobos.so",
    "libgdruntime.so",
};

/* Of C++ and Rust, by the begin of their demangled names; Rust's alloc and core by
 * their modules, since other languages' namespaces are called so too. */
static const char *const library_names[] = {
    "std::",         "__gnu_cxx::",   "operator new",  "__rust_",        "__rg_",        "__rdl_",
    "<std::",        "<alloc::",      "<core::",       "alloc::alloc::", "alloc::boxed", "alloc::collections",
    "alloc::raw_ve", "alloc::slice:", "alloc::string", "alloc::sync::",  "alloc::vec::", "alloc::rc::",
    "core::ops::",   "core::ptr::",   "core::iter::",  "core::alloc::",  "hashbrown::",  "<hashbrown::",
    "<<alloc::",     "alloc::fmt::",  "alloc::str::",  "core::slice::",
};

/* Their headers and sources, by a part of the path: what was inlined of them may be
 * known by a name without its namespace. */
static const char *const library_sources[] = {"/include/c++/", "/rustc/", "/rust/library/", "/rust/deps/",
                                              /* glibc's: getline, and all of a fortified program */
                                              "/usr/include/bits/", "-linux-gnu/bits/"};

/* And Rust's as Rust itself was compiled: by the begin of the path. */
static const char *const rust_sources[] = {"library/alloc/src/", "library/core/src/", "library/std/src/"};

/* Functions that wrap malloc end with one of these words and, after it, perhaps with
 * one of the endings: xmalloc, g_malloc0_n, sqlite3DbMallocRawNN, PyMem_RawMalloc... */
static const char *const words[] = {"malloc", "calloc",  "realloc", "zalloc",
                                    "strdup", "strndup", "memdup",  "reallocarray"};
static const char *const endings[] = {"",      "0",    "z",      "_n", "0_n",     "Raw",
                                      "RawNN", "Zero", "_array", "2",  "_usable", "_num"};

/* And a few that are not called so: of Python, GLib, nginx, APR, PostgreSQL and OpenJDK. */
static const char *const others[] = {"PyType_GenericAlloc",
                                     "_PyObject_GC_New",
                                     "_PyObject_GC_NewVar",
                                     "_PyObject_New",
                                     "g_slice_alloc",
                                     "g_slice_alloc0",
                                     "ngx_alloc",
                                     "ngx_memalign",
                                     "ngx_palloc",
                                     "ngx_pnalloc",
                                     "ngx_pcalloc",
                                     "apr_palloc",
                                     "apr_pcalloc",
                                     "palloc",
                                     "palloc0",
                                     "palloc_extended",
                                     "repalloc",
                                     "MemoryContextAlloc",
                                     "MemoryContextAllocZero",
                                     "MemoryContextAllocZeroAligned",
                                     "MemoryContextAllocExtended",
                                     "MemoryContextAllocHuge",
                                     "AllocateHeap",
                                     "ReallocateHeap",
                                     "_start"};

/* A tracker that is linked in counts nothing under the preloaded one, which sees more, the
 * program's libraries too; but its functions stand between the program's and malloc. Most
 * are hooks: the linker sends calls of NAME to __wrap_NAME, so that no name but one
 * that it was told of begins so, and who called NAME is who wanted the block. */
static const char *const hooks[] = {
    "malloc",
    "calloc",
    "realloc",
    "reallocarray",
    "aligned_alloc",
    "memalign",
    "posix_memalign",
    "valloc",
    "pvalloc",
    "alloc_aligned",
    "_Znwm",
    "_Znam",
    "_ZnwmRKSt9nothrow_t",
    "_ZnamRKSt9nothrow_t",
    "_ZnwmSt11align_val_t",
    "_ZnamSt11align_val_t",
    "_ZnwmSt11align_val_tRKSt9nothrow_t",
    "_ZnamSt11align_val_tRKSt9nothrow_t",
    "strdup",
    "__strdup",
    "strndup",
    "__strndup",
    "wcsdup",
    "asprintf",
    "vasprintf",
    "__asprintf_chk",
    "__vasprintf_chk",
    "getline",
    "getdelim",
    "__getdelim",
    "realpath",
    "canonicalize_file_name",
    "getcwd",
    "get_current_dir_name",
    "tempnam",
    "scandir",
    "scandir64",
    "open_memstream",
    "open_wmemstream",
    "fflush",
    "fclose",
};

/* The tracker in one file, as projects copy it. */
static const char *const amalgamations[] = {"heaptracker.c", "heap_tracker_lib.c"};

static const char *const hook_files[] = {"hooks_alloc.c", "hooks_libc.c", "hooks_cxx.c"};

/* What else calls malloc for a hook, and how the tracker comes to call a function of the program's
 * (a threshold's, a visitor), which may leave by a jump into libc. Most of these names are
 * anybody's: then the source file must be theirs too. */
static const struct {
    const char *function;
    const char *file;
    bool is_only_ours; /* the name suffices, where no file is known */
} parts[] = {
    {"hook_site_malloc", "hooks_alloc.c", true},
    {"hook_count_malloc", "hooks_alloc.c", true},
    {"hook_zero_realloc", "move.h", true},
    {"site_malloc", "hooks_alloc.c", false}, /* as they were once called */
    {"count_malloc", "hooks_alloc.c", false},
    {"zero_realloc", "move.h", false},
    {"moving_realloc", "move.h", false},
    {"_realloc", "face.c", false},
    {"alloc_aligned", "face_aligned.c", false},
    {"call_got", "call.h", false},
    {"call_got_plain", "call.c", false},
    {"call_got_unusual", "call.c", false},
    {"call_move_end", "call.h", false},
    {"call_move_end_odd", "call.c", false},
    {"call_move_far", "call.c", false},
    {"bounds_after", "bounds.c", false},
    {"notify", "bounds.c", false},
    {"check_one", "thresholds.c", false},
    {"ht_visit", "heaptracker.h", false},
    {"api_visit", "api.c", false},
    {"visit_stamped", "marks.c", false},
    {"marks_visit", "marks.c", false},
    {"visit_cells", "block_map.c", false},
    {"visit_range", "block_map.c", false},
    {"visit_cell", "block_map.c", false},
    {"block_map_visit", "block_map.c", false},
    /* What libc's functions gave is counted after them. outcome_... are global names: a program
     * that the archive is linked into has no others, but for static ones. */
    {"outcome_got", "outcome.c", true},
    {"outcome_got_unless_known", "outcome.c", true},
    {"outcome_aligned", "outcome.c", true},
    {"outcome_buffer_end", "outcome.c", true},
    {"outcome_stream_update", "outcome.c", true},
    {"outcome_stream_closed", "outcome.c", true},
    {"outcome_take_up", "outcome.c", true},
    {"call_record", "call.c", false},
    {"thresholds_check", "thresholds.c", false},
};

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}

/* Without its last template arguments: 7 of xmalloc<pair<int, int>> and of Rust's xmalloc::<u8>. */
static size_t length_without_arguments(const char *name)
{
    size_t length = strlen(name), at = length, depth = 0;

    if (length == 0 || name[length - 1] != '>')
        return length;
    do {
        at--;
        depth += name[at] == '>';
        depth -= name[at] == '<';
    } while (depth > 0 && at > 0);
    if (depth > 0 || at == 0) /* operator>, or <Shelf as Fill> */
        return length;
    return at > 2 && strncmp(name + at - 2, "::", 2) == 0 ? at - 2 : at;
}

/* The name's last word may be the second of its kind: Mallocator::malloc. */
static bool ends_with_word(const char *name, const char *word)
{
    for (const char *at = strcasestr(name, word); at != NULL; at = strcasestr(at + 1, word))
        if (is_one_of(at + strlen(word), endings, HT_ARRAY_LENGTH(endings)))
            return true;
    return false;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);

    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool is_wrapper(const char *function)
{
    char *name = must_strdup(function);
    bool found = false;

    name[length_without_arguments(name)] = '\0';
    for (size_t i = 0; i < HT_ARRAY_LENGTH(words) && !found; i++)
        found = ends_with_word(name, words[i]);
    /* A class's own; the global one is in library_names. */
    found = found || ends_with(name, "::operator new") || ends_with(name, "::operator new[]") ||
            is_one_of(name, others, HT_ARRAY_LENGTH(others));
    free(name);
    return found;
}

bool place_is_operator_new(const struct place *place)
{
    static const char *const names[] = {"operator new", "_Znw", "_Zna"};

    return place->named && begins_with(place->function, names, HT_ARRAY_LENGTH(names));
}

/* _Znwm of here__Znwm, other__Znwm and __wrap__Znwm; NULL of what is not called so. */
static const char *hooked_name(const char *function)
{
    static const char *const halves[] = {"here_", "other_"};
    static const char wrap[] = "__wrap_";

    if (strncmp(function, wrap, sizeof wrap - 1) == 0)
        return function + sizeof wrap - 1;
    for (size_t i = 0; i < HT_ARRAY_LENGTH(halves); i++) {
        size_t length = strlen(halves[i]);

        if (strncmp(function, halves[i], length) == 0 && strncmp(function + length, "_Zn", 3) == 0)
            return function + length;
    }
    return NULL;
}

/* __wrap_NAME of a NAME that the tracker hooks. */
static bool is_hook(const struct place *place)
{
    const char *hooked = hooked_name(place->function);

    return hooked != NULL && is_one_of(hooked, hooks, HT_ARRAY_LENGTH(hooks));
}

bool place_is_linked_tracker(const struct place *place)
{
    const char *file = place->file ? path_base(place->file) : NULL; /* NULL: not known */

    if (!place->named)
        return false;
    if (file != NULL && is_one_of(file, amalgamations, HT_ARRAY_LENGTH(amalgamations)))
        file = NULL; /* any function of ours may be in there */
    /* With another file behind it, a function of that name is the program's own wrapper. */
    if (is_hook(place))
        return file == NULL || is_one_of(file, hook_files, HT_ARRAY_LENGTH(hook_files));
    for (size_t i = 0; i < HT_ARRAY_LENGTH(parts); i++)
        if (strcmp(place->function, parts[i].function) == 0)
            return file != NULL ? strcmp(file, parts[i].file) == 0 : parts[i].is_only_ours || place->file;
    return false;
}

/* Directories of these names are anybody's: only for a language whose library lies there. */
static bool is_rust_source(const char *file)
{
    return begins_with(file, rust_sources, HT_ARRAY_LENGTH(rust_sources)) && ends_with(file, ".rs");
}

static bool is_library_source(const char *file)
{
    if (file == NULL)
        return false;
    for (size_t i = 0; i < HT_ARRAY_LENGTH(library_sources); i++)
        if (strstr(file, library_sources[i]) != NULL)
            return true;
    return is_rust_source(file);
}

/* The [vdso] is what the kernel calls its own. */
static bool is_library(const char *module)
{
    return is_library_file(module, library_modules, HT_ARRAY_LENGTH(library_modules)) ||
           strncmp(module, "[vdso]", 6) == 0 || loader_of(module) != LOADER_NONE;
}

bool place_passes_on(const struct place *place)
{
    return is_library(place->module) || is_library_source(place->file) ||
           (place->named &&
            (begins_with(place->function, library_names, HT_ARRAY_LENGTH(library_names)) ||
             is_wrapper(place->function) || is_hook(place) || place_is_linked_tracker(place)));
}

bool deciding_is_known(struct deciding *deciding, const struct place *place)
{
    bool is_same_module;

    if (place_passes_on(place))
        return false;
    if (!place->named && *place->module == '\0') {
        if (deciding->nowhere == NULL)
            deciding->nowhere = place;
        return false;
    }
    is_same_module = deciding->nearest == NULL || strcmp(deciding->nearest->module, place->module) == 0;
    /* In a stripped library the exported function that was called says more than an address in its
     * depths. Another module's function, which called back into it, says nothing about it. */
    if (deciding->nearest == NULL || (place->named && is_same_module))
        deciding->nearest = place;
    return place->named || !is_same_module;
}

const struct place *deciding_place(const struct deciding *deciding)
{
    return deciding->nearest != NULL ? deciding->nearest : deciding->nowhere;
}
