/* SPDX-License-Identifier: MIT
 *
 * target.c - reads the first bytes of scripts and ELF files. The files are any
 * user's: every offset is checked before use.
 */
#include "run/target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "model/executable.h"
#include "model/loader.h"
#include "util.h"

#define SCRIPT_DEPTH_MAX 5  /* as the kernel: then exec fails */
#define SCRIPT_LINE_MAX 255 /* longest #! line that the kernel reads */
#define PROGRAM_HEADERS_MAX 512

static const char link_in[] =
    "link the tracker in (CMake: HeapTracker::wrap, else: pkg-config --libs heaptracker)";

static const struct target cannot_static = {
    TARGET_NONE, "it is statically linked, and no library can be preloaded into it", link_in, NULL, NULL};
static const struct target cannot_secure = {
    TARGET_NONE,
    "it gets another user's rights or capabilities, and the system then ignores preloaded libraries",
    "run it as the user whose rights it gets, or link the tracker in (CMake: HeapTracker::wrap)", NULL, NULL};
static const struct target cannot_foreign = {
    TARGET_NONE, "it is built for another machine or word size",
    "use a HeapTracker built for that machine, or link the tracker in", NULL, NULL};
static const struct target counts_itself = {
    TARGET_NONE, "it defines malloc itself, which only the tracker that is linked in sees",
    "that one left no numbers: is its --state-dir full?", NULL, NULL};

/* What this tool itself is built for: what its libraries are built for too. */
static bool read_elf_header(int fd, ElfW(Ehdr) * header)
{
    return pread(fd, header, sizeof *header, 0) == sizeof *header &&
           memcmp(header->e_ident, ELFMAG, SELFMAG) == 0;
}

static bool same_machine(const ElfW(Ehdr) * header)
{
    static ElfW(Ehdr) self;

    if (self.e_ident[0] == 0) {
        int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

        if (fd < 0 || !read_elf_header(fd, &self))
            self = *header; /* no /proc: believe that it fits */
        if (fd >= 0)
            close(fd);
    }
    return header->e_ident[EI_CLASS] == self.e_ident[EI_CLASS] &&
           header->e_ident[EI_DATA] == self.e_ident[EI_DATA] && header->e_machine == self.e_machine;
}

bool target_is_library(const char *path)
{
    ElfW(Ehdr) header;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool fits = fd >= 0 && read_elf_header(fd, &header) && same_machine(&header);

    if (fd >= 0)
        close(fd);
    return fits;
}

/* The path of the program's loader; false when it has none. */
static bool read_interpreter(int fd, const ElfW(Ehdr) * header, char *path, size_t capacity)
{
    ElfW(Phdr) program;

    for (size_t i = 0; i < header->e_phnum && i < PROGRAM_HEADERS_MAX; i++) {
        off_t at = (off_t)(header->e_phoff + i * header->e_phentsize);
        ssize_t got;

        if (pread(fd, &program, sizeof program, at) != sizeof program)
            return false;
        if (program.p_type != PT_INTERP)
            continue;
        got = pread(fd, path, program.p_filesz < capacity ? program.p_filesz : capacity - 1,
                    (off_t)program.p_offset);
        path[got > 0 ? got : 0] = '\0';
        return got > 0;
    }
    return false;
}

/* Would the kernel start it in secure mode, where the loader ignores LD_PRELOAD? */
static bool gains_rights(int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return false;
    return ((status.st_mode & S_ISUID) && status.st_uid != getuid()) ||
           ((status.st_mode & S_ISGID) && (status.st_mode & S_IXGRP) && status.st_gid != getgid()) ||
           (getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0);
}

/* Such a runtime refuses to start, or crashes, when another library's malloc comes before
 * its own. What is said lives as long as the tool: `why_not` belongs to nobody. */
static struct target cannot_sanitized(const struct sanitizer *sanitizer)
{
    static char why_not[96], remedy[128];

    snprintf(why_not, sizeof why_not, "it is built with %s, whose runtime has a malloc of its own",
             sanitizer->name);
    snprintf(remedy, sizeof remedy, "build it without -fsanitize=%s%s", sanitizer->option,
             sanitizer->finds_leaks ? ", or use the sanitizer's own leak check" : "");
    return (struct target){TARGET_NONE, why_not, remedy, NULL, NULL};
}

/* Where the malloc of the program is one that no preloaded library may or can precede. */
static bool has_own_malloc(struct target *target, const char *path)
{
    struct executable executable;

    if (!executable_read(&executable, path))
        return false;
    if (executable.sanitizer != NULL)
        *target = cannot_sanitized(executable.sanitizer);
    else if (executable.defines_malloc && executable.has_tracker)
        *target = counts_itself; /* under a preloaded tracker it would leave the counting to that one */
    return target->libc == TARGET_NONE;
}

static enum target_libc libc_of(const char *loader)
{
    return loader_of(loader) == LOADER_MUSL ? TARGET_MUSL : TARGET_GLIBC;
}

static void examine_elf(struct target *target, int fd, const ElfW(Ehdr) * header, const char *path)
{
    char interpreter[256];

    if (!same_machine(header)) {
        *target = cannot_foreign;
    } else if (!read_interpreter(fd, header, interpreter, sizeof interpreter)) {
        /* A loader that is started as a program, as bundles do, loads what is preloaded. */
        *target = loader_of(path) == LOADER_NONE ? cannot_static : (struct target){.libc = libc_of(path)};
    } else if (gains_rights(fd)) {
        *target = cannot_secure;
    } else if (!has_own_malloc(target, path)) {
        target->libc = libc_of(interpreter);
        target->loader = must_strdup(interpreter);
    }
}

/* The interpreter that a script's first line names; for a text without one, what
 * execvp falls back to. */
static void script_interpreter(int fd, char *path, size_t capacity)
{
    char line[SCRIPT_LINE_MAX + 1], *name;
    ssize_t got = pread(fd, line, SCRIPT_LINE_MAX, 0);

    line[got > 0 ? got : 0] = '\0';
    name = line + 2;
    name += strspn(name, " \t");
    name[strcspn(name, " \t\n")] = '\0';
    snprintf(path, capacity, "%s", strncmp(line, "#!", 2) == 0 && *name ? name : "/bin/sh");
}

bool target_is_script(const char *path, const char *interpreter)
{
    char first[2], name[SCRIPT_LINE_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_script = fd >= 0 && pread(fd, first, 2, 0) == 2 && memcmp(first, "#!", 2) == 0;

    if (is_script)
        script_interpreter(fd, name, sizeof name);
    if (fd >= 0)
        close(fd);
    return is_script && strcmp(name, interpreter) == 0;
}

/* Where exec would find `command`: itself when it has a slash, else through PATH. */
static bool find_command(const char *command, char *path, size_t capacity)
{
    const char *path_variable = getenv("PATH");
    const char *search = path_variable != NULL ? path_variable : "/bin:/usr/bin";

    if (strchr(command, '/')) {
        snprintf(path, capacity, "%s", command);
        return true;
    }
    for (;;) {
        int length = (int)strcspn(search, ":");
        struct stat status;

        snprintf(path, capacity, "%.*s%s%s", length, search, length ? "/" : "", command);
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0)
            return true;
        if (search[length] == '\0')
            return false;
        search += length + 1;
    }
}

void target_examine(struct target *target, const char *command)
{
    char path[4096];

    /* What cannot be read (mode 0711) is most often an ordinary program. */
    *target = (struct target){.libc = TARGET_GLIBC};
    if (!find_command(command, path, sizeof path))
        return;
    for (int depth = 0; depth < SCRIPT_DEPTH_MAX; depth++) {
        ElfW(Ehdr) header;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        bool is_elf = fd >= 0 && read_elf_header(fd, &header);

        if (fd < 0)
            return;
        if (is_elf)
            examine_elf(target, fd, &header, path);
        else
            script_interpreter(fd, path, sizeof path);
        close(fd);
        if (is_elf) {
            target->file = must_strdup(path);
            return;
        }
    }
}

void target_free(struct target *target)
{
    free(target->file);
    free(target->loader);
    *target = (struct target){0};
}
