/* SPDX-License-Identifier: MIT
 *
 * linux_files.c - the state file on the disk, and what is read of /proc: how a file is made, grows with its name or
 * without it, and never takes a descriptor for longer than a call.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "port/linux_calls.h"
#include "port/port.h"

/* Reserves first, so that a full disk is an error here and not a SIGBUS later.
 * The size limit is asked first, since passing it would raise SIGXFSZ. */
static int reserve_bytes(int fd, uint64_t offset, size_t bytes)
{
    struct rlimit limit;
    int cancel, error;

    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        offset + bytes > limit.rlim_cur)
        return EFBIG;
    /* Where the file system cannot, libc writes instead: at a cancellation point. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    error = posix_fallocate(fd, (off_t)offset, (off_t)bytes);
    pthread_setcancelstate(cancel, &cancel);
    return error;
}

static int map_file_at(int fd, void *address, uint64_t offset, size_t bytes, bool inherited)
{
    if (mmap(address, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)offset) == MAP_FAILED)
        return errno;
    /* No reading ahead, which would put zeroes into memory for megabytes that nobody has written. */
    (void)madvise(address, bytes, MADV_RANDOM);
    /* A child that shared these counters would count into its parent's numbers. */
    if (!inherited && madvise(address, bytes, MADV_DONTFORK) != 0) {
        int cause = errno;

        port_reserve_again(address, bytes);
        return cause;
    }
    return 0;
}

/* How far a file may grow whose process may not open it any more. */
#define SPARE_BYTES ((uint64_t)64 << 20)

static bool has_holes(int fd)
{
    /* linux/magic.h, which is not beside every libc: tmpfs, ext2 to 4, XFS, Btrfs, F2FS, overlayfs. */
    static const uint32_t kinds[] = {0x01021994, 0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x794c7630};
    struct statfs system;

    if (fstatfs(fd, &system) != 0)
        return false;
    for (size_t i = 0; i < HT_ARRAY_LENGTH(kinds); i++)
        if ((uint32_t)system.f_type == kinds[i])
            return true;
    return false;
}

/* A service of root's becomes another user, or moves into a directory of its own, and then cannot open its file: for
 * that time it is as long now as it may get, most of it a hole. */
static void make_longer(int fd, uint64_t bytes)
{
    struct rlimit limit;

    if (geteuid() == 0 && has_holes(fd) && getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
        (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= bytes + SPARE_BYTES))
        (void)!ftruncate(fd, (off_t)(bytes + SPARE_BYTES)); /* else it cannot grow then */
}

enum port_file_result port_file_create(const char *path, void *address, size_t bytes, int *error)
{
    int saved = errno;
    int fd = call_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    int cause = fd < 0 ? errno : 0;

    if (fd >= 0) {
        cause = fchmod(fd, 0600) != 0 ? errno : reserve_bytes(fd, 0, bytes);
        if (cause == 0)
            cause = map_file_at(fd, address, 0, bytes, false);
        if (cause == 0)
            make_longer(fd, bytes);
        call_close(fd);
        if (cause != 0)
            unlink(path);
    }
    errno = saved;
    *error = cause;
    if (cause == 0)
        return PORT_FILE_OK;
    return fd < 0 && cause == EEXIST ? PORT_FILE_EXISTS : PORT_FILE_DENIED;
}

/* The same without the file's name: a second mapping of what is mapped at `begin` (mremap from a size of 0), as far
 * as is wanted, the end of which goes to its place. MADV_POPULATE_WRITE reserves: an error, where to touch
 * the memory would be a SIGBUS. */
static bool extend_by_mapping(void *begin, void *address, uint64_t offset, size_t bytes, bool inherited)
{
    char *all = mremap(begin, 0, (size_t)offset + bytes, MREMAP_MAYMOVE);
    bool done;

    if (all == MAP_FAILED)
        return false;
    done = mremap(all + offset, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, address) == address;
    munmap(all, (size_t)offset + (done ? 0 : bytes));
    done = done && madvise(address, bytes, MADV_POPULATE_WRITE) == 0 &&
           (!inherited || madvise(address, bytes, MADV_DOFORK) == 0);
    if (!done) /* also what a move that failed has left there */
        port_reserve_again(address, bytes);
    return done;
}

bool port_file_extend(const char *path, void *begin, void *address, uint64_t offset, size_t bytes,
                      bool inherited)
{
    int saved = errno;
    int fd = call_open(path, O_RDWR | O_NOFOLLOW, 0);
    bool done;

    if (fd >= 0) {
        done =
            reserve_bytes(fd, offset, bytes) == 0 && map_file_at(fd, address, offset, bytes, inherited) == 0;
        if (done)
            make_longer(fd, offset + bytes);
        call_close(fd);
    } else {
        done = extend_by_mapping(begin, address, offset, bytes, inherited);
    }
    errno = saved;
    return done;
}

void port_file_remove(const char *path)
{
    int error = errno;

    unlink(path);
    errno = error;
}

bool port_file_mark(const char *path)
{
    int error = errno;
    int fd = call_open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);

    if (fd >= 0)
        call_close(fd);
    errno = error;
    return fd >= 0;
}

bool port_private_directory(const char *path, int *error)
{
    int saved = errno;
    struct stat st;
    int cause = 0;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        cause = errno;
    else if (lstat(path, &st) != 0)
        cause = errno;
    else if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        cause = EPERM;
    errno = saved;
    *error = cause;
    return cause == 0;
}

size_t port_read_file(const char *path, char *buffer, size_t capacity)
{
    int saved = errno;
    int fd = call_open(path, O_RDONLY, 0);
    size_t length = 0;

    while (fd >= 0 && length < capacity) {
        ssize_t n = call_read(fd, buffer + length, capacity - length);

        if (n <= 0)
            break;
        length += (size_t)n;
    }
    if (fd >= 0)
        call_close(fd);
    errno = saved;
    return length;
}

void port_program_path(char *buffer, size_t capacity)
{
    int saved = errno;
    ssize_t length = readlink("/proc/self/exe", buffer, capacity - 1);

    buffer[length > 0 ? length : 0] = '\0';
    errno = saved;
}
