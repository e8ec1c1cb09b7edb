/* SPDX-License-Identifier: MIT
 *
 * linux_calls.h - the system calls for files, for use inside malloc and free: libc's own
 * functions of these names are cancellation points, and malloc and free are none. A thread
 * that was cancelled in there would leave the program's locks, and ours, taken for ever.
 */
#ifndef HT_PORT_LINUX_CALLS_H
#define HT_PORT_LINUX_CALLS_H

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/base.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* of Linux 5.14 */
#endif

HT_INLINE int call_open(const char *path, int flags, unsigned mode)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE | O_CLOEXEC, mode);
}

HT_INLINE ssize_t call_read(int fd, void *to, size_t bytes)
{
    return syscall(SYS_read, fd, to, bytes);
}

HT_INLINE ssize_t call_write(int fd, const void *from, size_t bytes)
{
    return syscall(SYS_write, fd, from, bytes);
}

HT_INLINE void call_close(int fd)
{
    (void)syscall(SYS_close, fd);
}

#endif /* HT_PORT_LINUX_CALLS_H */
