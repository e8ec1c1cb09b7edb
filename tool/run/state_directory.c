/* SPDX-License-Identifier: MIT
 *
 * state_directory.c - makes and removes the directory of one run.
 */
#include "run/state_directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/process.h"
#include "run/fail_sites.h"
#include "util.h"

#define LINK_NAME "preload.so"

/* What the library takes for state_dir, its NUL included (src/entry/options.h). */
#define PATH_BYTES_MAX 400

/* Processes that outlive the run may make files while they are removed. */
#define REMOVE_TRIES 10

static char *make_in(const char *place)
{
    /* Absolute: the program may change its directory. */
    char *absolute = realpath(place, NULL), *directory;

    if (absolute == NULL)
        return NULL;
    directory =
        must_asprintf("%s/" STATE_DIRECTORY_OF_RUN "XXXXXX", strcmp(absolute, "/") == 0 ? "" : absolute);
    free(absolute);
    if (strlen(directory) >= PATH_BYTES_MAX)
        errno = ENAMETOOLONG;
    else if (mkdtemp(directory) != NULL)
        return directory;
    free(directory);
    return NULL;
}

char *state_directory_make(const char *place)
{
    char *directory = NULL;

    if (place != NULL) {
        directory = make_in(place);
        if (directory == NULL)
            die("cannot make a directory in %s: %s; give another --state-dir", place, strerror(errno));
        return directory;
    }
    for (size_t i = 0; directory == NULL && (place = state_place(i)) != NULL; i++)
        directory = make_in(place);
    return directory;
}

static void remove_files(const char *directory)
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    uint32_t pid, image;

    while (stream && (entry = readdir(stream)) != NULL)
        if (state_file_name(entry->d_name, &pid, &image) || strcmp(entry->d_name, LINK_NAME) == 0 ||
            strcmp(entry->d_name, FAIL_SITES_NAME) == 0)
            unlinkat(dirfd(stream), entry->d_name, 0);
    if (stream)
        closedir(stream);
}

void state_directory_remove(const char *directory)
{
    if (directory == NULL)
        return;
    for (int try = 0; try < REMOVE_TRIES; try++) {
        remove_files(directory);
        if (rmdir(directory) == 0 || errno == ENOENT)
            return;
    }
    warning("cannot remove %s: %s; remove it by hand", directory, strerror(errno));
}

char *state_directory_link(const char *directory, const char *library)
{
    char *path = must_asprintf("%s/" LINK_NAME, directory);

    if (symlink(library, path) == 0)
        return path;
    free(path);
    return NULL;
}
