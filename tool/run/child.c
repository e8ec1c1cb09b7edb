/* SPDX-License-Identifier: MIT
 *
 * child.c - fork, exec, wait, and the signals meanwhile.
 *
 * What the terminal sends (its keys, a hang-up, a new size) reaches the program by itself,
 * and the tool lets it pass, so as to outlive the program and report. What a process
 * sends to the tool is handed on. The program starts with the signals as the tool
 * found them; one that was ignored then (nohup) stays ignored by both. After its end they
 * are the tool's own again, so that it can be stopped while it reports. Stop and
 * continue keep their usual effect, so that a shell's ^Z and fg move both.
 */
#include "run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "model/process.h"
#include "util.h"

/* What the tool does with a signal while the program runs. */
static const struct rule {
    int signal;
    enum { IGNORE, HAND_ON, DEFAULT } action;
} rules
    [] =
        {
            {SIGINT, HAND_ON},   {SIGQUIT, HAND_ON}, {SIGTERM, HAND_ON},
            {SIGHUP, HAND_ON},   {SIGUSR1, HAND_ON}, {SIGUSR2, HAND_ON},
            {SIGWINCH, HAND_ON}, {SIGPIPE, IGNORE}, /* a reader that left must not cost the exit status */
            {SIGCHLD, DEFAULT},                     /* ignored, it would make the exit status unknown */
};

#define RULES (sizeof rules / sizeof rules[0])

/* What the program gets back at its start. */
struct before {
    sigset_t mask;
    struct sigaction actions[RULES];
};

/* Read by the handler; set while the signals are blocked. */
static volatile pid_t forward_to;

/* The kernel sends the terminal's signals to the whole foreground group, the program
 * included, and a program that signals its own group has had it too. */
static void forward(int signal, siginfo_t *info, void *context)
{
    int error = errno;

    (void)context;
    if (forward_to > 0 && info->si_code != SI_KERNEL && info->si_pid != forward_to)
        kill(forward_to, signal);
    errno = error;
}

static void signals_take(struct before *before)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, usual = {.sa_handler = SIG_DFL};
    struct sigaction hand_on = {.sa_sigaction = forward, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before->mask);
    for (size_t i = 0; i < RULES; i++) {
        const struct rule *rule = &rules[i];

        sigaction(rule->signal, NULL, &before->actions[i]);
        if (rule->action == HAND_ON && before->actions[i].sa_handler == SIG_IGN)
            continue;
        sigaction(rule->signal,
                  rule->action == HAND_ON  ? &hand_on
                  : rule->action == IGNORE ? &ignore
                                           : &usual,
                  NULL);
    }
}

static void signals_give_back(const struct before *before)
{
    for (size_t i = 0; i < RULES; i++)
        sigaction(rules[i].signal, &before->actions[i], NULL);
    sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

/* After the program's end there is nobody to hand them on to. What is ignored stays so: the
 * summary's reader may leave too. */
static void signals_let_go(const struct before *before)
{
    for (size_t i = 0; i < RULES; i++)
        if (rules[i].action == HAND_ON)
            sigaction(rules[i].signal, &before->actions[i], NULL);
    sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

_Noreturn static void become(char **command, const struct before *before, int error_pipe)
{
    int error;
    ssize_t written;

    signals_give_back(before);
    execvp(command[0], command);
    error = errno;
    written = write(error_pipe, &error, sizeof error);
    _exit(written == sizeof error ? EXIT_CANNOT_EXECUTE : EXIT_TOOL_FAILED);
}

/* The pipe closes by itself when exec succeeds: then there is nothing to read. */
static int read_exec_error(int fd)
{
    int error = 0;
    ssize_t got;

    do
        got = read(fd, &error, sizeof error);
    while (got < 0 && errno == EINTR);
    return got == sizeof error ? error : 0;
}

/* Until it has ended. A stopped program is waited for like a running one. SIGCHLD is
 * blocked, so one that comes before sigtimedwait ends that at once. WNOWAIT: the pid
 * is kept until no signal is handed on to it any more; then it may be a stranger's. */
static void wait_for_end(pid_t pid, struct rss_tree *rss, struct image_watch *watch)
{
    sigset_t ended;

    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    for (;;) {
        siginfo_t info = {.si_pid = 0};
        uint64_t wait_ns = rss_tree_wait_ns(rss);
        struct timespec timeout = {(time_t)(wait_ns / 1000000000u), (long)(wait_ns % 1000000000u)};

        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno != EINTR)
            BUG("the program cannot be waited for");
        if (info.si_pid == pid)
            return;
        if (sigtimedwait(&ended, NULL, &timeout) < 0 && errno == EAGAIN) {
            image_watch_look(watch, pid);
            rss_tree_sample(rss, pid);
        }
    }
}

bool child_run(struct child *child, char **command, struct rss_tree *rss, struct image_watch *watch)
{
    struct before before;
    sigset_t mask;
    int pipe_ends[2], error;

    *child = (struct child){0};
    if (pipe2(pipe_ends, O_CLOEXEC) != 0)
        return false;
    signals_take(&before);
    child->pid = fork();
    error = errno;
    if (child->pid == 0)
        become(command, &before, pipe_ends[1]);
    forward_to = child->pid;
    mask = before.mask;
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    close(pipe_ends[1]);
    if (child->pid > 0)
        child->exec_error = read_exec_error(pipe_ends[0]);
    close(pipe_ends[0]);
    if (child->pid < 0) {
        signals_let_go(&before);
        errno = error;
        return false;
    }

    wait_for_end(child->pid, rss, watch);
    child->end_monotonic_ns = monotonic_now_ns();
    forward_to = 0;
    /* While it was not waited for it is still there. */
    process_name_read(child->pid, child->last_name);
    child->start_ticks = process_start_ticks((uint32_t)child->pid);
    waitpid(child->pid, &child->wait_status, 0);
    signals_let_go(&before);
    return true;
}
