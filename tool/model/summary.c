/* SPDX-License-Identifier: MIT
 *
 * summary.c - from the bytes of a state file to what people ask.
 */
#include "model/summary.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "model/peak.h"
#include "model/process.h"
#include "util.h"

static enum summary_end end_of(const struct state_header *header)
{
    switch ((enum state_end)header->ended) {
    case STATE_EXITED: return END_EXIT;
    case STATE_SIGNALED: return END_SIGNAL;
    case STATE_EXECED: return END_EXEC;
    case STATE_RUNNING:
        /* A snapshot of a survivor has the moment it was taken; a file in place
         * has none, and may have outlived its process. */
        if (header->end_monotonic_ns != 0)
            return END_RUNNING;
        break;
    case STATE_EXITING: break;
    }
    if (header->pid == 0)
        return END_RUNNING; /* a device, that can send its numbers only while it runs */
    return process_runs(header) ? END_RUNNING : END_UNKNOWN;
}

static void find_peak_time(struct summary *summary, const struct state_view *view)
{
    struct peak peak = peak_of(view);

    summary->peak_to_seconds = summary->seconds;
    if (peak.is_now) {
        summary->peak_from_seconds = summary->seconds;
        return;
    }
    for (uint32_t i = 0; i < view->point_count; i++) {
        const struct state_point *point = state_view_point(view, i);
        double seconds = (double)point->since_start_ns / 1e9;

        if (point->peak_number >= peak.number) {
            summary->peak_to_seconds = seconds;
            return;
        }
        summary->peak_from_seconds = seconds;
    }
}

/* What the threads' bounds add up to may be more than there can be: a peak above all that was ever
 * allocated. */
static void bound_peak_error(struct ht_totals *totals)
{
    uint64_t most =
        totals->bytes_allocated > totals->peak_bytes ? totals->bytes_allocated - totals->peak_bytes : 0;

    totals->peak_error_bytes = min_u64(totals->peak_error_bytes, most);
}

void summary_of(struct summary *summary, const struct snapshot *snapshot)
{
    const struct state_header *header = snapshot->view.header;
    const struct state_facts *facts = snapshot->view.facts;
    uint64_t end_ns = header->end_monotonic_ns;

    *summary = (struct summary){
        .program = must_strdup(facts ? facts->program : ""),
        .command_bytes = facts ? facts->command_bytes : 0,
        .command_cut = facts && facts->command_cut,
        .pid = header->pid,
        .parent_pid = header->parent_pid,
        .image = header->image,
        .forked = header->forked != 0,
        .ended = end_of(header),
        .exiting = header->ended == STATE_EXITING,
        .threshold_bytes = header->threshold_bytes,
        .start_ticks = header->start_ticks,
        .start_monotonic_ns = header->start_monotonic_ns,
        .calls_in_progress = state_view_calls_in_progress(&snapshot->view),
    };
    summary->command = must_malloc(summary->command_bytes + 1);
    if (facts)
        memcpy(summary->command, facts->command, summary->command_bytes);
    summary->command[summary->command_bytes] = '\0';
    if (summary->ended == END_EXIT || summary->ended == END_SIGNAL)
        summary->status = header->end_status;
    if (summary->ended == END_RUNNING && end_ns == 0 && header->pid != 0)
        end_ns = monotonic_now_ns();
    if (end_ns > header->start_monotonic_ns)
        summary->seconds = (double)(end_ns - header->start_monotonic_ns) / 1e9;
    state_view_totals(&snapshot->view, &summary->totals);
    bound_peak_error(&summary->totals);
    find_peak_time(summary, &snapshot->view);
}

void summary_free(struct summary *summary)
{
    free(summary->program);
    free(summary->command);
    free(summary->file);
    *summary = (struct summary){0};
}

void report_add_child(struct report *report, const struct summary *child)
{
    report->children = must_grow(report->children, report->child_count, sizeof *report->children);
    report->children[report->child_count++] = *child;
}

void report_free(struct report *report)
{
    summary_free(&report->main);
    profile_free(&report->profile);
    for (size_t i = 0; i < report->child_count; i++)
        summary_free(&report->children[i]);
    free(report->children);
    *report = (struct report){0};
}

/* Pids rise in the order of the forks, until they are used up; trackers start in whatever order the kernel lets
 * them, and would list siblings differently from run to run. */
static int by_pid(const void *a, const void *b)
{
    const struct summary *left = a, *right = b;

    if (left->pid != right->pid)
        return left->pid < right->pid ? -1 : 1;
    if (left->image != right->image)
        return left->image < right->image ? -1 : 1;
    return (left->start_monotonic_ns > right->start_monotonic_ns) -
           (left->start_monotonic_ns < right->start_monotonic_ns);
}

void report_sort_children(struct report *report)
{
    if (report->child_count)
        qsort(report->children, report->child_count, sizeof *report->children, by_pid);
}

/* The marks in one directory. */
static void count_lost_in(struct report *report, const char *directory, uint32_t main_pid, int *main_error)
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    uint32_t pid, error;

    while (stream && (entry = readdir(stream)) != NULL) {
        if (!state_lost_name(entry->d_name, &pid, &error))
            continue;
        if (pid != main_pid) {
            report->lost_processes++;
            report->lost_error = (int32_t)error;
        } else if (main_error != NULL) {
            *main_error = (int)error;
        }
    }
    if (stream)
        closedir(stream);
}

void report_count_lost(struct report *report, const char *directory, uint32_t main_pid, int *main_error)
{
    char *others;

    if (directory == NULL)
        return;
    others = must_asprintf("%s/" STATE_LOST_DIRECTORY, directory);
    count_lost_in(report, directory, main_pid, main_error);
    count_lost_in(report, others, main_pid, main_error);
    free(others);
}

const char *lost_remedy(int error)
{
    return error == EACCES
               ? "what becomes another user's (su, setpriv, a service) is to be run as that user: "
                 "su USER -c 'heaptracker run ...'"
               : "give another --state-dir";
}
