/* SPDX-License-Identifier: MIT
 *
 * Linked with the tracker: calls each function of glibc that it hooks, each from a function
 * NAME_kept of its own, and keeps what it gives. Writes the names of its functions that got a block.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <unistd.h>

#include <heap_tracker_lib.h>

/* Declared for a fortified program only, or nowhere. */
extern char *__strdup(const char *text);
extern char *__strndup(const char *text, size_t length);
extern int __asprintf_chk(char **out, int flag, const char *format, ...);
extern int __vasprintf_chk(char **out, int flag, const char *format, va_list arguments);

static FILE *lines;
static char *told[2]; /* by memory streams, which write there at fflush and fclose */
static wchar_t *told_wide;
static size_t sizes[3];

/* In use after `call`, so that a jump cannot stand for it. */
#define KEEP(name, block)                               \
    do {                                                \
        if ((block) != NULL)                            \
            puts(#name);                                \
        __asm__ volatile("" : : "r"(block) : "memory"); \
    } while (0)

#define KEEPER(name, call)                                  \
    static __attribute__((noinline)) void name##_kept(void) \
    {                                                       \
        void *block = call;                                 \
        KEEP(name##_kept, block);                           \
    }

KEEPER(alloc_aligned, alloc_aligned(64, 640))
KEEPER(strdup, strdup("text"))
KEEPER(__strdup, __strdup("text"))
KEEPER(strndup, strndup("text", 3))
KEEPER(__strndup, __strndup("text", 3))
KEEPER(wcsdup, wcsdup(L"text"))
KEEPER(realpath, realpath("/", NULL))
KEEPER(canonicalize_file_name, canonicalize_file_name("/"))
KEEPER(getcwd, getcwd(NULL, 0))
KEEPER(get_current_dir_name, get_current_dir_name())
KEEPER(tempnam, tempnam("/", "x"))

#define FORMATTER(name, ...)                                \
    static __attribute__((noinline)) void name##_kept(void) \
    {                                                       \
        char *block = NULL;                                 \
        if (name(&block, __VA_ARGS__, "text") >= 0)         \
            KEEP(name##_kept, block);                       \
    }

FORMATTER(asprintf, "%s")
FORMATTER(__asprintf_chk, 1, "%s")

#define LIST_FORMATTER(name, ...)                                            \
    static __attribute__((noinline)) void name##_kept(const char *none, ...) \
    {                                                                        \
        char *block = NULL;                                                  \
        va_list arguments;                                                   \
        int length;                                                          \
        va_start(arguments, none);                                           \
        length = name(&block, __VA_ARGS__, arguments);                       \
        va_end(arguments);                                                   \
        if (length >= 0)                                                     \
            KEEP(name##_kept, block);                                        \
    }

LIST_FORMATTER(vasprintf, "%s")
LIST_FORMATTER(__vasprintf_chk, 1, "%s")

#define READER(name, ...)                                   \
    static __attribute__((noinline)) void name##_kept(void) \
    {                                                       \
        char *block = NULL;                                 \
        size_t size = 0;                                    \
        if (name(&block, &size, __VA_ARGS__) > 0)           \
            KEEP(name##_kept, block);                       \
    }

READER(getline, lines)
READER(getdelim, '\n', lines)
READER(__getdelim, '\n', lines)

#define LISTER(name, type)                                  \
    static __attribute__((noinline)) void name##_kept(void) \
    {                                                       \
        struct type **block = NULL;                         \
        if (name("/", &block, NULL, NULL) > 0)              \
            KEEP(name##_kept, block);                       \
    }

LISTER(scandir, dirent)
LISTER(scandir64, dirent64)

/* Memory streams: the block is seen when the stream is flushed or closed. */
static __attribute__((noinline)) void fflush_kept(FILE *stream)
{
    if (fflush(stream) == 0)
        puts("fflush_kept");
}

static __attribute__((noinline)) void fclose_kept(FILE *stream)
{
    if (fclose(stream) == 0)
        puts("fclose_kept");
}

/* The tracker has functions of these names, in outcome.c and block_map.c. */
#define NAMESAKE(name)                               \
    static __attribute__((noinline)) void name(void) \
    {                                                \
        void *block = malloc(10);                    \
        KEEP(name, block);                           \
    }

NAMESAKE(outcome_got)
NAMESAKE(visit_range)

static FILE *written(FILE *stream)
{
    fputs("text", stream);
    return stream;
}

int main(void)
{
    FILE *wide = open_wmemstream(&told_wide, &sizes[2]);

    lines = fmemopen("1\n2\n3\n", 6, "r");
    alloc_aligned_kept();
    strdup_kept();
    __strdup_kept();
    strndup_kept();
    __strndup_kept();
    wcsdup_kept();
    realpath_kept();
    canonicalize_file_name_kept();
    getcwd_kept();
    get_current_dir_name_kept();
    tempnam_kept();
    asprintf_kept();
    __asprintf_chk_kept();
    vasprintf_kept("", "text");
    __vasprintf_chk_kept("", "text");
    getline_kept();
    getdelim_kept();
    __getdelim_kept();
    scandir_kept();
    scandir64_kept();
    fflush_kept(written(open_memstream(&told[0], &sizes[0])));
    fclose_kept(written(open_memstream(&told[1], &sizes[1])));
    fputws(L"text", wide);
    fclose_kept(wide);
    outcome_got();
    visit_range();
    return 0;
}
