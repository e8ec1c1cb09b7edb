/* SPDX-License-Identifier: MIT
 *
 * runner.c - runs one command and says what it cost, by wait4: no shell, no
 * interpreter stands between the clock and the command.
 *
 *   bench_runner [-i INPUT] [-o OUTPUT] [-t SECONDS] [-e NAME=VALUE]... -- COMMAND [ARG...]
 *
 * The command reads INPUT (else nothing); its standard output goes to OUTPUT (else nowhere).
 * After SECONDS it is killed, by SIGALRM.
 * Prints one line: wall_ns cpu_ns peak_rss_kib status end_ns. end_ns is CLOCK_MONOTONIC's; cpu_ns is user and system
 * time of the command and of all children that it waited for; status is 128+N after
 * signal N. The peak is that of the process that had the highest one; the kernel
 * begins it with this program's own, which is less than any command's: it is static, does
 * not allocate, and its caller's memory is gone since its exec.
 * Exit status: 0, or 125 when the command could not be run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CANNOT_RUN 125

static void die(const char *what)
{
    dprintf(STDERR_FILENO, "bench_runner: %s: %s\n", what, strerror(errno));
    _exit(CANNOT_RUN);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t timeval_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

static void redirect(int to, const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC, 0666);
    if (fd < 0 || dup2(fd, to) < 0)
        die(path);
}

int main(int argc, char **argv)
{
    const char *input = "/dev/null", *output = "/dev/null";
    unsigned seconds = 0;
    char *environment[16];
    size_t environment_count = 0;
    int option;

    while ((option = getopt(argc, argv, "+i:o:t:e:")) != -1) {
        if (option == 'i') {
            input = optarg;
        } else if (option == 'o') {
            output = optarg;
        } else if (option == 't') {
            seconds = (unsigned)strtoul(optarg, NULL, 10);
        } else if (option == 'e' && environment_count < sizeof environment / sizeof environment[0]) {
            environment[environment_count++] = optarg;
        } else {
            dprintf(STDERR_FILENO, "usage: bench_runner [-i INPUT] [-o OUTPUT] [-t SECONDS] [-e "
                                   "NAME=VALUE]... -- COMMAND [ARG...]\n");
            return CANNOT_RUN;
        }
    }
    if (optind >= argc) {
        dprintf(STDERR_FILENO, "bench_runner: no command\n");
        return CANNOT_RUN;
    }

    const uint64_t start_ns = now_ns();
    const pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        redirect(STDIN_FILENO, input, O_RDONLY);
        redirect(STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC);
        alarm(seconds); /* an exec keeps it */
        for (size_t i = 0; i < environment_count; i++)
            putenv(environment[i]);
        execvp(argv[optind], argv + optind);
        die(argv[optind]);
    }

    int status;
    struct rusage usage;
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            die("wait4");
    const uint64_t end_ns = now_ns();
    const uint64_t cpu_ns = timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
    printf("%llu %llu %ld %d %llu\n", (unsigned long long)(end_ns - start_ns), (unsigned long long)cpu_ns,
           usage.ru_maxrss, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
           (unsigned long long)end_ns);
    return 0;
}
