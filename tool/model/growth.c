/* SPDX-License-Identifier: MIT
 *
 * growth.c - the trend test. The first quarter of the time is left out, as start-up. The
 * rest is cut into 16 parts, and of each the lowest value counts: what comes and goes,
 * such as a cache that is emptied now and then, leaves the floor where it is.
 *
 * On the floors: Mann and Kendall's test, with the correction for ties (Mann 1945;
 * Kendall, Rank Correlation Methods, 1975), and Theil and Sen's slope (Sen, "Estimates of
 * the Regression Coefficient Based on Kendall's Tau", JASA 63, 1968). Since live bytes are
 * sums, one step looks like a trend to that test alone; so each fourth of the parts must
 * also lie above the one before it.
 */
#include "model/growth.h"

#include <math.h>
#include <stdlib.h>

#include "util.h"

#define PARTS 16
#define PARTS_MIN 8
#define CONFIDENCE_MIN 0.999
#define RISE_MIN 0.01 /* of the first floor: less is not worth a word */

struct floors {
    double seconds[PARTS]; /* since the start */
    int64_t bytes[PARTS];
    size_t count;
};

static struct floors floors_of(const uint64_t *times_ns, const int64_t *bytes, size_t count)
{
    uint64_t begin = count ? times_ns[0] + (times_ns[count - 1] - times_ns[0]) / 4 : 0;
    uint64_t part_ns = count ? (times_ns[count - 1] - begin) / PARTS + 1 : 1;
    struct floors floors = {.count = 0};
    size_t last_part = SIZE_MAX;

    for (size_t i = 0; i < count; i++) {
        size_t part = times_ns[i] < begin ? SIZE_MAX : (size_t)((times_ns[i] - begin) / part_ns);

        if (part >= PARTS)
            continue;
        if (part != last_part) {
            last_part = part;
            floors.seconds[floors.count] = (double)times_ns[i] / 1e9;
            floors.bytes[floors.count++] = bytes[i];
        } else if (bytes[i] < floors.bytes[floors.count - 1]) {
            floors.seconds[floors.count - 1] = (double)times_ns[i] / 1e9;
            floors.bytes[floors.count - 1] = bytes[i];
        }
    }
    return floors;
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The one-sided p, as its complement. */
static double mann_kendall(const struct floors *floors)
{
    double n = (double)floors->count, s = 0, variance = n * (n - 1) * (2 * n + 5);
    double sorted[PARTS] = {0};

    for (size_t i = 0; i < floors->count; i++) {
        sorted[i] = (double)floors->bytes[i];
        for (size_t j = i + 1; j < floors->count; j++)
            s += (floors->bytes[j] > floors->bytes[i]) - (floors->bytes[j] < floors->bytes[i]);
    }
    qsort(sorted, floors->count, sizeof sorted[0], by_value);
    for (size_t i = 0, end; i < floors->count; i = end) {
        double ties;

        for (end = i + 1; end < floors->count && !(sorted[end] > sorted[i]); end++)
            continue;
        ties = (double)(end - i);
        variance -= ties * (ties - 1) * (2 * ties + 5);
    }
    if (s <= 0 || variance <= 0)
        return 0;
    return 1 - erfc((s - 1) / sqrt(variance / 18) / sqrt(2)) / 2;
}

static double theil_sen(const struct floors *floors)
{
    double slopes[PARTS * (PARTS - 1) / 2];
    size_t count = 0;

    for (size_t i = 0; i < floors->count; i++)
        for (size_t j = i + 1; j < floors->count; j++)
            if (floors->seconds[j] > floors->seconds[i])
                slopes[count++] = ((double)floors->bytes[j] - (double)floors->bytes[i]) /
                                  (floors->seconds[j] - floors->seconds[i]);
    return count ? median(slopes, count) : 0;
}

static bool each_fourth_is_higher(const struct floors *floors)
{
    double before = 0;

    for (size_t fourth = 0; fourth < 4; fourth++) {
        size_t first = fourth * floors->count / 4, end = (fourth + 1) * floors->count / 4;
        double values[PARTS] = {0}, middle;

        for (size_t i = first; i < end; i++)
            values[i - first] = (double)floors->bytes[i];
        middle = median(values, end - first);
        if (fourth > 0 && middle <= before)
            return false;
        before = middle;
    }
    return true;
}

struct growth growth_test(const uint64_t *times_ns, const int64_t *bytes, size_t count)
{
    struct floors floors = floors_of(times_ns, bytes, count);
    struct growth growth = {.verdict = GROWTH_UNKNOWN};
    double first, last;

    if (floors.count < PARTS_MIN)
        return growth;
    first = (double)floors.bytes[0];
    last = (double)floors.bytes[floors.count - 1];
    growth.bytes_per_second = theil_sen(&floors);
    growth.confidence = mann_kendall(&floors);
    growth.from_bytes = floors.bytes[0];
    growth.to_bytes = floors.bytes[floors.count - 1];
    growth.verdict = growth.confidence >= CONFIDENCE_MIN && growth.bytes_per_second > 0 &&
                             last - first > RISE_MIN * (first > 0 ? first : 0) &&
                             each_fourth_is_higher(&floors)
                         ? GROWTH_GROWING
                         : GROWTH_NONE;
    return growth;
}

static struct growth growth_of_program(const struct profile *profile)
{
    uint64_t *times = must_malloc(profile->point_count * sizeof *times), latest = 0;
    int64_t *bytes = must_malloc(profile->point_count * sizeof *bytes);
    struct growth growth;

    for (size_t i = 0; i < profile->point_count; i++) {
        if (profile->points[i].since_start_ns > latest) /* a forged file's times may fall */
            latest = profile->points[i].since_start_ns;
        times[i] = latest;
        bytes[i] = profile->points[i].live_bytes;
    }
    growth = growth_test(times, bytes, profile->point_count);
    free(times);
    free(bytes);
    return growth;
}

static const struct site *site_of_stack(const struct profile *profile, uint64_t stack)
{
    for (size_t i = 0; i < profile->site_count; i++) {
        const struct site *site = &profile->sites[i];

        if (site->kind == SITE_STACK && site->id < profile->node_count &&
            profile->nodes[site->id].hash == stack)
            return site;
    }
    return NULL;
}

static int by_slope(const void *a, const void *b)
{
    const struct growing_site *left = a, *right = b;

    if (left->growth.bytes_per_second != right->growth.bytes_per_second)
        return left->growth.bytes_per_second < right->growth.bytes_per_second ? 1 : -1;
    return (left->site > right->site) - (left->site < right->site); /* as the profile has them */
}

void growth_of(struct growth_report *report, const struct profile *profile)
{
    const struct trends *trends = &profile->trends;

    *report = (struct growth_report){.program = growth_of_program(profile)};
    report->sites = must_malloc(trends->count * sizeof *report->sites);
    for (size_t i = 0; i < trends->count; i++) {
        struct growing_site site = {
            .site = site_of_stack(profile, trends->stacks[i]),
            .growth =
                growth_test(trends->times_ns, trends->bytes + i * trends->time_count, trends->time_count),
        };

        if (site.site != NULL && site.growth.verdict == GROWTH_GROWING)
            report->sites[report->count++] = site;
    }
    if (report->count > 1)
        qsort(report->sites, report->count, sizeof *report->sites, by_slope);
}

void growth_free(struct growth_report *report)
{
    free(report->sites);
    *report = (struct growth_report){0};
}

double growth_percent(const struct growth *growth)
{
    return fmin(99.99, 100 * growth->confidence);
}

const char *growth_name(enum growth_verdict verdict)
{
    static const char *const names[] = {
        [GROWTH_UNKNOWN] = "unknown", [GROWTH_NONE] = "none", [GROWTH_GROWING] = "growing"};

    return names[verdict];
}
