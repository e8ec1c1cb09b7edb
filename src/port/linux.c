/* SPDX-License-Identifier: MIT
 *
 * linux.c - port.h for Linux, any libc. Uses system call wrappers that neither
 * allocate nor lock; errno is put back after each.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "port/linux_calls.h"
#include "port/port.h"

#define SIGNAL_SET_BYTES ((size_t)8) /* of the kernel's sets; MIPS has 16 */
#define THREAD_EXIT_ROUNDS 4         /* _POSIX_THREAD_DESTRUCTOR_ITERATIONS: every libc makes that many */

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18 /* Linux 4.14, asm-generic/mman-common.h */
#endif

int port_errno_get(void)
{
    return errno;
}

void port_errno_set(int value)
{
    errno = value;
}

/* --- Memory ------------------------------------------------------------- */

/* Plain sums, by any thread. What is given back of data is not told from what was only reserved: little is. */
static struct port_taken taken;

static void *map_anonymous(size_t bytes, int protection)
{
    int error = errno;
    void *memory = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    errno = error;
    if (memory == MAP_FAILED)
        return NULL;
    add_relaxed(&taken.address_space, bytes);
    if (protection != PROT_NONE)
        add_relaxed(&taken.data, bytes);
    return memory;
}

enum port_limit_kind port_limit_kind(int resource)
{
    return resource == RLIMIT_AS     ? PORT_LIMIT_ADDRESS_SPACE
           : resource == RLIMIT_DATA ? PORT_LIMIT_DATA
                                     : PORT_LIMIT_OTHER;
}

int port_limit(int process, int resource, const struct port_limit *limit, struct port_limit *old)
{
    return (int)syscall(SYS_prlimit64, process, resource, limit, old);
}

/* For threads and stacks that are still to come: some 20 of the one, a million of the other. */
#define LIKELY_BYTES ((uint64_t)64 << 20)

/* This library, from the linker. */
extern const char __ehdr_start[] HT_HIDDEN, _end[] HT_HIDDEN;

struct port_taken port_taken(void)
{
    const uint64_t library = (uintptr_t)_end - (uintptr_t)__ehdr_start + LIKELY_BYTES;

    return (struct port_taken){load_relaxed(&taken.address_space) + library,
                               load_relaxed(&taken.data) + library};
}

void *port_map_private(size_t bytes)
{
    void *memory = map_anonymous(bytes, PROT_READ | PROT_WRITE);
    int error = errno;

    /* A huge page behind a table that is touched here and there would cost
     * hundreds of times what is used. */
    if (memory != NULL)
        madvise(memory, bytes, MADV_NOHUGEPAGE);
    errno = error;
    return memory;
}

void port_populate(void *address, size_t bytes)
{
    int error = errno;

    madvise(address, bytes, MADV_POPULATE_WRITE);
    errno = error;
}

void port_unmap(void *address, size_t bytes)
{
    int error = errno;

    if (munmap(address, bytes) == 0)
        add_relaxed(&taken.address_space, 0 - (uint64_t)bytes);
    errno = error;
}

void *port_reserve(size_t bytes)
{
    return map_anonymous(bytes, PROT_NONE);
}

size_t port_reserve_budget(size_t wanted)
{
    int error = errno;
    struct rlimit limit;

    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur / 64 < wanted)
        wanted = (size_t)(limit.rlim_cur / 64);
    errno = error;
    return wanted < PORT_RESERVE_MAX ? wanted : PORT_RESERVE_MAX;
}

bool port_commit(void *address, size_t bytes)
{
    int error = errno;
    bool done = mprotect(address, bytes, PROT_READ | PROT_WRITE) == 0;

    errno = error;
    return done;
}

void port_reserve_again(void *address, size_t bytes)
{
    int error = errno;

    (void)mmap(address, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    errno = error;
}

/* mincore says "not resident" of a page in swap as well as of one that was never
 * touched, so it is believed only where there is no swap. */
void port_touched_pages(const void *address, size_t pages, unsigned char *flags)
{
    int error = errno;
    struct sysinfo info;

    if (sysinfo(&info) != 0 || info.totalswap != 0 ||
        mincore((void *)(uintptr_t)address, pages * port_page_bytes(), flags) != 0)
        memset(flags, 1, pages);
    errno = error;
}

size_t port_page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

bool port_wipe_on_fork(void *page, size_t bytes)
{
    int error = errno;
    bool done = madvise(page, bytes, MADV_WIPEONFORK) == 0;

    errno = error;
    return done;
}

/* --- Process and thread ----------------------------------------------------- */

/* linux/futex.h, which is not beside every libc. */
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

void port_wait(uint32_t *word, uint32_t value, uint64_t ns)
{
    const long time[] = {(long)(ns / 1000000000u),
                         (long)(ns % 1000000000u)}; /* the kernel's timespec, in words */
    int error = errno;

    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, time, NULL, 0);
    errno = error;
}

void port_wake(uint32_t *word)
{
    int error = errno;

    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = error;
}

uint32_t port_process_id(void)
{
    return (uint32_t)getpid();
}

uint32_t port_parent_process_id(void)
{
    return (uint32_t)getppid();
}

uint32_t port_user_id(void)
{
    return (uint32_t)geteuid();
}

uint64_t port_thread_id(void)
{
    return (uint64_t)syscall(SYS_gettid);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now = {0, 0};

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t port_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t port_realtime_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

/* The first hook may run before libc has set environ up; the kernel's copy is
 * there from the start. Looked at once, by the starting thread. */
static const char *initial_environment(const char *name, size_t length)
{
    static char block[32768];
    static size_t block_length;

    if (block_length == 0)
        block_length = port_read_file("/proc/self/environ", block, sizeof block - 1);
    for (size_t at = 0; at < block_length; at += strlen(block + at) + 1) {
        if (strncmp(block + at, name, length) == 0 && block[at + length] == '=')
            return block + at + length + 1;
    }
    return NULL;
}

const char *port_environment(const char *name)
{
    size_t length = strlen(name);

    if (getauxval(AT_SECURE) != 0)
        return NULL;
    if (environ == NULL)
        return initial_environment(name, length);
    for (char **entry = environ; *entry != NULL; entry++) {
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            return *entry + length + 1;
    }
    return NULL;
}

/* Thread exit through a key's destructor. Other keys' destructors may still
 * allocate and free; libc calls destructors in rounds as long as keys have values,
 * so this one puts its value back until the last round. The key is made early, so
 * it is one of those whose value needs no allocation. */
static struct {
    pthread_key_t key;
    bool usable;
    void (*at_exit)(void *);
} thread_exit;

static PORT_THREAD_LOCAL int thread_exit_rounds;

static void thread_exit_destructor(void *argument)
{
    if (++thread_exit_rounds < THREAD_EXIT_ROUNDS && pthread_setspecific(thread_exit.key, argument) == 0)
        return;
    thread_exit.at_exit(argument);
}

bool port_thread_exit_start(void (*at_exit)(void *))
{
    thread_exit.at_exit = at_exit;
    thread_exit.usable = pthread_key_create(&thread_exit.key, thread_exit_destructor) == 0;
    return thread_exit.usable;
}

bool port_thread_exit_register(void *argument)
{
    return thread_exit.usable && pthread_setspecific(thread_exit.key, argument) == 0;
}

bool port_signal_stack(uintptr_t *low, uintptr_t *high)
{
    int error = errno;
    stack_t stack;
    /* (One with SS_AUTODISARM is not told.) */
    bool on_it = sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_ONSTACK) != 0;

    errno = error;
    if (!on_it)
        return false;
    *low = (uintptr_t)stack.ss_sp;
    *high = *low + stack.ss_size;
    return true;
}

/* The kernel loads no interpreter for a static program. */
bool port_is_static(void)
{
    return getauxval(AT_BASE) == 0;
}

void port_fork_handlers(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    pthread_atfork(prepare, parent, child);
}

/* --- Text -------------------------------------------------------------------- */

/* As call_write, but what is no fault of the program must not end it: nobody reads the pipe any more
 * (SIGPIPE), or the file has reached its limit (SIGXFSZ). Such a signal is for the thread that writes; where
 * one was pending already it stays. */
static ssize_t write_unharmed(int fd, const char *text, size_t length)
{
    static const int harm[] = {SIGPIPE, SIGXFSZ};
    const struct timespec no_time = {0};
    sigset_t both, before, pending;
    ssize_t written;

    sigemptyset(&both);
    for (size_t i = 0; i < HT_ARRAY_LENGTH(harm); i++)
        sigaddset(&both, harm[i]);
    pthread_sigmask(SIG_BLOCK, &both, &before);
    sigpending(&pending);
    written = call_write(fd, text, length);
    for (size_t i = 0; i < HT_ARRAY_LENGTH(harm); i++) {
        if (sigismember(&pending, harm[i]))
            sigdelset(&both, harm[i]);
    }
    /* No libc function: those wait as cancellation points. */
    while (written != (ssize_t)length &&
           syscall(SYS_rt_sigtimedwait, &both, NULL, &no_time, SIGNAL_SET_BYTES) > 0)
        ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return written;
}

static struct {
    bool is_kept;
    struct port_file_identity identity;
} standard_error;

static bool takes_lines(int fd, const struct stat *status)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t bytes = sizeof address;

    if (S_ISREG(status->st_mode))
        return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
    if (S_ISSOCK(status->st_mode))
        return getsockname(fd, (struct sockaddr *)&address, &bytes) == 0 && address.ss_family == AF_UNIX;
    return true;
}

struct port_file_identity port_error_identity(void)
{
    struct port_file_identity identity = {0};
    int error = errno;
    struct stat status;

    if (fstat(STDERR_FILENO, &status) == 0 && takes_lines(STDERR_FILENO, &status))
        identity = (struct port_file_identity){status.st_dev, status.st_ino};
    errno = error;
    return identity;
}

static bool is_still_kept(void)
{
    int error = errno;
    struct stat status;
    bool is = !standard_error.is_kept ||
              (fstat(STDERR_FILENO, &status) == 0 && status.st_dev == standard_error.identity.device &&
               status.st_ino == standard_error.identity.inode);

    errno = error;
    return is;
}

void port_keep_error(struct port_file_identity identity)
{
    standard_error.identity = identity;
    standard_error.is_kept = true;
}

bool port_write_error(const char *text, size_t length)
{
    int error = errno;

    if (!is_still_kept())
        return false;
    /* One write: lines of several threads do not mix. Nothing can be done about
     * a closed or full standard error. */
    (void)write_unharmed(STDERR_FILENO, text, length);
    errno = error;
    return true;
}

bool port_append(const char *path, const char *text, size_t length)
{
    int error = errno;
    /* A pipe that nobody reads yet, or any more, is not waited for; one that is read is. */
    int fd = call_open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
    bool all =
        fd >= 0 && fcntl(fd, F_SETFL, O_APPEND) == 0 && write_unharmed(fd, text, length) == (ssize_t)length;

    if (fd >= 0)
        call_close(fd);
    errno = error;
    return all;
}

_Static_assert(PORT_ERROR_NO_MEMORY == ENOMEM && PORT_ERROR_NO_SPACE == ENOSPC &&
                   PORT_ERROR_NAME_TOO_LONG == ENAMETOOLONG,
               "errno values");

const char *port_error_text(int error)
{
    switch (error) {
    case ENOENT: return "no such directory";
    case ENOTDIR: return "not a directory";
    case EACCES: return "permission denied";
    case EPERM: return "it is not a private directory of this user";
    case EROFS: return "read-only file system";
    case ENOSPC: return "no space left";
    case EDQUOT: return "disk quota used up";
    case EFBIG: return "above the file size limit (ulimit -f)";
    case EMFILE:
    case ENFILE: return "too many open files";
    case ENOMEM: return "out of memory";
    case ENAMETOOLONG: return "the name is too long";
    case EOPNOTSUPP:
    case EINVAL: return "the file system cannot reserve space or map files";
    case ENOSYS: return "a system call that it takes is not allowed here";
    default: return "it failed";
    }
}
