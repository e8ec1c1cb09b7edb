/* SPDX-License-Identifier: MIT
 *
 * own_limits.c - a program that limits its own address space, and its own data, to 512 MiB: says whether it is told so, and
 * whether blocks of 300 MiB and of 800 MiB are to be had then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static const char *has(size_t bytes)
{
    void *volatile block = malloc(bytes);
    const char *word = block != NULL ? "yes" : "no";

    free(block);
    return word;
}

static void try_limit(const char *name, int resource)
{
    const struct rlimit wanted = {512 * MIB, 512 * MIB};
    struct rlimit told = {0, 0};
    const int set = setrlimit(resource, &wanted), got = getrlimit(resource, &told);

    printf("%s: %s, %s; 300 MiB: %s, 800 MiB: %s\n", name, set == 0 ? "set" : "not set",
           got == 0 && told.rlim_cur == wanted.rlim_cur && told.rlim_max == wanted.rlim_max ? "told"
                                                                                            : "told wrong",
           has(300 * MIB), has(800 * MIB));
    fflush(stdout);
}

int main(void)
{
    free(malloc(1)); /* the tracker has what it needs */
    if (fork() == 0) {
        try_limit("address space", RLIMIT_AS);
        _exit(0);
    }
    wait(NULL);
    if (fork() == 0) {
        try_limit("data", RLIMIT_DATA);
        _exit(0);
    }
    wait(NULL);
    return 0;
}
