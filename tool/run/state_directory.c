/* SPDX-License-Identifier: MIT
 *
 * state_directory.c - makes and removes the directory of one run.
 */
#include "run/state_directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/load.h"
#include "model/process.h"
#include "run/fail_sites.h"
#include "run/survivors.h"
#include "util.h"

#define LINK_NAME "preload.so"

/* What the library takes for state_dir, its NUL included (src/entry/options.h). */
#define PATH_BYTES_MAX 400

/* Processes that outlive the run may make files while they are removed. */
#define REMOVE_TRIES 10

static void sign(const char *directory)
{
    char *path = must_asprintf("%s/" STATE_DIRECTORY_MAKER, directory), *identity = process_identity();

    if (symlink(identity, path) != 0)
        errno = 0; /* then it is never swept */
    free(identity);
    free(path);
}

/* Processes of root's may become another user's. They find their way into the directory, and see nothing there; that they
 * could not be recorded they say by a file in a directory where nobody sees, or removes, another's. */
static void open_to_others(const char *directory)
{
    char *path = must_asprintf("%s/" STATE_LOST_DIRECTORY, directory);

    if (mkdir(path, 0700) == 0 && chmod(path, 01733) == 0)
        (void)chmod(directory, 0711);
    free(path);
    errno = 0;
}

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
    else if (mkdtemp(directory) != NULL) {
        sign(directory);
        if (geteuid() == 0)
            open_to_others(directory);
        return directory;
    }
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

/* A state file, or what a write of one left that was cut short: a point and six letters more. */
static bool is_state_file(const char *name)
{
    char whole[32];
    size_t length = strlen(name);
    uint32_t pid, image;

    if (state_file_name(name, &pid, &image))
        return true;
    if (length < 8 || length - 7 >= sizeof whole || name[length - 7] != '.')
        return false;
    memcpy(whole, name, length - 7);
    whole[length - 7] = '\0';
    return state_file_name(whole, &pid, &image);
}

static bool is_known(const char *name)
{
    uint32_t pid, error;

    return is_state_file(name) || state_lost_name(name, &pid, &error) || strcmp(name, LINK_NAME) == 0 ||
           strcmp(name, FAIL_SITES_NAME) == 0 || strcmp(name, STATE_DIRECTORY_MAKER) == 0 ||
           strcmp(name, STATE_DIRECTORY_LEFT) == 0;
}

static void remove_those(const char *directory, bool (*is_one)(const char *name))
{
    DIR *stream = opendir(directory);
    struct dirent *entry;

    while (stream && (entry = readdir(stream)) != NULL)
        if (is_one == NULL || is_one(entry->d_name))
            unlinkat(dirfd(stream), entry->d_name, 0);
    if (stream)
        closedir(stream);
}

static void remove_files(const char *directory)
{
    char *others = must_asprintf("%s/" STATE_LOST_DIRECTORY, directory);

    remove_those(others, NULL); /* whatever they have left there */
    rmdir(others);
    remove_those(directory, is_known);
    free(others);
}

static bool remove_all(const char *directory)
{
    for (int try = 0; try < REMOVE_TRIES; try++) {
        remove_files(directory);
        if (rmdir(directory) == 0 || errno == ENOENT)
            return true;
    }
    return false;
}

void state_directory_remove(const char *directory)
{
    if (directory != NULL && !remove_all(directory))
        warning("cannot remove %s: %s; remove it by hand", directory, strerror(errno));
}

void state_directory_leave(const char *directory)
{
    char *maker = must_asprintf("%s/" STATE_DIRECTORY_MAKER, directory),
         *left = must_asprintf("%s/" STATE_DIRECTORY_LEFT, directory);
    DIR *stream = opendir(directory);
    struct dirent *entry;

    rename(maker, left);
    free(maker);
    free(left);
    while (stream && (entry = readdir(stream)) != NULL) {
        char *path = must_asprintf("%s/%s", directory, entry->d_name);

        if (is_state_file(entry->d_name) && !process_file_in_use(path))
            unlink(path);
        free(path);
    }
    if (stream)
        closedir(stream);
}

void state_directory_keep(const char *directory)
{
    char *path = must_asprintf("%s/" STATE_DIRECTORY_MAKER, directory);

    unlink(path);
    free(path);
}

/* Of this user, and made by a process that has ended? One without a maker's name was made
 * by another version, or is to be kept. */
static bool is_left_behind(const char *directory)
{
    char *maker = state_directory_maker(directory);
    struct stat status;
    bool is_left = maker != NULL && lstat(directory, &status) == 0 && S_ISDIR(status.st_mode) &&
                   status.st_uid == geteuid() && process_has_ended(maker);

    free(maker);
    return is_left;
}

static bool has_survivors(const char *directory)
{
    struct survivors survivors;
    bool has;

    survivors_find(&survivors, directory);
    has = survivors.any;
    survivors_free(&survivors);
    return has;
}

static bool is_of_run(const char *directory)
{
    return strncmp(path_base(directory), STATE_DIRECTORY_OF_RUN, strlen(STATE_DIRECTORY_OF_RUN)) == 0;
}

bool state_directory_is_needed(const char *directory)
{
    char *maker = state_directory_maker(directory);
    bool is_needed =
        is_of_run(directory) && (maker != NULL ? !process_has_ended(maker) : has_survivors(directory));

    free(maker);
    return is_needed;
}

void state_directory_remove_unsigned(const char *directory)
{
    char *maker = is_of_run(directory) ? state_directory_maker(directory) : NULL;

    if (maker == NULL && is_of_run(directory) && !has_survivors(directory))
        state_directory_remove(directory);
    free(maker);
}

/* Has it numbers that its run did not get to show? */
static bool is_unseen(const char *directory)
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    uint32_t pid, image;
    bool has_files = false, was_left = false;

    while (stream && (entry = readdir(stream)) != NULL) {
        has_files = has_files || state_file_name(entry->d_name, &pid, &image);
        was_left = was_left || strcmp(entry->d_name, STATE_DIRECTORY_LEFT) == 0;
    }
    if (stream)
        closedir(stream);
    return has_files && !was_left;
}

/* Returns whether it is spared. */
static bool sweep_one(const char *directory, bool spare_unseen)
{
    bool spared;

    if (!is_left_behind(directory) || has_survivors(directory))
        return false;
    spared = spare_unseen && is_unseen(directory);
    if (!spared)
        remove_all(directory);
    return spared;
}

static size_t sweep_in(const char *place, bool spare_unseen)
{
    DIR *stream = opendir(place);
    struct dirent *entry;
    size_t spared = 0;

    while (stream && (entry = readdir(stream)) != NULL) {
        char *path;

        if (strncmp(entry->d_name, STATE_DIRECTORY_OF_RUN, strlen(STATE_DIRECTORY_OF_RUN)) != 0)
            continue;
        path = must_asprintf("%s/%s", place, entry->d_name);
        spared += sweep_one(path, spare_unseen);
        free(path);
    }
    if (stream)
        closedir(stream);
    return spared;
}

/* What kills a run together with its program (a memory group's limit) is followed by a new
 * start: then nobody has seen the numbers yet. */
size_t state_directory_sweep(const char *place, bool spare_unseen)
{
    if (place != NULL)
        return sweep_in(place, spare_unseen);
    for (size_t i = 0; (place = state_place(i)) != NULL; i++)
        sweep_in(place, false);
    return 0;
}

char *state_directory_link(const char *directory, const char *library)
{
    char *path = must_asprintf("%s/" LINK_NAME, directory);

    if (symlink(library, path) == 0)
        return path;
    free(path);
    return NULL;
}
