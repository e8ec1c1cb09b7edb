/* SPDX-License-Identifier: MIT
 *
 * verdict.h - limits held against a run: which are broken, by how much, and by which
 * sites. verdict.c judges, and knows the reasons as numbers and kinds; the words for them
 * are wording.c's.
 *
 * Numbers that losses, or threads, make unsure are known to lie between two values; a limit
 * between them is neither kept nor broken.
 */
#ifndef HT_TOOL_VERDICT_H
#define HT_TOOL_VERDICT_H

#include "check/limits.h"
#include "model/rows.h"
#include "model/summary.h"
#include "model/symbols.h"

enum result { RESULT_WITHIN, RESULT_OVER, RESULT_UNSURE };

enum finding_about {
    ABOUT_PROGRAM,  /* a limit of the whole program */
    ABOUT_SITES,    /* of the sites that a pattern means */
    ABOUT_BASELINE, /* what has become of the baseline's number */
    ABOUT_STATUS,   /* the command's exit status */
};

/* What of a pattern's limit should be known, whatever the numbers say. */
enum finding_flaw {
    FLAW_NONE,
    FLAW_NO_SITE,   /* the pattern means no site */
    FLAW_NAMELESS,  /* nor can it: no function of the program has a name */
    FLAW_NO_STACKS, /* nor was any stack kept: nothing is judged */
    FLAW_FALSE,     /* the program's numbers cannot be true, whatever they are compared with */
};

/* Sites that are named for one broken limit. */
#define CULPRITS_MAX 5

struct culprit {
    struct place places[ROW_PLACES]; /* the deciding frame, then its callers; none: see label */
    size_t place_count;
    enum site_kind kind;
    const char *label; /* what stands for a stack that is not there; NULL: places[0] is */
    int64_t bytes;     /* of what the limit is about; 0 where only the number is known */
    int64_t count;     /* blocks or calls */
};

struct finding {
    enum finding_about about;
    enum limit_of of; /* not of ABOUT_STATUS; of ABOUT_BASELINE the peak or what is live */
    const char *glob; /* ABOUT_SITES, the limits' own: for the wording only */
    enum finding_flaw flaw;
    enum result result;
    enum limit_unit unit;
    bool is_change; /* against a baseline: `actual` may be compared with `before` */
    int64_t before;
    int64_t actual; /* percents in thousandths */
    int64_t limit;
    int64_t highest; /* what `actual` may be; usually the same */
    int64_t lowest;
    uint64_t threads_bytes; /* of `highest`, what several threads may have left out of a peak */
    bool losses;            /* of the two, anything else */
    struct culprit culprits[CULPRITS_MAX];
    size_t culprit_count;
    size_t more_culprits; /* sites beyond those */
    /* In words: */
    char *name;          /* "max-peak", "site parse_*:live", "baseline peak", "exit status" */
    char *message;       /* one sentence */
    char *remark;        /* what of it should be known even where it is within; NULL: nothing */
    const char *counted; /* one of what the culprits' `count` is of: "block" */
};

/* What is live at the end, divided. Their sum is the program's live_bytes. */
struct live_parts {
    int64_t bytes[3];
    int64_t blocks[3];
};

enum live_part {
    LIVE_COUNTED,    /* by --max-live */
    LIVE_BY_DESIGN,  /* held by libc, the loader and the C++ runtime */
    LIVE_SUPPRESSED, /* named in suppressions */
};

struct verdict {
    const struct report *report; /* where nothing was judged: its program alone */
    const char *nothing;         /* why nothing could be judged; NULL: it was */
    struct symbols *symbols;
    const char *remark;       /* what of the whole should be known; NULL: nothing */
    struct finding *findings; /* one for each limit, in the order in which they are listed */
    size_t count;
    struct live_parts live;
    enum result result; /* the worst: over before unsure */
};

/* Judges report, which is of one heap (and, where limits->baseline is set, the difference to `baseline`),
 * and puts it into words. Both reports must outlive the verdict, the limits need not.
 * exit_status: NULL, or the status of the command, which must be 0. */
void verdict_make(struct verdict *verdict, const struct limits *limits, const struct report *report,
                  const struct report *baseline, const int *exit_status);

size_t verdict_count(const struct verdict *verdict, enum result result);

void verdict_free(struct verdict *verdict);

#endif /* HT_TOOL_VERDICT_H */
