/* SPDX-License-Identifier: MIT
 *
 * site_watch.c - reads the state file of a running program again and again. A site that
 * holds nothing yet is not kept; when it comes to hold something, its past is zeroes.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model/profile.h"
#include "model/trends.h"
#include "sums.h"
#include "util.h"

/* Of one core's time; see trends.h. */
#define SHARE 100

struct watched {
    uint32_t id;
    int64_t bytes[WATCH_TIMES_MAX];
};

struct site_watch {
    const char *directory;
    uint64_t interval_ns; /* at first */
    uint32_t image;       /* of the process; another one begins anew */
    uint64_t start_ns;    /* of that image: CLOCK_MONOTONIC */
    uint64_t least_ns;    /* between two looks, by now */
    uint64_t next_ns;
    uint64_t times_ns[WATCH_TIMES_MAX]; /* since start_ns */
    size_t time_count;
    struct watched *sites;
    size_t site_count, site_capacity;
    uint32_t *place_of; /* by id: index of sites plus 1 */
    size_t place_count;
};

struct site_watch *site_watch_open(const char *directory, uint32_t interval_ms)
{
    struct site_watch *watch = must_malloc(sizeof *watch);

    *watch = (struct site_watch){.directory = directory, .interval_ns = (uint64_t)interval_ms * 1000000};
    watch->sites = must_malloc((watch->site_capacity = 16) * sizeof *watch->sites);
    watch->least_ns = watch->interval_ns / 2; /* the looks themselves come at the interval */
    return watch;
}

static void begin_image(struct site_watch *watch, uint32_t image)
{
    watch->image = image;
    watch->time_count = watch->site_count = 0;
    watch->least_ns = watch->interval_ns / 2;
    watch->start_ns = 0;
    if (watch->place_of)
        memset(watch->place_of, 0, watch->place_count * sizeof *watch->place_of);
}

/* The path of the process's file (malloc'ed), of its last image so far. */
static char *present_file(struct site_watch *watch, pid_t pid)
{
    char *path, *next = must_asprintf("%s/%d.%u.ht", watch->directory, (int)pid, watch->image + 1);

    if (access(next, F_OK) == 0) {
        begin_image(watch, watch->image + 1);
        return next;
    }
    free(next);
    path = must_asprintf("%s/%d.%u.ht", watch->directory, (int)pid, watch->image);
    return path;
}

static void halve(struct site_watch *watch)
{
    for (size_t t = 0; 2 * t < watch->time_count; t++)
        watch->times_ns[t] = watch->times_ns[2 * t];
    for (size_t i = 0; i < watch->site_count; i++)
        for (size_t t = 0; 2 * t < watch->time_count; t++)
            watch->sites[i].bytes[t] = watch->sites[i].bytes[2 * t];
    watch->time_count = (watch->time_count + 1) / 2;
    watch->least_ns *= 2;
}

/* NULL: there are too many already. */
static struct watched *watched_of(struct site_watch *watch, uint32_t id)
{
    if (watch->sites == NULL)
        BUG("sites are watched after the end");
    if (watch->place_of[id] == 0) {
        if (watch->site_count == WATCH_SITES_MAX)
            return NULL;
        if (watch->site_count == watch->site_capacity)
            watch->sites = must_realloc(watch->sites, (watch->site_capacity *= 2) * sizeof *watch->sites);
        watch->sites[watch->site_count] = (struct watched){.id = id};
        watch->place_of[id] = (uint32_t)++watch->site_count;
    }
    return &watch->sites[watch->place_of[id] - 1];
}

static void make_room(struct site_watch *watch, size_t ids)
{
    if (ids <= watch->place_count)
        return;
    watch->place_of = must_realloc(watch->place_of, ids * sizeof *watch->place_of);
    memset(watch->place_of + watch->place_count, 0, (ids - watch->place_count) * sizeof *watch->place_of);
    watch->place_count = ids;
}

/* All threads' lines of all sites that hold something, at the present time. */
static void add_up(struct site_watch *watch, const struct state_view *view)
{
    for (uint64_t i = 0; i < view->site_page_count; i++) {
        const struct state_site_page *page = state_view_site_page(view, i);

        if (page == NULL)
            continue;
        make_room(watch, (size_t)page->first_site + STATE_SITES_PER_PAGE);
        for (uint32_t s = 0; s < STATE_SITES_PER_PAGE; s++) {
            int64_t live = (int64_t)(page->sites[s].bytes_allocated - page->sites[s].bytes_freed);
            uint32_t id = page->first_site + s;
            struct watched *site = live != 0 && id >= STATE_STACK_FIRST ? watched_of(watch, id) : NULL;

            if (site != NULL)
                site->bytes[watch->time_count] = wrapping_sum(site->bytes[watch->time_count], live);
        }
    }
}

/* Of this process's own: on a busy machine a look lasts longer, and costs no more. */
static uint64_t cpu_time_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

void site_watch_look(struct site_watch *watch, pid_t pid)
{
    uint64_t now = monotonic_now_ns(), begun = cpu_time_ns(), took;
    struct snapshot snapshot;
    struct snapshot_error error;
    char *path;

    if (watch->directory == NULL || now < watch->next_ns)
        return;
    path = present_file(watch, pid);
    if (snapshot_load(&snapshot, path, &error)) {
        if (watch->time_count == WATCH_TIMES_MAX)
            halve(watch);
        for (size_t i = 0; i < watch->site_count; i++)
            watch->sites[i].bytes[watch->time_count] = 0;
        watch->start_ns = snapshot.view.header->start_monotonic_ns;
        add_up(watch, &snapshot.view);
        watch->times_ns[watch->time_count++] = now > watch->start_ns ? now - watch->start_ns : 0;
        snapshot_free(&snapshot);
    }
    free(path);
    took = cpu_time_ns() - begun;
    watch->next_ns = now + (watch->least_ns > SHARE * took ? watch->least_ns : SHARE * took);
}

/* --- Into the snapshot --------------------------------------------------------------- */

static int64_t rise_of(const struct watched *site, size_t time_count)
{
    return wrapping_difference(site->bytes[time_count - 1], site->bytes[0]);
}

/* The indexes of those that rose the most; returns how many rose. */
static size_t choose(const struct site_watch *watch, size_t chosen[TREND_SITES_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < watch->site_count; i++) {
        int64_t rise = rise_of(&watch->sites[i], watch->time_count);
        size_t at = count;

        while (at > 0 && rise_of(&watch->sites[chosen[at - 1]], watch->time_count) < rise)
            at--;
        if (rise <= 0 || at == TREND_SITES_MAX)
            continue;
        count += count < TREND_SITES_MAX;
        memmove(&chosen[at + 1], &chosen[at], (count - at - 1) * sizeof chosen[0]);
        chosen[at] = i;
    }
    return count;
}

void site_watch_add(const struct site_watch *watch, struct snapshot *snapshot, struct profile *profile)
{
    struct state_trend trends[TREND_SITES_MAX];
    size_t chosen[TREND_SITES_MAX], count, kept = 0, times = watch->time_count;
    int64_t *bytes;

    if (times == 0 || watch->start_ns != snapshot->view.header->start_monotonic_ns)
        return; /* an earlier image was looked at, or none */
    count = choose(watch, chosen);
    bytes = must_malloc(count * times * sizeof *bytes);
    for (size_t i = 0; i < count; i++) {
        const struct watched *site = &watch->sites[chosen[i]];

        if (site->id >= profile->node_count)
            continue;
        trends[kept].stack = profile->nodes[site->id].hash;
        memcpy(bytes + kept++ * times, site->bytes, times * sizeof *bytes);
    }
    snapshot_add_section(snapshot, STATE_SECTION_TRENDS, trends, sizeof trends[0], kept);
    snapshot_add_section(snapshot, STATE_SECTION_TREND_TIMES, watch->times_ns, sizeof(uint64_t), times);
    snapshot_add_section(snapshot, STATE_SECTION_TREND_BYTES, bytes, sizeof *bytes, kept * times);
    trends_free(&profile->trends);
    trends_of(&profile->trends, snapshot);
    free(bytes);
}

void site_watch_close(struct site_watch *watch)
{
    free(watch->sites);
    free(watch->place_of);
    free(watch);
}
