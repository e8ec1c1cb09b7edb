/* SPDX-License-Identifier: MIT
 *
 * process.c - reads /proc, and looks through the state directories.
 */
#include "model/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "model/maps.h"
#include "model/snapshot.h"
#include "util.h"

/* How the names of the preloaded libraries begin, for each libc. */
#define PRELOAD_NAME "libheaptracker-preload"

static bool read_line(const char *path, char *line, size_t capacity)
{
    FILE *file = fopen(path, "re");
    bool done = file != NULL && fgets(line, (int)capacity, file) != NULL;

    if (file)
        fclose(file);
    return done;
}

#define BOOT_ID_BYTES sizeof(((struct state_header *)NULL)->boot_id)

/* Empty where it is not known. */
static void read_boot_id(char boot_id[BOOT_ID_BYTES])
{
    if (!read_line("/proc/sys/kernel/random/boot_id", boot_id, BOOT_ID_BYTES))
        boot_id[0] = '\0';
    boot_id[strcspn(boot_id, "\n")] = '\0';
}

static bool same_boot(const struct state_header *header)
{
    char boot_id[BOOT_ID_BYTES];

    read_boot_id(boot_id);
    return header->boot_id[0] == '\0' || strcmp(boot_id, header->boot_id) == 0;
}

/* /proc/PID/stat from its field 3 on (proc(5)). The name before it is in parentheses and may
 * hold some itself. NULL: there is no such process. */
static char *read_stat_line(uint32_t pid, char *line, size_t capacity)
{
    char path[64], *end;

    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    if (!read_line(path, line, capacity) || (end = strrchr(line, ')')) == NULL || end[1] != ' ')
        return NULL;
    return end + 2;
}

/* Where field `field` begins in what read_stat_line gave; NULL: it has not so many. */
static const char *stat_field(const char *fields, int field)
{
    for (int at = 3; fields != NULL && at < field; at++) {
        fields = strchr(fields, ' ');
        fields = fields ? fields + 1 : NULL;
    }
    return fields;
}

/* Fields 3, 4, 20 and 22. */
struct process_stat {
    char letter;
    uint32_t parent_pid;
    uint64_t thread_count;
    uint64_t start_ticks;
};

static bool read_stat(uint32_t pid, struct process_stat *stat)
{
    char line[1024];
    const char *fields = read_stat_line(pid, line, sizeof line), *parent = stat_field(fields, 4),
               *threads = stat_field(fields, 20), *ticks = stat_field(fields, 22);

    if (parent == NULL || threads == NULL || ticks == NULL)
        return false;
    *stat = (struct process_stat){*fields, (uint32_t)strtoul(parent, NULL, 10), strtoull(threads, NULL, 10),
                                  strtoull(ticks, NULL, 10)};
    return true;
}

/* The letter is the first thread's, which may have ended before the others. */
static bool stat_has_ended(const struct process_stat *stat)
{
    return (stat->letter == 'Z' || stat->letter == 'X') && stat->thread_count <= 1;
}

uint64_t process_stack_begin(uint32_t pid)
{
    char line[1024];
    const char *text = stat_field(read_stat_line(pid, line, sizeof line), 28);

    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

uint64_t process_start_ticks(uint32_t pid)
{
    struct process_stat stat;

    return read_stat(pid, &stat) ? stat.start_ticks : 0;
}

uint32_t process_parent(uint32_t pid)
{
    struct process_stat stat;

    return read_stat(pid, &stat) ? stat.parent_pid : 0;
}

bool process_runs(const struct state_header *header)
{
    struct process_stat stat;

    return same_boot(header) && read_stat(header->pid, &stat) && !stat_has_ended(&stat) &&
           (header->start_ticks == 0 || header->start_ticks == stat.start_ticks);
}

enum written { NOT_WRITTEN, WRITTEN, NOT_KNOWN };

/* Has somebody the file open for writing? A mapping counts as that. The kernel answers by
 * giving no lease then (fcntl(2)); that of overlayfs knows nothing of the file below, which
 * is what is mapped. */
static enum written is_written(int fd)
{
    struct statfs system;

    if (fstatfs(fd, &system) != 0 || system.f_type == OVERLAYFS_SUPER_MAGIC)
        return NOT_KNOWN;
    fcntl(fd, F_SETSIG, SIGURG); /* SIGIO, which it would be else, kills who does not expect it */
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
        return errno == EAGAIN ? WRITTEN : NOT_KNOWN;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return NOT_WRITTEN;
}

static int open_file(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static bool read_header(int fd, struct state_header *header)
{
    if (!snapshot_read_header(fd, header))
        return false;
    header->boot_id[sizeof header->boot_id - 1] = '\0';
    return true;
}

static bool writer_runs(int fd)
{
    struct state_header header;

    return read_header(fd, &header) && process_runs(&header);
}

bool process_file_runs(const char *path)
{
    int fd = open_file(path);
    bool runs = fd >= 0 && writer_runs(fd);

    if (fd >= 0)
        close(fd);
    return runs;
}

bool process_file_in_use(const char *path)
{
    int fd = open_file(path);
    bool in_use = fd >= 0 && (writer_runs(fd) || is_written(fd) == WRITTEN);

    if (fd >= 0)
        close(fd);
    return in_use;
}

bool process_file_is_left(const char *path)
{
    int fd = open_file(path);
    bool is_left = fd >= 0 && !writer_runs(fd) && is_written(fd) == NOT_WRITTEN;

    if (fd >= 0)
        close(fd);
    return is_left;
}

/* --- Files whose writer has ended before its forked children -------------------------- */

/* In the innermost namespace that it is in, which is where it called getpid. 0: not known. */
static uint32_t own_pid_of(uint32_t pid)
{
    char path[64], line[256];
    FILE *file;
    uint32_t own = 0;

    snprintf(path, sizeof path, "/proc/%u/status", pid);
    file = fopen(path, "re");
    while (file && own == 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "NSpid:", 6) == 0)
            own = (uint32_t)strtoul(strrchr(line, '\t') ? strrchr(line, '\t') : "", NULL, 10);
    if (file)
        fclose(file);
    return own;
}

struct file_wanted {
    const char *name; /* without directories */
    struct stat status;
    bool is_mapped;
};

/* Compared as files: maps has another device than stat on some file systems (btrfs, overlayfs). */
static bool is_other_mapping(void *context, const struct mapping *mapping)
{
    struct file_wanted *wanted = context;
    struct stat status;

    wanted->is_mapped = !mapping->is_deleted && strcmp(path_base(mapping->path), wanted->name) == 0 &&
                        stat(mapping->path, &status) == 0 && status.st_dev == wanted->status.st_dev &&
                        status.st_ino == wanted->status.st_ino;
    return !wanted->is_mapped;
}

/* Who has the file mapped, of the processes of which this user may know: the one that wrote it, in a
 * container too, or others alone? */
static bool only_others_map(const char *path, uint32_t writer_pid)
{
    struct file_wanted wanted = {.name = path_base(path)};
    DIR *stream = stat(path, &wanted.status) == 0 ? opendir("/proc") : NULL;
    struct dirent *entry;
    uint32_t pid;
    bool by_writer = false, by_others = false;

    while (stream && !by_writer && (entry = readdir(stream)) != NULL) {
        if (!parse_u32(entry->d_name, &pid))
            continue;
        wanted.is_mapped = false;
        maps_each(pid, is_other_mapping, &wanted);
        if (wanted.is_mapped)
            *(own_pid_of(pid) == writer_pid ? &by_writer : &by_others) = true;
    }
    if (stream)
        closedir(stream);
    return by_others && !by_writer;
}

bool process_file_is_inherited(const char *path)
{
    struct state_header header;
    int fd = open_file(path);
    bool is_inherited = fd >= 0 && read_header(fd, &header) && !process_runs(&header) &&
                        is_written(fd) != NOT_WRITTEN && only_others_map(path, header.pid);

    if (fd >= 0)
        close(fd);
    return is_inherited;
}

/* --- A process's name for all times ------------------------------------------------- */

#define IDENTITY_FORMAT "%" PRIu32 ".%" PRIu64 ".%s.%s"

/* Pids are of a namespace. */
static void read_pid_namespace(char name[64])
{
    ssize_t length = readlink("/proc/self/ns/pid", name, 63);

    name[length > 0 ? length : 0] = '\0';
}

char *process_identity(void)
{
    char pid_namespace[64], boot_id[BOOT_ID_BYTES];
    struct process_stat stat = {0};
    uint32_t pid = (uint32_t)getpid();

    read_stat(pid, &stat);
    read_pid_namespace(pid_namespace);
    read_boot_id(boot_id);
    return must_asprintf(IDENTITY_FORMAT, pid, stat.start_ticks, pid_namespace, boot_id);
}

bool process_has_ended(const char *identity)
{
    char pid_namespace[64], boot_id[BOOT_ID_BYTES], *same;
    struct process_stat stat;
    uint32_t pid;
    bool is_other, has_boot_id;

    read_boot_id(boot_id);
    has_boot_id = strrchr(identity, '.') != NULL && strrchr(identity, '.')[1] != '\0';
    if (boot_id[0] != '\0' && has_boot_id && strcmp(strrchr(identity, '.') + 1, boot_id) != 0)
        return true; /* the system was started anew since */
    if (sscanf(identity, "%10" SCNu32 ".", &pid) != 1)
        return false;
    read_pid_namespace(pid_namespace);
    if (strstr(identity, pid_namespace) == NULL)
        return false; /* its pid means nothing here */
    if (!read_stat(pid, &stat) || stat_has_ended(&stat))
        return true;
    same = must_asprintf(IDENTITY_FORMAT, pid, stat.start_ticks, pid_namespace, boot_id);
    is_other = strcmp(same, identity) != 0;
    free(same);
    return is_other;
}

/* --- Where the files are --------------------------------------------------------------- */

const char *state_place(size_t i)
{
    const char *const places[] = {getenv("XDG_RUNTIME_DIR"), "/dev/shm", getenv("TMPDIR"), "/tmp"};

    for (size_t at = 0; at < sizeof places / sizeof places[0]; at++)
        if (places[at] && places[at][0] == '/' && i-- == 0)
            return places[at];
    return NULL;
}

#define IDENTITY_BYTES 256

static char *identity_in(const char *directory, const char *link)
{
    char *path = must_asprintf("%s/%s", directory, link), identity[IDENTITY_BYTES];
    ssize_t length = readlink(path, identity, sizeof identity - 1);

    free(path);
    identity[length > 0 ? length : 0] = '\0';
    return length > 0 ? must_strdup(identity) : NULL;
}

char *state_directory_maker(const char *directory)
{
    char *identity = identity_in(directory, STATE_DIRECTORY_MAKER);

    return identity ? identity : identity_in(directory, STATE_DIRECTORY_LEFT);
}

/* NUMBER.NUMBER.ENDING */
static bool split_name(const char *name, const char *ending, uint32_t *first, uint32_t *second)
{
    char one[16], two[16], rest[8];

    return strlen(name) < 32 && sscanf(name, "%10[0-9].%10[0-9].%7s", one, two, rest) == 3 &&
           strcmp(rest, ending) == 0 && parse_u32(one, first) && parse_u32(two, second);
}

char *state_file_path(const char *directory, uint32_t pid, uint32_t image)
{
    return must_asprintf("%s/%" PRIu32 ".%" PRIu32 ".ht", directory, pid, image);
}

bool state_file_name(const char *name, uint32_t *pid, uint32_t *image)
{
    return split_name(name, "ht", pid, image);
}

bool state_lost_name(const char *name, uint32_t *pid, uint32_t *error)
{
    return split_name(name, "lost", pid, error);
}

/* The best file found so far. */
struct search {
    uint32_t pid;
    bool runs;        /* the process: then only its own file will do */
    uid_t owner;      /* whom to believe: the process's user, or this one */
    uint32_t own_pid; /* in the process's own namespace, as the file has it */
    uint64_t start_ticks;
    char *path;
    uint64_t start_ns; /* of the image at path */
    uint32_t image;
};

/* Images of one process count up; a dead process's pid may have been another's since. */
static bool is_later(const struct search *search, const struct state_header *header)
{
    return search->path == NULL || header->start_realtime_ns > search->start_ns ||
           (header->start_realtime_ns == search->start_ns && header->image > search->image);
}

/* A process that has dropped root's rights began its file with them. */
static bool is_believed(const struct search *search, uid_t owner)
{
    return owner == search->owner || (search->runs && (owner == 0 || owner == geteuid()));
}

static bool is_its(const struct search *search, const struct state_header *header)
{
    if (header->pid != search->own_pid)
        return false;
    return search->runs
               ? same_boot(header) && (header->start_ticks == 0 || header->start_ticks == search->start_ticks)
               : !process_runs(header);
}

static void consider(struct search *search, const char *path)
{
    struct snapshot snapshot;
    struct snapshot_error error;
    const struct state_header *header;

    if (!snapshot_load_outline(&snapshot, path, &error))
        return;
    header = snapshot.view.header;
    if (is_believed(search, snapshot.owner) && is_its(search, header) && is_later(search, header)) {
        free(search->path);
        search->path = must_strdup(path);
        search->start_ns = header->start_realtime_ns;
        search->image = header->image;
    }
    snapshot_free(&snapshot);
}

static bool search_mapping(void *context, const struct mapping *mapping)
{
    struct search *search = context;
    uint32_t pid, image;

    if (!mapping->is_deleted && state_file_name(path_base(mapping->path), &pid, &image) &&
        pid == search->own_pid)
        consider(search, mapping->path);
    return true;
}

/* The process's own mapping names the file wherever it is. */
static void search_mappings(struct search *search)
{
    maps_each(search->pid, search_mapping, search);
}

static bool is_no_tracker(void *found, const struct mapping *mapping)
{
    *(bool *)found = strstr(mapping->path, "/" PRELOAD_NAME) != NULL;
    return !*(bool *)found;
}

bool process_has_tracker(uint32_t pid)
{
    bool found = false;

    maps_each(pid, is_no_tracker, &found);
    return found;
}

static void search_directory(struct search *search, const char *directory, bool places_too)
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    uint32_t pid, image;

    while (stream && (entry = readdir(stream)) != NULL) {
        char *path = must_asprintf("%s/%s", directory, entry->d_name);

        if (state_file_name(entry->d_name, &pid, &image) && pid == search->own_pid)
            consider(search, path);
        else if (places_too && strncmp(entry->d_name, STATE_DIRECTORIES, strlen(STATE_DIRECTORIES)) == 0)
            search_directory(search, path, false);
        free(path);
    }
    if (stream)
        closedir(stream);
}

/* Of a process that has ended this user's own files are believed. */
static struct search search_begin(uint32_t pid)
{
    struct search search = {.pid = pid, .own_pid = pid, .owner = geteuid()};
    struct process_stat process;
    struct stat status;
    char path[64];

    snprintf(path, sizeof path, "/proc/%u", pid);
    if (stat(path, &status) == 0 && read_stat(pid, &process)) {
        search.owner = status.st_uid;
        search.runs = !stat_has_ended(&process);
        search.start_ticks = process.start_ticks;
        search.own_pid = search.runs ? own_pid_of(pid) : pid;
    }
    return search;
}

char *process_mapped_file(uint32_t pid)
{
    struct search search = search_begin(pid);

    if (search.runs)
        search_mappings(&search);
    return search.path;
}

struct deleted_search {
    uint32_t pid, own_pid;
    char *name;
    char *link;
};

/* maps fills addresses up with zeros, map_files does not. */
static char *map_files_link(uint32_t pid, const char *range)
{
    char *end;
    unsigned long long from = strtoull(range, &end, 16), to = strtoull(*end == '-' ? end + 1 : end, NULL, 16);

    return must_asprintf("/proc/%u/map_files/%llx-%llx", pid, from, to);
}

static bool search_deleted(void *context, const struct mapping *mapping)
{
    struct deleted_search *search = context;
    uint32_t pid, image;

    if (!mapping->is_deleted || !state_file_name(path_base(mapping->path), &pid, &image) ||
        pid != search->own_pid)
        return true;
    search->name = must_strdup(mapping->path);
    search->link = map_files_link(search->pid, mapping->range);
    return false;
}

char *process_deleted_file(uint32_t pid, char **link)
{
    struct deleted_search search = {.pid = pid, .own_pid = own_pid_of(pid)};

    maps_each(pid, search_deleted, &search);
    *link = search.link;
    return search.name;
}

char *process_state_file(uint32_t pid)
{
    struct search search = search_begin(pid);
    const char *place;

    if (search.runs)
        search_mappings(&search);
    for (size_t i = 0; search.path == NULL && (place = state_place(i)) != NULL; i++)
        search_directory(&search, place, true);
    return search.path;
}
