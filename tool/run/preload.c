/* SPDX-License-Identifier: MIT
 *
 * preload.c - finds the library, sets LD_PRELOAD and HEAPTRACKER_OPTIONS.
 */
#include "run/preload.h"

#include <dirent.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/state_directory.h"
#include "util.h"

const char *preload_name(enum target_libc libc)
{
    return libc == TARGET_MUSL ? "libheaptracker-preload-musl.so" : "libheaptracker-preload.so";
}

/* directory/name or directory/heaptracker/name */
static char *find_in(const char *directory, const char *name)
{
    static const char *const below[] = {"", "heaptracker/"};

    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
        char *path = must_asprintf("%s/%s%s", directory, below[i], name);

        if (target_is_library(path))
            return path;
        free(path);
    }
    return NULL;
}

/* Debian's lib/<machine>-linux-<libc>/ */
static char *find_in_multiarch(const char *lib, const char *name)
{
    DIR *stream = opendir(lib);
    struct dirent *entry;
    char *found = NULL;

    while (stream && found == NULL && (entry = readdir(stream)) != NULL) {
        char *directory;

        if (fnmatch("*-linux-*", entry->d_name, 0) != 0)
            continue;
        directory = must_asprintf("%s/%s", lib, entry->d_name);
        found = find_in(directory, name);
        free(directory);
    }
    if (stream)
        closedir(stream);
    return found;
}

static char *real_path_of(char *path)
{
    char *real = path ? realpath(path, NULL) : NULL;

    free(path);
    return real;
}

char *preload_find(enum target_libc libc)
{
    static const char *const libs[] = {"lib", "lib64"};
    const char *name = preload_name(libc);
    char self[PATH_MAX], *slash, *found = NULL;
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

    if (length <= 0)
        return NULL;
    self[length] = '\0';
    slash = strrchr(self, '/');
    *slash = '\0';
    for (size_t i = 0; found == NULL && i < sizeof libs / sizeof libs[0]; i++) {
        char *lib = must_asprintf("%s/../%s", self, libs[i]);

        found = find_in(lib, name);
        if (found == NULL)
            found = find_in_multiarch(lib, name);
        free(lib);
    }
    return real_path_of(found ? found : find_in(self, name));
}

bool preload_path_usable(const char *path)
{
    return strpbrk(path, " \t\n:") == NULL;
}

static void set(const char *name, char *value)
{
    if (setenv(name, value, 1) != 0)
        die("out of memory");
    free(value);
}

/* The variable is inherited by programs of another libc, which a library of the
 * wrong kind would keep from starting. So each libc's is written in a way that the
 * other's loader cannot open, and passes over:
 *  - glibc expands $ORIGIN to the directory of the program, from where enough steps
 *    up reach the root; musl takes it for a name, and nothing has that name.
 *  - musl takes a tab for a separator; for glibc it begins a name, and it says that
 *    it ignores that. */
static char *library_entry(enum target_libc libc, const char *library)
{
    enum { STEPS = 64 };
    static const char step[] = "../";
    char up[STEPS * (sizeof step - 1) + 1] = "";

    if (libc == TARGET_MUSL)
        return must_asprintf("\t%s", library);
    for (int i = 0; i < STEPS; i++)
        memcpy(up + (size_t)i * (sizeof step - 1), step, sizeof step);
    return must_asprintf("$ORIGIN/%s%s", up, library + 1);
}

void preload_set_library(enum target_libc libc, const char *library)
{
    const char *before = getenv("LD_PRELOAD");
    bool more = before && *before;
    char *entry = library_entry(libc, library);

    set("LD_PRELOAD", must_asprintf("%s%s%s", entry, more ? ":" : "", more ? before : ""));
    free(entry);
}

void preload_library(struct target *target, const char *directory)
{
    char *library, *link;

    if (directory == NULL && target->libc != TARGET_NONE) {
        target->libc = TARGET_NONE;
        target->why_not = "neither XDG_RUNTIME_DIR, /dev/shm, TMPDIR nor /tmp takes its state file";
        target->remedy = "give a --state-dir=DIR";
    }
    library = target->libc == TARGET_NONE ? NULL : preload_find(target->libc);

    if (target->libc == TARGET_NONE)
        return;
    if (library == NULL) {
        target->why_not = target->libc == TARGET_MUSL
                              ? "it uses musl, and libheaptracker-preload-musl.so is not beside this tool"
                              : "libheaptracker-preload.so is not beside this tool";
        target->remedy = "install HeapTracker whole, its lib beside its bin";
        target->libc = TARGET_NONE;
        return;
    }
    if (!preload_path_usable(library)) {
        link = preload_path_usable(directory) ? state_directory_link(directory, library) : NULL;
        free(library);
        library = link;
    }
    if (library == NULL) {
        target->why_not = "the loader takes no library from a path with a space or a colon";
        target->remedy = "give a --state-dir without one";
        target->libc = TARGET_NONE;
        return;
    }
    preload_set_library(target->libc, library);
    free(library);
}

/* `\:` is how an option's value holds a colon, `\\` a backslash. */
static char *escaped(const char *text)
{
    char *copy = must_malloc(2 * strlen(text) + 1), *to = copy;

    for (; *text; text++) {
        if (*text == ':' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
    }
    *to = '\0';
    return copy;
}

/* Appends :name=value to *options. */
static void add_option(char **options, const char *name, const char *value)
{
    char *safe = value ? escaped(value) : NULL, *more;

    if (safe == NULL)
        return;
    more = must_asprintf("%s:%s=%s", *options, name, safe);
    free(safe);
    free(*options);
    *options = more;
}

void preload_set_options(const char *state_directory, const struct preload_settings *settings)
{
    const char *before = getenv("HEAPTRACKER_OPTIONS");
    bool more = before && *before;
    char *directory = escaped(state_directory);
    struct stat error;
    char *options =
        must_asprintf("%s%sstate_dir=%s:quiet=1:mark_lost=1", more ? before : "", more ? ":" : "", directory);

    if (fstat(STDERR_FILENO, &error) == 0) {
        char *identity = must_asprintf("%ju-%ju", (uintmax_t)error.st_dev, (uintmax_t)error.st_ino);

        add_option(&options, "stderr", identity); /* where the library's lines may go */
        free(identity);
    }
    add_option(&options, "stacks", settings->stacks);
    add_option(&options, "depth", settings->depth);
    add_option(&options, "interval", settings->interval);
    add_option(&options, "threshold", settings->threshold);
    add_option(&options, "log", settings->log);
    if (settings->only_parent) {
        char *pid = must_asprintf("%ld", (long)getpid());

        add_option(&options, "parent", pid); /* of the processes that are tracked */
        free(pid);
    }
    add_option(&options, "sizes", settings->sizes ? "1" : NULL);
    add_option(&options, "limit", settings->limit);
    add_option(&options, "fail_at", settings->fail_at);
    add_option(&options, "fail_rate", settings->fail_rate);
    add_option(&options, "fail_sites", settings->fail_sites);
    set("HEAPTRACKER_OPTIONS", options);
    free(directory);
}
