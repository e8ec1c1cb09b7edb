/* SPDX-License-Identifier: MIT
 *
 * Every way to start another program: it runs as it would without the tracker, and
 * what the starting program holds stays exact. execs again N is the program that is
 * started: it allocates and ends with status N.
 */
#include <spawn.h>
#include <sys/wait.h>

#include "check.h"

extern char **environ;
static char *self;

static int status_of(pid_t child)
{
    int status = -1;
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A function of its own: the child runs on this frame until it execs. */
__attribute__((noinline)) static pid_t vfork_and_exec(const char *program, char *const *arguments)
{
    const pid_t child = vfork();
    if (child == 0) {
        execve(program, arguments, environ);
        _exit(99);
    }
    return child;
}

static void by_vfork_and_exec(void)
{
    char *const arguments[] = {self, "again", "7", NULL};
    pid_t child;
    for (int i = 0; i < 20; i++) {
        STEP(child = vfork_and_exec(self, arguments), 0);
        CHECK_EQ(status_of(child), 7);
    }
    STEP(child = vfork_and_exec("/no/such/program", arguments), 0);
    CHECK_EQ(status_of(child), 99);
}

static void by_fork_and_exec(void)
{
    const pid_t child = fork();
    if (child == 0) {
        void *volatile kept = malloc(1000);
        (void)kept;
        execl(self, self, "again", "8", (char *)NULL);
        _exit(99);
    }
    CHECK_EQ(status_of(child), 8);
}

static void by_posix_spawn(void)
{
    char *const arguments[] = {self, "again", "9", NULL};
    const int64_t live = ht_live_bytes();
    pid_t child = -1;
    CHECK_EQ(posix_spawn(&child, self, NULL, NULL, arguments, environ), 0);
    CHECK_EQ(status_of(child), 9);
    CHECK_EQ(ht_live_bytes(), live);
}

static void by_the_shell(void)
{
#if defined(BINDING_PRELOAD) && !defined(__GLIBC__)
    return; /* LD_PRELOAD would reach the shell too, which is a glibc program */
#endif
    char command[600], answer[20] = "";
    const int64_t live = ht_live_bytes();
    snprintf(command, sizeof command, "'%s' again 11", self);
    const int status = system(command);
    CHECK_EQ(WEXITSTATUS(status), 11);
    FILE *pipe = popen("echo from the shell", "r");
    CHECK(pipe && fgets(answer, sizeof answer, pipe));
    CHECK_EQ(pclose(pipe), 0);
    CHECK(strcmp(answer, "from the shell\n") == 0);
    CHECK_EQ(ht_live_bytes(), live);
}

/* The process itself becomes another image: pid.0.ht stays, pid.1.ht is new. */
static void expect_image(int image)
{
    const char *directory = getenv("HT_STATE_DIR");
    if (!directory || strcmp(BINDING, "preload") != 0)
        return;
    char path[512];
    for (int i = 0; i <= image; i++) {
        snprintf(path, sizeof path, "%s/%d.%d.ht", directory, (int)getpid(), i);
        if (access(path, R_OK) != 0)
            FAIL("no file %s", path);
    }
}

static void started(int status)
{
    need_tracker();
    CHECK_EQ(totals_now().inherited_bytes, 0);
    void *p;
    STEP(p = malloc(100), .allocs = 1, .bytes = 100, .live = 100);
    STEP(free(p), .frees = 1, .live = -100);
    exit(status);
}

int main(int count, char **arguments)
{
    self = arguments[0];
    if (count == 3 && strcmp(arguments[1], "again") == 0)
        started(atoi(arguments[2]));
    need_tracker();
    if (count == 3 && strcmp(arguments[1], "image") == 0) {
        expect_image(atoi(arguments[2]));
        return 0;
    }
    by_vfork_and_exec();
    by_fork_and_exec();
    by_posix_spawn();
    by_the_shell();
    CHECK_EQ(totals_now().foreign_frees, 0);
    expect_image(0);
    void *volatile kept = malloc(5000);
    (void)kept;
    execl(self, self, "image", "1", (char *)NULL);
    FAIL("execl: errno %d", errno);
}
