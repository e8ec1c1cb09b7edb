/* SPDX-License-Identifier: MIT
 *
 * job.h - one run of a command in which one allocation fails: a process group of its
 * own, which ends by itself or is killed when its time is over.
 */
#ifndef HT_TOOL_TORTURE_JOB_H
#define HT_TOOL_TORTURE_JOB_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "run/preload.h"

/* What all jobs have in common. */
struct job_plan {
    char **command;
    struct preload_settings tracking; /* but for fail_at */
    bool and_after;                   /* all allocations after the Nth fail too */
    bool show_output;                 /* else standard input, output and error are /dev/null */
    const char *state_place;
    struct sigaction on_child_end; /* what the command finds SIGCHLD to do */
};

struct job {
    pid_t pid; /* 0: the place is free */
    uint64_t number;
    char *directory;
    uint64_t start_ns, deadline_ns; /* CLOCK_MONOTONIC */
    bool timed_out;
    int wait_status;
};

/* SIGCHLD, SIGINT and SIGTERM, which the caller has blocked; the command starts with
 * none of them blocked. die() when no process can be made. number 0: none fails. */
void job_start(struct job *job, const struct job_plan *plan, uint64_t number, uint64_t timeout_ns);

/* Has it ended? Kills it when its time is over. */
bool job_ended(struct job *job);

void job_kill(const struct job *job);

/* After its end: what is left of its group and its files. */
void job_clear(struct job *job);

#endif /* HT_TOOL_TORTURE_JOB_H */
