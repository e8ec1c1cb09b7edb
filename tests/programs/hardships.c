/* SPDX-License-Identifier: MIT
 *
 * hardships NAME - the program takes something away that a tracker might rely on, and
 * goes on; the counts must too.
 *
 * descriptors  closes all descriptors; the tracker has kept none open
 * no-files     may not open any file, and forks
 * daemon       becomes a daemon
 * no-room      may not write files at all (the limit is set by the caller)
 * little       may have 256 MiB of address space (the limit is set by the caller)
 * narrow       has less address space left than a child's tables take: it goes on uncounted
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"

static void counts_go_on(void)
{
    char *p;
    STEP(p = malloc(100), .allocs = 1, .bytes = 100, .live = 100);
    STEP(p = realloc(p, 5000000), .allocs = 1, .frees = 1, .bytes = 5000000, .live = 4999900, .reallocs = 1);
    p[4999999] = 1;
    STEP(free(p), .frees = 1, .live = -5000000);
    char *many[1000];
    const struct ht_totals before = totals_now();
    for (size_t i = 0; i < 1000; i++) {
        many[i] = malloc(1000 + i);
        CHECK(many[i]);
    }
    CHECK_EQ(totals_now().live_bytes - before.live_bytes, 1499500);
    for (size_t i = 0; i < 1000; i++)
        free(many[i]);
    CHECK_EQ(totals_now().live_bytes, before.live_bytes);
    CHECK_EQ(totals_now().lost_blocks, 0);
}

static void *in_a_thread(void *argument)
{
    char *p = malloc(100);
    *p = 1;
    free(p);
    return argument;
}

static void threads_go_on(void)
{
    const struct ht_totals before = totals_now();
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        CHECK_EQ(pthread_create(&thread, NULL, in_a_thread, NULL), 0);
        pthread_join(thread, NULL);
    }
    CHECK(totals_now().allocs - before.allocs >= 50);
    CHECK_EQ(totals_now().threads - before.threads, 50);
}

/* The child of a program that cannot open files. */
static void forks_go_on(void)
{
    void *kept = malloc(10);
    const struct ht_totals before = totals_now();
    const pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(totals_now().live_bytes, before.live_bytes);
        STEP(free(kept), .frees = 1, .live = -10);
        counts_go_on();
        _exit(0);
    }
    int status = -1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    const struct change none = {0};
    check_change(__FILE__, __LINE__, "a fork under hardship", &before, none);
    free(kept);
}

static void without_descriptors(void)
{
    /* run.sh closes what is not standard: the next number is 3. */
    const int first = open("/dev/null", O_RDONLY);
    CHECK_EQ(first, 3);
    for (int i = 0; i < 1000; i++)
        if (i != STDERR_FILENO)
            close(i);
#ifdef SYS_close_range
    syscall(SYS_close_range, 3u, ~0u, 0u);
#endif
    counts_go_on();
    threads_go_on();
    forks_go_on();
    CHECK_EQ(open("/dev/null", O_RDONLY), 0);
}

static void without_files(void)
{
    const struct rlimit none = {0, 0};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    counts_go_on();
    threads_go_on();
    forks_go_on();
}

static void as_a_daemon(void)
{
    int answer[2];
    CHECK_EQ(pipe(answer), 0);
    void *kept = malloc(1000);
    const int64_t live = ht_live_bytes();
    const pid_t starter = fork();
    if (starter == 0) {
        close(answer[0]);
        if (daemon(0, 1) != 0)
            _exit(1);
        CHECK_EQ(ht_live_bytes(), live);
        STEP(free(kept), .frees = 1, .live = -1000);
        counts_go_on();
        threads_go_on();
        _exit(write(answer[1], "fine", 4) == 4 ? 0 : 1);
    }
    close(answer[1]);
    char said[8] = "";
    CHECK_EQ(read(answer[0], said, sizeof said), 4);
    waitpid(starter, NULL, 0);
    CHECK_EQ(ht_live_bytes(), live);
    free(kept);
}

static void without_address_space(void)
{
    const struct rlimit little = {64 << 20, 64 << 20};
    void *kept = malloc(100);
    CHECK_EQ(setrlimit(RLIMIT_AS, &little), 0);
    for (int i = 0; i < 3; i++) {
        const pid_t child = fork();
        if (child == 0) {
            free(kept);
            for (int n = 0; n < 10; n++)
                free(malloc(100));
            const pid_t grandchild = fork();
            if (grandchild == 0) {
                free(malloc(100));
                _exit(0);
            }
            int status = -1;
            CHECK_EQ(waitpid(grandchild, &status, 0), grandchild);
            _exit(status != 0);
        }
        int status = -1;
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
    }
    STEP(free(kept), .frees = 1, .live = -100);
}

int main(int count, char **arguments)
{
    const char *name = count > 1 ? arguments[1] : "";
    need_tracker();
    if (strcmp(name, "descriptors") == 0)
        without_descriptors();
    else if (strcmp(name, "no-files") == 0)
        without_files();
    else if (strcmp(name, "daemon") == 0)
        as_a_daemon();
    else if (strcmp(name, "narrow") == 0)
        return without_address_space(), 0;
    else if (strcmp(name, "no-room") != 0 && strcmp(name, "little") != 0)
        FAIL("unknown hardship '%s'", name);
    counts_go_on();
    threads_go_on();
    if (strcmp(name, "no-files") != 0)
        forks_go_on();
    CHECK_EQ(totals_now().foreign_frees, 0);
    return 0;
}
