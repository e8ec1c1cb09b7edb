/* SPDX-License-Identifier: MIT
 *
 * hooks_libc.c - functions of libc that hand a block to the program, or take one
 * over, under --wrap. With a shared libc the malloc inside them is out of reach,
 * so the outcome is counted: the size is what the function promises. With a
 * static libc the calls inside have been counted already, and nothing is added.
 */
#include <string.h>

#include "entry/bind.h"
#include "entry/call.h"
#include "entry/outcome.h"

#define OUTCOME(name, block, size) outcome_got((name), (block), (size))

#if HT_BINDS(alloc_aligned)
/* The original library's name for aligned_alloc, which may or may not be wrapped
 * itself: its outcome is counted here only if it was not there. */
HT_EXPORT void *HOOKED(alloc_aligned)(size_t alignment, size_t size)
{
    return outcome_aligned(alignment, size);
}
#endif

#define DUPLICATE(name, type, call, size)                \
    {                                                    \
        type *copy = call;                               \
        OUTCOME(#name, copy, copy == NULL ? 0 : (size)); \
        return copy;                                     \
    }

#if HT_BINDS(strdup)
HT_EXPORT char *HOOKED(strdup)(const char *text) DUPLICATE(strdup, char, REAL(strdup)(text), strlen(copy) + 1)
#endif

#if HT_BINDS(__strdup)
    HT_EXPORT
    char *HOOKED(__strdup)(const char *text) DUPLICATE(strdup, char, REAL(__strdup)(text), strlen(copy) + 1)
#endif

#if HT_BINDS(strndup)
        HT_EXPORT char *HOOKED(strndup)(const char *text, size_t length)
            DUPLICATE(strndup, char, REAL(strndup)(text, length), strlen(copy) + 1)
#endif

#if HT_BINDS(__strndup)
                HT_EXPORT char *HOOKED(__strndup)(const char *text, size_t length)
                    DUPLICATE(strndup, char, REAL(__strndup)(text, length), strlen(copy) + 1)
#endif

#if HT_BINDS(wcsdup)
                        HT_EXPORT wchar_t *HOOKED(wcsdup)(const wchar_t *text)
                            DUPLICATE(wcsdup, wchar_t, REAL(wcsdup)(text), (wcslen(copy) + 1) * sizeof *copy)
#endif

#if HT_BINDS(canonicalize_file_name)
                                HT_EXPORT
    char *HOOKED(canonicalize_file_name)(const char *path)
        DUPLICATE(canonicalize_file_name, char, REAL(canonicalize_file_name)(path), strlen(copy) + 1)
#endif

#if HT_BINDS(get_current_dir_name)
            HT_EXPORT char *HOOKED(get_current_dir_name)(void)
                DUPLICATE(get_current_dir_name, char, REAL(get_current_dir_name)(), strlen(copy) + 1)
#endif

#if HT_BINDS(tempnam)
                    HT_EXPORT char *HOOKED(tempnam)(const char *directory, const char *prefix)
                        DUPLICATE(tempnam, char, REAL(tempnam)(directory, prefix), strlen(copy) + 1)
#endif

#if HT_BINDS(realpath)
                            HT_EXPORT char *HOOKED(realpath)(const char *path, char *resolved)
{
    char *result = REAL(realpath)(path, resolved);

    if (resolved == NULL)
        OUTCOME("realpath", result, result == NULL ? 0 : strlen(result) + 1);
    return result;
}
#endif

#if HT_BINDS(getcwd)
/* An extension of every libc here: without a buffer, one of `size` bytes (where the
 * libc takes that word for word), or of what is needed. */
HT_EXPORT char *HOOKED(getcwd)(char *buffer, size_t size)
{
    char *result = REAL(getcwd)(buffer, size);

    if (buffer == NULL)
        OUTCOME("getcwd", result,
                result == NULL || (size != 0 && PORT_GETCWD_GIVES_SIZE) ? size : strlen(result) + 1);
    return result;
}
#endif

#if HT_BINDS(vasprintf)
HT_EXPORT int HOOKED(vasprintf)(char **out, const char *format, va_list arguments)
{
    int length = REAL(vasprintf)(out, format, arguments);

    OUTCOME("vasprintf", length < 0 ? NULL : *out, (size_t)length + 1);
    return length;
}
#endif

#if HT_BINDS(__vasprintf_chk)
HT_EXPORT int HOOKED(__vasprintf_chk)(char **out, int flag, const char *format, va_list arguments)
{
    int length = REAL(__vasprintf_chk)(out, flag, format, arguments);

    OUTCOME("vasprintf", length < 0 ? NULL : *out, (size_t)length + 1);
    return length;
}
#endif

/* The variadic ones go by their va_list sisters, which do the same. */
#if HT_BINDS(asprintf)
HT_EXPORT int HOOKED(asprintf)(char **out, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vasprintf(out, format, arguments);
    va_end(arguments);
    outcome_got_unless_known("asprintf", length < 0 ? NULL : *out, (size_t)length + 1);
    return length;
}
#endif

#if HT_BINDS(__asprintf_chk)
HT_EXPORT int HOOKED(__asprintf_chk)(char **out, int flag, const char *format, ...)
{
    va_list arguments;
    int length;

    (void)flag;
    va_start(arguments, format);
    length = vasprintf(out, format, arguments);
    va_end(arguments);
    outcome_got_unless_known("asprintf", length < 0 ? NULL : *out, (size_t)length + 1);
    return length;
}
#endif

#define LINE(name, call)                                                               \
    {                                                                                  \
        struct outcome_buffer before = outcome_buffer_begin(name, *buffer, *capacity); \
        ssize_t length = call;                                                         \
        outcome_buffer_end(&before, *buffer, *capacity);                               \
        return length;                                                                 \
    }

#if HT_BINDS(getline)
HT_EXPORT ssize_t HOOKED(getline)(char **buffer, size_t *capacity, FILE *stream)
    LINE("getline", REAL(getline)(buffer, capacity, stream))
#endif

#if HT_BINDS(getdelim)
        HT_EXPORT ssize_t HOOKED(getdelim)(char **buffer, size_t *capacity, int delimiter, FILE *stream)
            LINE("getdelim", REAL(getdelim)(buffer, capacity, delimiter, stream))
#endif

#if HT_BINDS(__getdelim)
                HT_EXPORT ssize_t
    HOOKED(__getdelim)(char **buffer, size_t *capacity, int delimiter, FILE *stream)
        LINE("getdelim", REAL(__getdelim)(buffer, capacity, delimiter, stream))
#endif

/* The list itself and each entry in it are blocks of the program. No entry: no list. */
#define LIST(call, type)                                               \
    {                                                                  \
        int count = call;                                              \
        if (count >= 0 && *list != NULL) {                             \
            OUTCOME("scandir", *list, (size_t)count * sizeof(type *)); \
            for (int i = 0; i < count; i++)                            \
                OUTCOME("scandir", (*list)[i], (*list)[i]->d_reclen);  \
        }                                                              \
        return count;                                                  \
    }

#if HT_BINDS(scandir)
            HT_EXPORT
    int HOOKED(scandir)(const char *path, struct dirent ***list, int (*filter)(const struct dirent *),
                        int (*compare)(const struct dirent **, const struct dirent **))
        LIST(REAL(scandir)(path, list, filter, compare), struct dirent)
#endif

#if HT_BINDS(scandir64)
            HT_EXPORT
    int HOOKED(scandir64)(const char *path, struct dirent64 ***list, int (*filter)(const struct dirent64 *),
                          int (*compare)(const struct dirent64 **, const struct dirent64 **))
        LIST(REAL(scandir64)(path, list, filter, compare), struct dirent64)
#endif

/* A memory stream moves its block as it grows, unseen, and tells where it is at
 * fflush and fclose only: there it is taken up. */
#if HT_BINDS(open_memstream)
            HT_EXPORT FILE *HOOKED(open_memstream)(char **buffer, size_t *size)
{
    FILE *stream = REAL(open_memstream)(buffer, size);

    outcome_stream_open(stream, (void **)buffer, size, sizeof(char));
    return stream;
}
#endif

#if HT_BINDS(open_wmemstream)
HT_EXPORT FILE *HOOKED(open_wmemstream)(wchar_t **buffer, size_t *size)
{
    FILE *stream = REAL(open_wmemstream)(buffer, size);

    outcome_stream_open(stream, (void **)buffer, size, sizeof(wchar_t));
    return stream;
}
#endif

#if HT_BINDS(fflush)
HT_EXPORT int HOOKED(fflush)(FILE *stream)
{
    int result = REAL(fflush)(stream);

    outcome_stream_update(stream);
    return result;
}
#endif

#if HT_BINDS(fclose)
HT_EXPORT int HOOKED(fclose)(FILE *stream)
{
    struct outcome_stream open = outcome_stream_close(stream);
    int result = REAL(fclose)(stream);

    outcome_stream_closed(&open);
    return result;
}
#endif
