/* SPDX-License-Identifier: MIT
 *
 * output.c - temporary file in the same directory, then rename.
 */
#include "model/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

#define LINKS_MAX 40 /* Linux's own bound */

/* The mode that a plain open would have given; mkstemp's is stricter. */
static mode_t usual_mode(void)
{
    mode_t mask = umask(0);

    umask(mask);
    return 0666 & ~mask;
}

/* The one thing that a rename replaces and a write would not have: who may do what with the
 * file that was there. Where its group cannot be kept, no other group gets its rights. */
static void take_rights(int fd, const struct stat *old)
{
    mode_t mode = old->st_mode & 0777;

    if (fchown(fd, old->st_uid, old->st_gid) != 0 && fchown(fd, (uid_t)-1, old->st_gid) != 0)
        mode &= ~(mode_t)S_IRWXG;
    fchmod(fd, mode);
}

static void output_free(struct output *output)
{
    free(output->temporary);
    free(output->path);
    *output = (struct output){0};
}

/* old: the file that is there; NULL: none. */
static bool open_beside(struct output *output, const struct stat *old)
{
    int fd;

    output->temporary = must_asprintf("%s.XXXXXX", output->path);
    fd = mkostemp(output->temporary, O_CLOEXEC);
    if (fd < 0)
        return false;
    if (old != NULL)
        take_rights(fd, old);
    else
        fchmod(fd, usual_mode());
    output->stream = fdopen(fd, "w");
    if (output->stream == NULL) {
        close(fd);
        unlink(output->temporary);
    }
    return output->stream != NULL;
}

/* The file that a link to none yet would make, as open follows it; `path` itself where it is
 * no link (malloc'ed). */
static char *end_of_links(const char *path)
{
    char *at = must_strdup(path), target[PATH_MAX];
    ssize_t length;

    for (int links = 0; links < LINKS_MAX; links++) {
        const char *slash = strrchr(at, '/');
        char *next;

        length = readlink(at, target, sizeof target);
        if (length < 0 || length == sizeof target)
            break;
        next = must_asprintf("%.*s%.*s", target[0] == '/' || slash == NULL ? 0 : (int)(slash + 1 - at), at,
                             (int)length, target);
        free(at);
        at = next;
    }
    return at;
}

bool output_open(struct output *output, const char *path)
{
    struct stat status;
    bool there = stat(path, &status) == 0, endless = !there && errno == ELOOP;
    char *real = there ? realpath(path, NULL) : end_of_links(path);
    int error;

    *output = (struct output){.path = real ? real : must_strdup(path)};
    if (*path == '\0')
        errno = ENOENT; /* or the temporary file would come about in this directory */
    else if (endless)
        errno = ELOOP; /* or a link of the ring would be replaced */
    else if (there && !S_ISREG(status.st_mode))
        output->stream = fopen(path, "we"); /* a directory answers EISDIR */
    else
        open_beside(output, there ? &status : NULL);
    if (output->stream != NULL)
        return true;
    error = errno;
    output_free(output);
    errno = error;
    return false;
}

bool output_commit(struct output *output)
{
    bool written = fflush(output->stream) == 0 && !ferror(output->stream);
    int error = errno;

    if (fclose(output->stream) != 0 && written) {
        written = false;
        error = errno;
    }
    if (written && output->temporary && rename(output->temporary, output->path) != 0) {
        written = false;
        error = errno;
    }
    if (!written && output->temporary)
        unlink(output->temporary);
    output_free(output);
    errno = error;
    return written;
}

FILE *output_begin(struct output *output, const char *path)
{
    *output = (struct output){.stream = stdout};
    if (path != NULL && !output_open(output, path))
        die("cannot write %s: %s", path, strerror(errno));
    return output->stream;
}

void output_end(struct output *output)
{
    char *path;

    if (output->path == NULL)
        return;
    path = must_strdup(output->path);
    if (!output_commit(output))
        die("cannot write %s: %s", path, strerror(errno));
    free(path);
}

void output_abandon(struct output *output)
{
    fclose(output->stream);
    if (output->temporary)
        unlink(output->temporary);
    output_free(output);
}

bool output_possible(const char *path)
{
    struct stat status;
    struct output output;

    /* Opening a pipe would wait for its reader, and a reader would see it end. */
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return access(path, W_OK) == 0;
    if (!output_open(&output, path))
        return false;
    output_abandon(&output);
    return true;
}

bool output_replaces(const char *path, const char *input)
{
    struct stat output, status;

    return stat(path, &output) == 0 && stat(input, &status) == 0 && S_ISREG(output.st_mode) &&
           output.st_dev == status.st_dev && output.st_ino == status.st_ino;
}

void output_spare(const char *path, const char *input)
{
    if (path != NULL && input != NULL && output_replaces(path, input))
        die("%s would be replaced by what is made of it; give another -o FILE", input);
}
