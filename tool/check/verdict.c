/* SPDX-License-Identifier: MIT
 *
 * verdict.c - judges: numbers, and what leaves them unsure. Has no sentence for people; those
 * are wording.c's.
 */
#include "check/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "check/patterns.h"
#include "check/wording.h"
#include "model/by_design.h"
#include "model/diff.h"
#include "sums.h"
#include "util.h"

/* What is judged, while it is. */
struct judging {
    struct verdict *verdict;
    const struct limits *limits;
    uint8_t *parts; /* by site: enum live_part */
};

static const struct profile *profile_in(const struct judging *judging)
{
    return &judging->verdict->report->profile;
}

/* In thousandths of a percent, rounded up: a share that is over a limit of whole ones, by however
 * little, stays over it. */
static int64_t share_of(uint64_t part, uint64_t whole)
{
    uint64_t product;

    if (part >= whole) /* more is a busy process's, or damage */
        return part == 0 ? 0 : 100000;
    while (__builtin_mul_overflow(part, UINT64_C(100000), &product)) {
        part = part / 2 + 1; /* the last bit of so much does not show */
        whole /= 2;
    }
    return (int64_t)(product / whole + (product % whole != 0));
}

/* --- Sites ------------------------------------------------------------------------ */

static int64_t number_of(const struct site *site, enum limit_of of)
{
    switch (of) {
    case LIMIT_PEAK: return site->peak_bytes;
    case LIMIT_LIVE: return site->live_bytes;
    case LIMIT_LIVE_BLOCKS: return site->live_blocks;
    case LIMIT_ALLOCS: return (int64_t)site->allocs;
    case LIMIT_TEMPORARY: return (int64_t)site->temporary_allocs;
    case LIMIT_TOTAL: return (int64_t)site->bytes_allocated;
    case LIMIT_FOREIGN:
    case LIMIT_INVALID:
    case LIMIT_BLOCK: /* see largest_of */
    case LIMITS: break;
    }
    return 0;
}

/* Of one site; 0: not known (run without --sizes). */
static int64_t largest_of(const struct profile *profile, const struct site *site)
{
    const struct size_counts *sizes = size_table_row(&profile->sizes, site);

    return sizes ? (int64_t)sizes->largest_bytes : 0;
}

static bool is_of_live(enum limit_of of)
{
    return of == LIMIT_LIVE || of == LIMIT_LIVE_BLOCKS;
}

static bool is_suppressed(const struct judging *judging, const struct site *site)
{
    for (size_t i = 0; i < judging->limits->suppression_count; i++)
        if (site_matches(profile_in(judging), judging->verdict->symbols, site, suppression_matches,
                         judging->limits->suppressions[i]))
            return true;
    return false;
}

static void divide_live(struct judging *judging)
{
    struct verdict *verdict = judging->verdict;
    const struct ht_totals *totals = &verdict->report->main.totals;
    struct live_parts *live = &verdict->live;

    live->bytes[LIVE_COUNTED] = totals->live_bytes;
    live->blocks[LIVE_COUNTED] = totals->live_blocks;
    judging->parts = must_malloc(profile_in(judging)->site_count);
    for (size_t i = 0; i < profile_in(judging)->site_count; i++) {
        const struct site *site = &profile_in(judging)->sites[i];
        enum live_part part = LIVE_COUNTED;

        if (site->kind == SITE_STACK && (site->live_bytes != 0 || site->live_blocks != 0))
            part = site_by_design(profile_in(judging), verdict->symbols, site) ? LIVE_BY_DESIGN
                   : is_suppressed(judging, site)                              ? LIVE_SUPPRESSED
                                                                               : LIVE_COUNTED;
        judging->parts[i] = (uint8_t)part;
        live->bytes[LIVE_COUNTED] -= part == LIVE_COUNTED ? 0 : site->live_bytes;
        live->blocks[LIVE_COUNTED] -= part == LIVE_COUNTED ? 0 : site->live_blocks;
        live->bytes[part] += part == LIVE_COUNTED ? 0 : site->live_bytes;
        live->blocks[part] += part == LIVE_COUNTED ? 0 : site->live_blocks;
    }
}

static bool is_meant(const struct judging *judging, const struct site *site, const char *glob)
{
    return site->kind == SITE_STACK &&
           site_matches(profile_in(judging), judging->verdict->symbols, site, glob_matches, glob);
}

/* Whether site i is left out of a limit, though it is meant. glob: NULL for those of the
 * whole program. */
static bool is_left_out(const struct judging *judging, size_t i, enum limit_of of, const char *glob)
{
    return is_of_live(of) && judging->parts[i] != LIVE_COUNTED &&
           (glob == NULL || judging->parts[i] == LIVE_SUPPRESSED);
}

/* Whether site i counts for a limit. */
static bool counts(const struct judging *judging, size_t i, enum limit_of of, const char *glob)
{
    return !is_left_out(judging, i, of, glob) &&
           (glob == NULL || is_meant(judging, &profile_in(judging)->sites[i], glob));
}

/* --- Culprits ----------------------------------------------------------------------- */

static void set_place(struct culprit *culprit, const struct profile *profile, struct symbols *symbols,
                      const struct site *site)
{
    culprit->kind = site->kind;
    if (site->kind == SITE_STACK)
        culprit->place_count = rows_deciding_places(profile, symbols, site, culprit->places);
}

/* Keeps the largest CULPRITS_MAX, in order. Returns the place for one more; NULL: too small. */
static struct culprit *place_for(struct finding *finding, int64_t number, bool by_bytes)
{
    size_t at = finding->culprit_count;

    while (at > 0 && (by_bytes ? finding->culprits[at - 1].bytes : finding->culprits[at - 1].count) < number)
        at--;
    if (finding->culprit_count == CULPRITS_MAX) {
        finding->more_culprits++;
        if (at == CULPRITS_MAX)
            return NULL;
    } else {
        finding->culprit_count++;
    }
    memmove(&finding->culprits[at + 1], &finding->culprits[at],
            (finding->culprit_count - at - 1) * sizeof finding->culprits[0]);
    finding->culprits[at] = (struct culprit){0};
    return &finding->culprits[at];
}

static int64_t count_of(const struct site *site, enum limit_of of)
{
    return of == LIMIT_PEAK        ? site->peak_blocks
           : is_of_live(of)        ? site->live_blocks
           : of == LIMIT_TEMPORARY ? (int64_t)site->temporary_allocs
                                   : (int64_t)site->allocs;
}

static int64_t bytes_of(const struct site *site, enum limit_of of)
{
    return of == LIMIT_PEAK        ? site->peak_bytes
           : is_of_live(of)        ? site->live_bytes
           : of == LIMIT_TEMPORARY ? 0
                                   : (int64_t)site->bytes_allocated;
}

static void find_culprits(const struct judging *judging, struct finding *finding, enum limit_of of,
                          const char *glob)
{
    bool by_bytes = limit_unit(of) == UNIT_BYTES;

    for (size_t i = 0; of != LIMIT_FOREIGN && of != LIMIT_INVALID && i < profile_in(judging)->site_count;
         i++) {
        const struct site *site = &profile_in(judging)->sites[i];
        int64_t bytes = of == LIMIT_BLOCK ? largest_of(profile_in(judging), site) : bytes_of(site, of);
        struct culprit *culprit;

        if (of == LIMIT_BLOCK ? bytes <= finding->limit
                              : number_of(site, of) <= 0 || !counts(judging, i, of, glob))
            continue;
        culprit = place_for(finding, by_bytes ? bytes : count_of(site, of), by_bytes);
        if (culprit == NULL)
            continue;
        culprit->bytes = bytes;
        culprit->count = count_of(site, of);
        set_place(culprit, profile_in(judging), judging->verdict->symbols, site);
    }
}

/* --- Findings ------------------------------------------------------------------------ */

static void conclude(struct finding *finding)
{
    finding->result = finding->lowest > finding->limit     ? RESULT_OVER
                      : finding->highest <= finding->limit ? RESULT_WITHIN
                                                           : RESULT_UNSURE;
}

static struct finding *add_finding(struct verdict *verdict, struct finding finding)
{
    verdict->findings = must_realloc(verdict->findings, (verdict->count + 1) * sizeof *verdict->findings);
    verdict->findings[verdict->count] = finding;
    return &verdict->findings[verdict->count++];
}

/* True of what no program counts: a file without a checksum was changed, or threads went on while it
 * was copied. Any other number may then be as false. */
static bool is_false(const struct ht_totals *totals)
{
    const uint64_t numbers[] = {totals->allocs,        totals->bytes_allocated, totals->peak_bytes,
                                totals->foreign_frees, totals->invalid_frees,   totals->largest_bytes};

    for (size_t i = 0; i < HT_ARRAY_LENGTH(numbers); i++)
        if (numbers[i] > INT64_MAX)
            return true;
    return totals->live_bytes < 0 || totals->live_blocks < 0;
}

static void disbelieve(struct verdict *verdict, const struct report *baseline)
{
    bool all = is_false(&verdict->report->main.totals);
    bool changes = all || (baseline != NULL && is_false(&baseline->main.totals));

    for (size_t i = 0; i < verdict->count; i++) {
        struct finding *finding = &verdict->findings[i];

        if (finding->about == ABOUT_STATUS || !(finding->about == ABOUT_BASELINE ? changes : all))
            continue;
        finding->result = RESULT_UNSURE;
        finding->flaw = FLAW_FALSE;
    }
}

/* Lost blocks that may have been temporary: their frees met no record of them. */
static uint64_t hidden_temporary(const struct ht_totals *totals)
{
    return min_u64(totals->lost_blocks, totals->unmatched_frees);
}

/* What the program's number is, and between what it lies: lost blocks make live and peak
 * too high, and hide what an unmatched free was; what threads hold back makes the peak too
 * low. */
static void take_total(const struct judging *judging, struct finding *finding, enum limit_of of)
{
    const struct ht_totals *totals = &judging->verdict->report->main.totals;
    uint64_t too_high = 0, too_low = 0;

    switch (of) {
    case LIMIT_PEAK:
        finding->actual = (int64_t)totals->peak_bytes;
        too_high = totals->lost_bytes;
        too_low = finding->threads_bytes = totals->peak_error_bytes;
        break;
    case LIMIT_LIVE:
        finding->actual = judging->verdict->live.bytes[LIVE_COUNTED];
        too_high = totals->lost_bytes;
        break;
    case LIMIT_LIVE_BLOCKS:
        finding->actual = judging->verdict->live.blocks[LIVE_COUNTED];
        too_high = totals->lost_blocks;
        break;
    case LIMIT_ALLOCS: finding->actual = (int64_t)totals->allocs; break;
    case LIMIT_TEMPORARY:
        finding->actual = share_of(totals->temporary_allocs, totals->allocs);
        too_low = (uint64_t)(share_of(totals->temporary_allocs + hidden_temporary(totals), totals->allocs) -
                             finding->actual);
        break;
    case LIMIT_FOREIGN:
        finding->actual = (int64_t)totals->foreign_frees;
        too_low = totals->unmatched_frees;
        break;
    case LIMIT_INVALID:
        finding->actual = (int64_t)totals->invalid_frees;
        too_low = totals->unmatched_frees;
        break;
    case LIMIT_BLOCK:
        finding->actual = (int64_t)totals->largest_bytes;
        if (finding->actual == 0) /* not known: a device's profile does not keep it */
            too_low = totals->bytes_allocated;
        break;
    case LIMIT_TOTAL:
    case LIMITS: BUG("no limit of a program");
    }
    finding->lowest = lowered(finding->actual, too_high);
    finding->highest = raised(finding->actual, too_low);
    finding->losses = too_high > 0 || too_low > finding->threads_bytes;
}

static void judge_program(const struct judging *judging, enum limit_of of)
{
    struct finding finding = {.about = ABOUT_PROGRAM,
                              .of = of,
                              .unit = limit_unit(of),
                              .limit = (int64_t)judging->limits->most[of]};

    take_total(judging, &finding, of);
    conclude(&finding);
    if (finding.result != RESULT_WITHIN)
        find_culprits(judging, &finding, of, NULL);
    add_finding(judging->verdict, finding);
}

/* --- Findings of sites ---------------------------------------------------------------- */

/* What the sites of a pattern hold. */
struct tally {
    int64_t sum;
    int64_t allocs;
    int64_t elsewhere;        /* of calls whose stack is not known: they may be the pattern's too */
    int64_t elsewhere_allocs; /* those calls */
    int64_t between;          /* what the threads' sites do not add up to: likewise */
    uint64_t bytes_allocated; /* of all those, ever */
    size_t sites;             /* that the pattern means */
    bool stacks;              /* there are any, or there were but for the table's size */
};

static struct tally tally_sites(const struct judging *judging, const struct site_limit *limit)
{
    struct tally tally = {0};

    for (size_t i = 0; i < profile_in(judging)->site_count; i++) {
        const struct site *site = &profile_in(judging)->sites[i];

        tally.stacks |= site->kind == SITE_STACK || site->kind == SITE_OTHER;
        if (site->kind == SITE_OTHER || site->kind == SITE_NO_STACK || site->kind == SITE_FORKED) {
            tally.elsewhere += number_of(site, limit->of);
            tally.elsewhere_allocs += (int64_t)site->allocs;
            tally.bytes_allocated += site->bytes_allocated;
        } else if (site->kind == SITE_BETWEEN) {
            tally.between = number_of(site, limit->of);
        } else if (is_meant(judging, site, limit->glob)) {
            tally.sites++;
            if (is_left_out(judging, i, limit->of, limit->glob))
                continue;
            tally.sum += number_of(site, limit->of);
            tally.allocs += (int64_t)site->allocs;
            tally.bytes_allocated += site->bytes_allocated;
        }
    }
    return tally;
}

/* True when there are frames of the program's own file, and not one has a name. */
static bool is_program_nameless(const struct judging *judging)
{
    const struct profile *profile = profile_in(judging);
    const char *program = judging->verdict->report->main.program;
    bool seen = false;

    for (uint32_t id = STATE_STACK_FIRST; id < profile->node_count; id++) {
        size_t count;
        const struct place *places =
            symbols_places(judging->verdict->symbols, profile->nodes[id].where, &count);

        if (*program == '\0' || strcmp(places[0].module, program) != 0)
            continue;
        seen = true;
        for (size_t p = 0; p < count; p++)
            if (places[p].named)
                return false;
    }
    return seen;
}

static uint64_t positive(int64_t number)
{
    return number > 0 ? (uint64_t)number : 0;
}

/* Of the calls whose stack is not known any may be the pattern's. Its share is lowest where those
 * are that were not temporary, and highest where those are that were, or that may have been. */
static void take_share(const struct judging *judging, struct finding *finding, const struct tally *tally)
{
    uint64_t temporary = positive(tally->sum), allocs = positive(tally->allocs);
    uint64_t theirs = positive(tally->elsewhere);
    uint64_t others = positive(lowered(tally->elsewhere_allocs, theirs)); /* elsewhere, not temporary */
    uint64_t hidden = hidden_temporary(&judging->verdict->report->main.totals);
    uint64_t own = min_u64(hidden, allocs > temporary ? allocs - temporary : 0);

    theirs += min_u64(hidden - own, others);
    finding->actual = share_of(temporary, allocs);
    finding->lowest = share_of(temporary, allocs + others);
    finding->highest = share_of(temporary + own + theirs, allocs + theirs);
    finding->losses = finding->lowest < finding->highest;
}

/* What the program's number is unsure by may be the pattern's alone: all that the peak is short
 * by or that is between threads, as far as its sites ever allocated so much, and all lost blocks,
 * as far as its sites hold some. */
static void take_sites(const struct judging *judging, struct finding *finding, const struct tally *tally)
{
    const struct ht_totals *totals = &judging->verdict->report->main.totals;
    uint64_t elsewhere = positive(tally->elsewhere);
    uint64_t held = positive(tally->sum);
    uint64_t most = tally->bytes_allocated > held + elsewhere ? tally->bytes_allocated - held - elsewhere : 0;
    uint64_t lost = 0;

    if (finding->of == LIMIT_PEAK && totals->peak_error_bytes > 0)
        finding->threads_bytes = min_u64(totals->peak_error_bytes + positive(tally->between), most);
    if (finding->of == LIMIT_PEAK || finding->of == LIMIT_LIVE)
        lost = min_u64(totals->lost_bytes, held);
    else if (finding->of == LIMIT_LIVE_BLOCKS)
        lost = min_u64(totals->lost_blocks, held);
    finding->actual = tally->sum;
    finding->lowest = lowered(tally->sum, lost);
    finding->highest = raised(raised(tally->sum, elsewhere), finding->threads_bytes);
    finding->losses = lost > 0 || elsewhere > 0;
}

static void judge_sites(const struct judging *judging, const struct site_limit *limit)
{
    struct tally tally = tally_sites(judging, limit);
    struct finding finding = {.about = ABOUT_SITES,
                              .of = limit->of,
                              .glob = limit->glob,
                              .unit = limit_unit(limit->of),
                              .limit = (int64_t)limit->most};

    if (limit->of == LIMIT_TEMPORARY)
        take_share(judging, &finding, &tally);
    else
        take_sites(judging, &finding, &tally);
    if (!tally.stacks && judging->verdict->report->main.totals.allocs > 0) {
        finding.result = RESULT_UNSURE;
        finding.flaw = FLAW_NO_STACKS;
        add_finding(judging->verdict, finding);
        return;
    }
    /* Such a pattern keeps every limit: mostly it is a misspelt one. */
    if (tally.sites == 0)
        finding.flaw = is_program_nameless(judging) ? FLAW_NAMELESS : FLAW_NO_SITE;
    conclude(&finding);
    if (finding.result != RESULT_WITHIN)
        find_culprits(judging, &finding, limit->of, limit->glob);
    add_finding(judging->verdict, finding);
}

/* --- Baseline ------------------------------------------------------------------------ */

/* Sites whose number rose, those that rose most first; diff_make has sorted them. */
static void find_growers(const struct judging *judging, struct finding *finding,
                         const struct report *baseline, enum diff_by by)
{
    struct diff diff;

    diff_make(&diff, by, baseline, judging->verdict->report, false);
    for (size_t i = 0; i < diff.count; i++) {
        const struct diff_row *row = &diff.rows[i];
        int64_t grown = diff_of(row, DIFF_BYTES(by));
        struct culprit *culprit;

        if (grown <= 0)
            continue;
        culprit = place_for(finding, grown, true);
        if (culprit == NULL)
            continue;
        culprit->bytes = grown;
        culprit->count = diff_of(row, DIFF_BLOCKS(by));
        /* The diff's own symbols go with it. */
        if (row->site != NULL && row->side == &diff.new)
            set_place(culprit, profile_in(judging), judging->verdict->symbols, row->site);
        else
            culprit->kind = row->kind;
    }
    diff_free(&diff);
}

/* What a number may have become; as much as there can be, where the sum is more. */
static int64_t grown_limit(const struct limits *limits, int64_t before)
{
    double percents = (double)before * (double)limits->growth / 100000;
    int64_t allowed = !limits->growth_percents         ? (int64_t)limits->growth
                      : percents < (double)(INT64_MAX) ? (int64_t)percents
                                                       : INT64_MAX;

    return allowed < 0 ? lowered(before, 0 - (uint64_t)allowed) : raised(before, (uint64_t)allowed);
}

/* Two peaks are compared as they were measured: both may be short, as much and for the
 * same reason, and a limit that is one of them could never be told to be kept. */
static void judge_growth(const struct judging *judging, const struct report *baseline, enum diff_by by,
                         int64_t before, int64_t actual)
{
    const struct ht_totals *totals = &judging->verdict->report->main.totals;
    struct finding finding = {
        .about = ABOUT_BASELINE,
        .of = by == DIFF_PEAK ? LIMIT_PEAK : LIMIT_LIVE,
        .unit = UNIT_BYTES,
        .is_change = true,
        .before = before,
        .actual = actual,
        .lowest = lowered(actual, totals->lost_bytes),
        .highest = actual,
        .limit = grown_limit(judging->limits, before),
    };

    conclude(&finding);
    if (finding.result != RESULT_WITHIN)
        find_growers(judging, &finding, baseline, by);
    add_finding(judging->verdict, finding);
}

static void judge_baseline(const struct judging *judging, const struct report *baseline)
{
    struct verdict before = {.report = baseline, .symbols = symbols_open(&baseline->profile, false)};
    struct judging its = {&before, judging->limits, NULL};

    divide_live(&its);
    judge_growth(judging, baseline, DIFF_PEAK, (int64_t)baseline->main.totals.peak_bytes,
                 (int64_t)judging->verdict->report->main.totals.peak_bytes);
    judge_growth(judging, baseline, DIFF_LIVE, before.live.bytes[LIVE_COUNTED],
                 judging->verdict->live.bytes[LIVE_COUNTED]);
    free(its.parts);
    symbols_close(before.symbols);
}

static void judge_status(struct verdict *verdict, int status)
{
    struct finding finding = {.about = ABOUT_STATUS,
                              .unit = UNIT_COUNT,
                              .actual = status,
                              .lowest = status,
                              .highest = status,
                              .result = status == 0 ? RESULT_WITHIN : RESULT_OVER};

    add_finding(verdict, finding);
}

void verdict_make(struct verdict *verdict, const struct limits *limits, const struct report *report,
                  const struct report *baseline, const int *exit_status)
{
    struct judging judging = {verdict, limits, NULL};

    *verdict = (struct verdict){.report = report, .symbols = symbols_open(&report->profile, false)};
    divide_live(&judging);
    if (exit_status != NULL)
        judge_status(verdict, *exit_status);
    for (enum limit_of of = 0; of < LIMITS; of = (enum limit_of)(of + 1))
        if (limits->given[of])
            judge_program(&judging, of);
    for (size_t i = 0; i < limits->site_count; i++)
        judge_sites(&judging, &limits->sites[i]);
    if (baseline != NULL)
        judge_baseline(&judging, baseline);
    disbelieve(verdict, baseline);
    verdict->result = verdict_count(verdict, RESULT_OVER) > 0     ? RESULT_OVER
                      : verdict_count(verdict, RESULT_UNSURE) > 0 ? RESULT_UNSURE
                                                                  : RESULT_WITHIN;
    verdict_word(verdict, limits);
    free(judging.parts);
}

size_t verdict_count(const struct verdict *verdict, enum result result)
{
    size_t count = 0;

    for (size_t i = 0; i < verdict->count; i++)
        count += verdict->findings[i].result == result;
    return count;
}

void verdict_free(struct verdict *verdict)
{
    for (size_t i = 0; i < verdict->count; i++) {
        free(verdict->findings[i].name);
        free(verdict->findings[i].message);
        free(verdict->findings[i].remark);
    }
    free(verdict->findings);
    symbols_close(verdict->symbols);
    *verdict = (struct verdict){0};
}
