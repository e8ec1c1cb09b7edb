/* SPDX-License-Identifier: MIT
 *
 * findings.h - what a torture found: how the runs ended, and the places whose failed
 * allocation the program did not survive. Runs that failed at the same stack and ended
 * in the same way are one finding.
 */
#ifndef HT_TOOL_TORTURE_FINDINGS_H
#define HT_TOOL_TORTURE_FINDINGS_H

#include <stdio.h>

#include "model/symbols.h"
#include "torture/job.h"

enum outcome {
    OUTCOME_SAME,   /* the exit status is that of a run without a failure */
    OUTCOME_STATUS, /* it is another */
    OUTCOME_CRASH,  /* a signal killed it */
    OUTCOME_HANG,   /* it had not ended in time */
    OUTCOMES,
};

struct finding {
    enum outcome outcome; /* OUTCOME_CRASH or OUTCOME_HANG */
    int signal;
    uint64_t key;      /* of the stack: the same in every run */
    uint64_t size;     /* that the first of them asked for */
    uint64_t *numbers; /* the allocations, by number */
    size_t number_count;
    struct place *places; /* of the stack, innermost first */
    size_t place_count;
};

struct findings {
    int usual_status;        /* of the run without a failure; as waitpid gives it */
    uint64_t runs[OUTCOMES]; /* in which an allocation failed */
    uint64_t last;           /* the highest number that was made to fail */
    uint64_t numbered;       /* allocations of the run without a failure, that may be made to fail */
    uint64_t seconds_us;     /* the whole took; microseconds */
    bool complete;           /* a run beyond the last number had no failure any more */
    struct finding *items;
    size_t count;
};

/* What the state files of a job say. */
struct job_record {
    bool tracked;
    bool failed; /* an allocation was made to fail */
    uint64_t numbered;
};

/* Takes in how a job ended. */
struct job_record findings_add(struct findings *findings, const struct job *job);

/* The signal that ended it, directly or by a shell's word (status 128 + N); 0: none. */
int signal_of(int wait_status);

/* Runs in which an allocation was made to fail. */
uint64_t findings_runs(const struct findings *findings);

void findings_sort(struct findings *findings);
void findings_print(const struct findings *findings, char **command, const char *options, FILE *out);
void findings_print_json(const struct findings *findings, char **command, FILE *out);
void findings_free(struct findings *findings);

#endif /* HT_TOOL_TORTURE_FINDINGS_H */
