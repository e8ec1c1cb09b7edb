/* SPDX-License-Identifier: MIT
 *
 * cmd_torture.c - heaptracker torture: runs a command again and again, each time with
 * another allocation failing, until none is left (curl's torture tests, for any
 * program), and names the places whose failure it did not survive.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/wait.h>

#include "builtin.h"
#include "options.h"
#include "run/fail_sites.h"
#include "run/state_directory.h"
#include "torture/findings.h"

#define JOBS_MAX 256
#define TIMEOUT_S_MAX 86400
#define TIMEOUT_S 10
#define TIMEOUT_FACTOR 10 /* of the usual run's time, where that is more */

struct torture {
    struct job_plan plan;
    const char *fail_site;
    const char *range; /* as it was given */
    uint64_t from, to;
    uint32_t jobs;
    uint32_t timeout_s; /* 0: the default */
    bool json;
    char *base; /* a directory for what all runs need */
    struct target target;
    struct findings findings;
    bool stop; /* no further runs */
};

/* FROM-TO, FROM- or FROM */
static bool parse_range(const char *text, uint64_t *from, uint64_t *to)
{
    char *end;

    *to = UINT64_MAX;
    *from = strtoull(text, &end, 10);
    if (end == text || *text == '-' || *from == 0)
        return false;
    if (*end == '\0')
        *to = *from;
    if (*end == '\0' || (*end == '-' && end[1] == '\0'))
        return true;
    if (*end != '-' || end[1] < '0' || end[1] > '9')
        return false;
    *to = strtoull(end + 1, &end, 10);
    return *end == '\0' && *to >= *from;
}

static void parse(struct torture *torture, int argc, char **argv)
{
    const char *format = "text", *jobs = NULL, *timeout = NULL;
    const struct option_spec specs[] = {
        {0, "range", "FROM-TO", "which allocations fail, one in each run (1-)", &torture->range, NULL},
        {0, "and-after", NULL, "all allocations after it fail too", NULL, &torture->plan.and_after},
        {0, "fail-site", "PATTERN", "only what a FUNCTION[@MODULE] allocates", &torture->fail_site, NULL},
        {0, "timeout", "SECONDS", "a run that takes longer hangs (10 + 10 usual runs)", &timeout, NULL},
        {'j', "jobs", "N", "so many runs at a time (1)", &jobs, NULL},
        {0, "format", "text|json", "of the findings (text)", &format, NULL},
        {'v', "verbose", NULL, "shows the command's own output", NULL, &torture->plan.show_output},
        {0, "state-dir", "DIR", "where the numbers lie while it runs (/dev/shm...)",
         &torture->plan.state_place, NULL},
        {0, NULL, NULL, NULL, NULL, NULL},
    };
    const struct usage usage = {
        .synopsis = "torture [OPTION...] [--] COMMAND [ARGUMENT...]",
        .purpose = "Runs COMMAND once for each of its allocations, which then fails.",
        .notes = "Lists the places whose failed allocation crashed COMMAND or made it hang.\n"
                 "Exit status: 0 it survived all, 1 it did not, 2 that cannot be told.\n",
        .operands_last = true,
    };
    int first = options_parse(argc, argv, &usage, specs);

    if (first >= argc)
        usage_error(argv[0], "give a COMMAND");
    if (!parse_range(torture->range, &torture->from, &torture->to))
        usage_error(argv[0], "--range=%s is no range: use FROM-TO, FROM- or one number; 1 is the first",
                    torture->range);
    if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
        usage_error(argv[0], "unknown format '%s': use text|json", format);
    torture->json = strcmp(format, "json") == 0;
    torture->jobs = options_count(argv[0], "jobs", jobs, 1, 1, JOBS_MAX);
    torture->timeout_s = options_count(argv[0], "timeout", timeout, 0, 1, TIMEOUT_S_MAX);
    fail_orders_check(argv[0], &torture->plan.tracking, torture->fail_site);
    torture->plan.command = argv + first;
}

/* Until a run ends, its time is over, or somebody wants to stop. */
static void wait_for_news(struct torture *torture, const struct job *jobs)
{
    uint64_t now = monotonic_now_ns(), until = now + 1000000000u;
    struct timespec timeout;
    sigset_t news;
    int got;

    for (uint32_t i = 0; i < torture->jobs; i++)
        if (jobs[i].pid != 0 && !jobs[i].timed_out && jobs[i].deadline_ns < until)
            until = jobs[i].deadline_ns > now ? jobs[i].deadline_ns : now;
    timeout = (struct timespec){(time_t)((until - now) / 1000000000u), (long)((until - now) % 1000000000u)};
    sigemptyset(&news);
    sigaddset(&news, SIGCHLD);
    sigaddset(&news, SIGINT);
    sigaddset(&news, SIGTERM);
    got = sigtimedwait(&news, NULL, &timeout);
    if (got == SIGINT || got == SIGTERM) {
        torture->stop = true;
        for (uint32_t i = 0; i < torture->jobs; i++)
            if (jobs[i].pid != 0)
                job_kill(&jobs[i]);
    }
}

static void fail(struct torture *torture, const char *why, const char *remedy)
{
    if (torture->base)
        state_directory_remove(torture->base);
    die("%s: %s; %s", visible_name(torture->plan.command[0]), why, remedy);
}

/* The run without a failure: what is usual, and how long it takes (ns). */
static uint64_t run_usual(struct torture *torture)
{
    struct job job;
    struct job_record record;
    uint64_t timeout_s = torture->timeout_s ? torture->timeout_s : TIMEOUT_S_MAX, took;

    job_start(&job, &torture->plan, 0, timeout_s * 1000000000u);
    while (!job_ended(&job)) {
        struct torture alone = {.jobs = 1};

        wait_for_news(&alone, &job);
        torture->stop |= alone.stop;
    }
    took = monotonic_now_ns() - job.start_ns;
    torture->findings.usual_status = job.wait_status;
    record = findings_add(&torture->findings, &job);
    torture->findings.numbered = record.numbered;
    if (torture->stop || job.timed_out || !record.tracked || signal_of(job.wait_status) != 0) {
        int status = WIFEXITED(job.wait_status) ? WEXITSTATUS(job.wait_status) : 0;
        bool timed_out = job.timed_out;

        job_clear(&job);
        if (torture->stop)
            fail(torture, "stopped", "nothing was found out");
        if (timed_out)
            fail(torture, "it does not end in time without a failure either", "give a longer --timeout");
        if (!record.tracked && status == EXIT_NOT_FOUND)
            fail(torture, "not found", "give a program");
        if (!record.tracked)
            fail(torture, torture->target.why_not ? torture->target.why_not : "it cannot be tracked",
                 torture->target.remedy ? torture->target.remedy : "does it run under 'heaptracker run'?");
        fail(torture, "it crashes without a failure too", "repair that first");
    }
    job_clear(&job);
    return took;
}

static void take_in(struct torture *torture, struct job *job)
{
    struct job_record record = findings_add(&torture->findings, job);

    if (!record.failed && !torture->stop) { /* it makes fewer allocations: the end */
        torture->findings.complete = true;
        torture->to = job->number;
    }
    job_clear(job);
}

static void run_all(struct torture *torture, uint64_t timeout_ns)
{
    struct job *jobs = must_malloc(torture->jobs * sizeof *jobs);
    uint64_t next = torture->from;
    uint32_t running = 0;

    memset(jobs, 0, torture->jobs * sizeof *jobs);
    for (;;) {
        for (uint32_t i = 0; i < torture->jobs && next <= torture->to && !torture->stop; i++) {
            if (jobs[i].pid == 0) {
                job_start(&jobs[i], &torture->plan, next++, timeout_ns);
                running++;
            }
        }
        if (running == 0)
            break;
        wait_for_news(torture, jobs);
        for (uint32_t i = 0; i < torture->jobs; i++) {
            if (jobs[i].pid == 0 || !job_ended(&jobs[i]))
                continue;
            running--;
            if (torture->stop) /* killed: how it would have ended is not known */
                job_clear(&jobs[i]);
            else
                take_in(torture, &jobs[i]);
        }
    }
    free(jobs);
}

static void prepare(struct torture *torture)
{
    struct job_plan *plan = &torture->plan;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t news;

    torture->base = state_directory_make(plan->state_place);
    target_examine(&torture->target, plan->command[0]);
    preload_library(&torture->target, torture->base);
    if (torture->target.libc == TARGET_NONE)
        fail(torture, torture->target.why_not, torture->target.remedy);
    if (torture->fail_site)
        plan->tracking.fail_sites = fail_sites_write(torture->fail_site, torture->base, &torture->target);
    plan->tracking.stacks = "full";
    /* Ignored, as it may have been found, it would never come, nor would any status. */
    sigaction(SIGCHLD, &usual, &plan->on_child_end);
    sigemptyset(&news);
    sigaddset(&news, SIGCHLD);
    sigaddset(&news, SIGINT);
    sigaddset(&news, SIGTERM);
    sigprocmask(SIG_BLOCK, &news, NULL);
}

static void say(const struct torture *torture)
{
    char *site =
        torture->fail_site ? must_asprintf(" --fail-site='%s'", torture->fail_site) : must_strdup("");

    if (torture->json)
        findings_print_json(&torture->findings, torture->plan.command, stdout);
    else if (findings_runs(&torture->findings) > 0 || torture->stop)
        findings_print(&torture->findings, torture->plan.command, site, stdout);
    free(site);
}

/* Nothing failed, and nothing was survived. */
static void say_none_failed(const struct torture *torture)
{
    const char *command = torture->plan.command[0], *site = torture->fail_site;
    uint64_t numbered = torture->findings.numbered;

    if (numbered == 0 && site)
        warning("%s: no allocation was made to fail: '%s' makes none; give another --fail-site", command,
                site);
    else if (numbered == 0)
        warning("%s: no allocation was made to fail: it makes none; is it the program that you mean?",
                command);
    else
        warning("%s: no allocation was made to fail: it makes %" PRIu64 "%s; give another --range than %s",
                command, numbered, site ? " there" : "", torture->range);
}

static int status_of(const struct torture *torture)
{
    if (torture->findings.count > 0)
        return EXIT_ANSWER_NO;
    return torture->stop || findings_runs(&torture->findings) == 0 ? EXIT_UNUSABLE : EXIT_FINE;
}

int cmd_torture(int argc, char **argv)
{
    struct torture torture = {.range = "1-"};
    uint64_t start = monotonic_now_ns(), usual_ns, timeout_ns;
    int status;

    parse(&torture, argc, argv);
    prepare(&torture);
    usual_ns = run_usual(&torture);
    timeout_ns = torture.timeout_s * UINT64_C(1000000000);
    if (timeout_ns == 0)
        timeout_ns = TIMEOUT_S * UINT64_C(1000000000) + TIMEOUT_FACTOR * usual_ns;
    run_all(&torture, timeout_ns);
    findings_sort(&torture.findings);
    torture.findings.seconds_us = (monotonic_now_ns() - start) / 1000;

    say(&torture);
    if (findings_runs(&torture.findings) == 0 && !torture.stop)
        say_none_failed(&torture);
    status = status_of(&torture);
    findings_free(&torture.findings);
    state_directory_remove(torture.base);
    free((char *)torture.plan.tracking.fail_sites);
    free(torture.base);
    target_free(&torture.target);
    return status;
}
