/* SPDX-License-Identifier: MIT
 *
 * workload MODE - programs whose heap is known to the byte. No stdio: a buffer of
 * it would be an allocation too. Each begins with the same calls:
 *
 *   10 malloc(100), 7 of them freed, calloc(3, 50) made 500 bytes by realloc, one
 *   malloc(64) freed at once, one malloc that fails
 *
 *   allocs 13, frees 9, reallocs 1, bytes 1714, live 800 in 4 blocks,
 *   peak 1000 in 10 blocks, failed 1, temporary 2 (the malloc(64), and the calloc
 *   that its own thread gave back for the realloc before it allocated anew)
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile sink;
static volatile size_t too_much = SIZE_MAX / 2;

static void *keep(void *block)
{
    sink = block; /* the compiler must believe that it is used */
    return block;
}

static void known_calls(void)
{
    void *blocks[10];

    for (int i = 0; i < 10; i++)
        blocks[i] = keep(malloc(100));
    for (int i = 0; i < 7; i++)
        free(blocks[i]);
    keep(realloc(keep(calloc(3, 50)), 500));
    free(keep(malloc(64)));
    keep(malloc(too_much));
}

static void say(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(1);
}

static const struct {
    int signal;
    const char *answer;
} answers[] = {
    {SIGINT, "got INT\n"},   {SIGQUIT, "got QUIT\n"}, {SIGTERM, "got TERM\n"},   {SIGHUP, "got HUP\n"},
    {SIGUSR1, "got USR1\n"}, {SIGUSR2, "got USR2\n"}, {SIGWINCH, "got WINCH\n"},
};

static void on_signal(int signal)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (answers[i].signal == signal)
            say(answers[i].answer);
    _exit(5);
}

_Noreturn static void wait_for_signal(void)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        signal(answers[i].signal, on_signal);
    say("ready\n");
    for (;;)
        pause();
}

/* The child allocates 33 bytes more than it inherits. */
static int with_child(void)
{
    pid_t child = fork();

    if (child == 0) {
        keep(malloc(33));
        exit(0);
    }
    return waitpid(child, NULL, 0) == child ? 0 : 1;
}

/* Keeps a block of 10000 + number bytes, and the path through these two spells the number in
 * binary, the outermost frame first. */
static void spell_one(unsigned number, unsigned bits);

__attribute__((noinline)) static void spell_zero(unsigned number, unsigned bits)
{
    if (bits == 0)
        keep(malloc(10000 + number));
    else
        (number >> (bits - 1) & 1 ? spell_one : spell_zero)(number, bits - 1);
    __asm__ volatile(""); /* not a tail call */
}

__attribute__((noinline)) static void spell_one(unsigned number, unsigned bits)
{
    if (bits == 0)
        keep(malloc(10000 + number));
    else
        (number >> (bits - 1) & 1 ? spell_one : spell_zero)(number, bits - 1);
    __asm__ volatile("");
}

/* The child keeps blocks of 10000 to 10999 bytes, each of a stack of its own; of every third, it has
 * inherited one already. */
static int with_spelling_child(void)
{
    pid_t child;

    for (unsigned step = 3;; step = 1) {
        __asm__("" : "+r"(step)); /* one loop for both: what it calls has the same stacks */
        for (unsigned number = 0; number < 1000; number += step)
            spell_zero(number, 10);
        if (step == 1)
            exit(0);
        child = fork();
        if (child != 0)
            return waitpid(child, NULL, 0) == child ? 0 : 1;
    }
}

/* Leaves a process behind that holds 33 bytes more, until stdin ends. */
static int with_survivor(void)
{
    int ready[2];
    char byte;

    if (pipe(ready) != 0)
        return 1;
    if (fork() == 0) {
        keep(malloc(33));
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
        while (read(STDIN_FILENO, &byte, 1) > 0)
            continue;
        _exit(0);
    }
    return read(ready[0], &byte, 1) == 1 ? 0 : 1;
}

/* As a classic daemon does: this process ends at once. Its child calls nothing until a byte
 * comes on stdin, then keeps 33 bytes more, and ends with stdin. */
static int as_daemon(void)
{
    char byte;

    if (fork() != 0)
        _exit(0);
    setsid();
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    if (read(STDIN_FILENO, &byte, 1) == 1)
        keep(malloc(33));
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    _exit(0);
}

/* Lives on under another name for a while, and ends without exit handlers. */
static int renamed(void)
{
    if (prctl(PR_SET_NAME, "another-name") != 0)
        return 1;
    usleep(200000);
    kill(getpid(), SIGTERM);
    return 1;
}

/* Keeps 1000 bytes more each 50 ms, ten times. */
static int slowly(void)
{
    for (int i = 0; i < 10; i++) {
        usleep(50000);
        keep(malloc(1000));
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    known_calls();
    if (strcmp(mode, "again") == 0)
        known_calls();
    if (strcmp(mode, "exit") == 0)
        return atoi(argv[2]);
    if (strcmp(mode, "say") == 0)
        say("on stdout\n");
    else if (strcmp(mode, "kill") == 0)
        kill(getpid(), SIGKILL);
    else if (strcmp(mode, "wait") == 0)
        wait_for_signal();
    else if (strcmp(mode, "fork") == 0)
        return with_child();
    else if (strcmp(mode, "spell") == 0)
        return with_spelling_child();
    else if (strcmp(mode, "survivor") == 0)
        return with_survivor();
    else if (strcmp(mode, "daemon") == 0)
        return as_daemon();
    else if (strcmp(mode, "rename") == 0)
        return renamed();
    else if (strcmp(mode, "slowly") == 0)
        return slowly();
    else if (strcmp(mode, "exec") == 0)
        execv(argv[2], argv + 2); /* the heap of this image is left as it is */
    return 0;
}
