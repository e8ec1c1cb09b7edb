/* SPDX-License-Identifier: MIT */
#include "torture/job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/state_directory.h"
#include "util.h"

/* An order that no program comes to: its allocations are then counted all the same. */
#define NEVER "9223372036854775807"

_Noreturn static void become(const struct job *job, const struct job_plan *plan)
{
    struct preload_settings settings = plan->tracking;
    char number[32];
    sigset_t none;
    int null = plan->show_output ? -1 : open("/dev/null", O_RDWR);

    setpgid(0, 0);
    snprintf(number, sizeof number, "%" PRIu64 "%s", job->number, plan->and_after ? "+" : "");
    settings.fail_at = job->number == 0 ? NEVER : number;
    preload_set_options(job->directory, &settings);
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
    sigaction(SIGCHLD, &plan->on_child_end, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(plan->command[0], plan->command);
    _exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE);
}

void job_start(struct job *job, const struct job_plan *plan, uint64_t number, uint64_t timeout_ns)
{
    *job = (struct job){.number = number, .directory = state_directory_make(plan->state_place)};
    if (job->directory == NULL)
        die("no place for the state files any more; give a --state-dir");
    job->start_ns = monotonic_now_ns();
    job->deadline_ns = job->start_ns + timeout_ns;
    job->pid = fork();
    if (job->pid < 0) {
        int error = errno;

        state_directory_remove(job->directory);
        die("cannot start a process: %s; try fewer --jobs", strerror(error));
    }
    if (job->pid == 0)
        become(job, plan);
    setpgid(job->pid, job->pid); /* whoever comes first */
}

void job_kill(const struct job *job)
{
    kill(-job->pid, SIGKILL);
}

bool job_ended(struct job *job)
{
    siginfo_t info = {.si_pid = 0};

    if (!job->timed_out && monotonic_now_ns() >= job->deadline_ns) {
        job->timed_out = true;
        job_kill(job);
    }
    /* WNOWAIT: the pid stays its own until what it started is gone too. A child that is none
     * any more has ended. */
    if (waitid(P_PID, (id_t)job->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return errno == ECHILD;
    if (info.si_pid == 0)
        return false;
    job_kill(job);
    waitpid(job->pid, &job->wait_status, 0);
    return true;
}

void job_clear(struct job *job)
{
    state_directory_remove(job->directory);
    free(job->directory);
    *job = (struct job){0};
}
