/* SPDX-License-Identifier: MIT */
#include "model/trends.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

static void *copy(const void *bytes, size_t size)
{
    return memcpy(must_malloc(size), bytes, size);
}

void trends_of(struct trends *trends, const struct snapshot *snapshot)
{
    size_t count, time_count, byte_count;
    const struct state_trend *entries =
        snapshot_section(snapshot, STATE_SECTION_TRENDS, sizeof *entries, &count);
    const uint64_t *times = snapshot_section(snapshot, STATE_SECTION_TREND_TIMES, sizeof *times, &time_count);
    const int64_t *bytes = snapshot_section(snapshot, STATE_SECTION_TREND_BYTES, sizeof *bytes, &byte_count);

    *trends = (struct trends){0};
    if (count == 0 || time_count == 0 || count > TREND_SITES_MAX || time_count > WATCH_TIMES_MAX ||
        byte_count != count * time_count)
        return;
    for (size_t i = 1; i < time_count; i++)
        if (times[i] <= times[i - 1])
            return;
    trends->stacks = copy(entries, count * sizeof *entries);
    trends->times_ns = copy(times, time_count * sizeof *times);
    trends->bytes = copy(bytes, byte_count * sizeof *bytes);
    trends->count = count;
    trends->time_count = time_count;
}

void trends_free(struct trends *trends)
{
    free(trends->stacks);
    free(trends->times_ns);
    free(trends->bytes);
    *trends = (struct trends){0};
}
