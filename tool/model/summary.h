/* SPDX-License-Identifier: MIT
 *
 * summary.h - what every export shows of one process image: plain numbers and
 * text, without the state file behind them.
 */
#ifndef HT_TOOL_SUMMARY_H
#define HT_TOOL_SUMMARY_H

#include <stdbool.h>

#include "heaptracker.h"
#include "model/profile.h"
#include "model/snapshot.h"

enum summary_end {
    END_UNKNOWN, /* it ended, nobody saw how */
    END_RUNNING, /* it ran when these numbers were taken */
    END_EXIT,
    END_SIGNAL,
    END_EXEC, /* the next image of the same process went on */
};

struct summary {
    char *program; /* bytes as the system gave them; "" unknown */
    char *command; /* arguments, each NUL-terminated, the last one too */
    size_t command_bytes;
    bool command_cut;
    uint32_t pid;
    uint32_t parent_pid;
    uint32_t image;
    bool forked;
    enum summary_end ended;
    int32_t status; /* exit status or signal; 0 with the other ends */
    bool exiting;   /* its exit handlers had begun, as far as the file still says */
    double seconds; /* 0 when its end is not known */
    /* The peak was between these two, from the start: points of the timeline. Equal:
     * it is now, or was at the end. peak_to 0: not known. */
    double peak_from_seconds;
    double peak_to_seconds;
    uint64_t threshold_bytes; /* 0: none */
    uint64_t start_ticks;
    uint64_t start_monotonic_ns;
    struct ht_totals totals;
    uint32_t calls_in_progress;
    char *file; /* name of its snapshot, without directory; NULL: not kept */
};

/* One process and the rest of its tree. */
struct report {
    struct summary main;
    struct profile profile; /* of main */
    struct summary *children;
    size_t child_count;
    uint32_t heap; /* 0: all, or the C library's alone; else the one that it is of (model/one_heap.h) */
    uint64_t lost_processes; /* of the tree, that ran uncounted: they could make no state file */
    int32_t lost_error;      /* errno of one of them */
};

/* Where the program was not closed by the tool, asks the system whether it runs. */
void summary_of(struct summary *summary, const struct snapshot *snapshot);

void summary_free(struct summary *summary);

/* Appends *child, whose memory it takes. */
void report_add_child(struct report *report, const struct summary *child);

/* By pid, the images of one in their order. */
void report_sort_children(struct report *report);

/* Counts the marks of processes that got no state file, in the directory of a run (NULL: none). The first
 * process's is not among the lost ones: its errno goes to *main_error, which may be NULL. */
void report_count_lost(struct report *report, const char *directory, uint32_t main_pid, int *main_error);

/* What to do about processes that could make no state file for that errno value. */
const char *lost_remedy(int error);

void report_free(struct report *report);

#endif /* HT_TOOL_SUMMARY_H */
