/* SPDX-License-Identifier: MIT */
#include "torture/findings.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "hash.h"
#include "model/process.h"
#include "util.h"

int signal_of(int wait_status)
{
    static const int faults[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV};

    if (WIFSIGNALED(wait_status))
        return WTERMSIG(wait_status);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (WEXITSTATUS(wait_status) == 128 + faults[i])
            return faults[i];
    return 0;
}

/* By file and offset in it: the loader puts a library elsewhere in every run. */
static uint64_t key_of(const struct profile *profile, const uint64_t *frames, size_t depth)
{
    uint64_t key = HASH_BEGIN;

    for (size_t i = 0; i < depth; i++) {
        const struct state_module *module = profile_module(profile, frames[i]);
        uint64_t offset = module ? profile_offset(module, frames[i]) : frames[i] & STATE_WHERE_ADDRESS_MASK;

        if (module != NULL)
            key = hash_bytes(key, module->path, strlen(module->path));
        key = hash_bytes(key, &offset, sizeof offset);
    }
    return key;
}

static struct finding *find(struct findings *findings, const struct finding *wanted)
{
    for (size_t i = 0; i < findings->count; i++) {
        struct finding *known = &findings->items[i];

        if (known->key == wanted->key && known->outcome == wanted->outcome && known->signal == wanted->signal)
            return known;
    }
    return NULL;
}

static char *copy_text(const char *text)
{
    return text ? must_strdup(text) : NULL;
}

static void take_places(struct finding *finding, const struct profile *profile, const uint64_t *frames,
                        size_t depth)
{
    struct symbols *symbols = symbols_open(profile, false);

    for (size_t i = 0; i < depth; i++) {
        size_t count;
        const struct place *places = symbols_places(symbols, frames[i], &count);

        if (count == 0) /* of a tracker that is linked in */
            continue;
        finding->places =
            must_realloc(finding->places, (finding->place_count + count) * sizeof *finding->places);
        for (size_t p = 0; p < count; p++) {
            struct place *place = &finding->places[finding->place_count++];

            *place = places[p];
            place->function = copy_text(places[p].function);
            place->after = copy_text(places[p].after);
            place->at = copy_text(places[p].at);
            place->shown = copy_text(places[p].shown);
            place->file = copy_text(places[p].file);
            place->module = copy_text(places[p].module);
        }
    }
    symbols_close(symbols);
}

/* The run failed at `failure` and ended badly. */
static void add_finding(struct findings *findings, const struct job *job, const struct profile *profile,
                        const struct state_failure *failure)
{
    struct site site = {.kind = site_kind_of(failure->site), .id = failure->site};
    struct finding wanted = {.outcome = job->timed_out ? OUTCOME_HANG : OUTCOME_CRASH,
                             .signal = job->timed_out ? 0 : signal_of(job->wait_status),
                             .size = failure->size},
                   *finding;
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;
    size_t depth = profile_stack(profile, &site, frames, STACK_FRAMES_MAX, &end);

    wanted.key = key_of(profile, frames, depth);
    finding = find(findings, &wanted);
    if (finding == NULL) {
        findings->items = must_grow(findings->items, findings->count, sizeof *finding);
        finding = &findings->items[findings->count++];
        *finding = wanted;
        take_places(finding, profile, frames, depth);
    }
    finding->numbers = must_grow(finding->numbers, finding->number_count, sizeof *finding->numbers);
    finding->numbers[finding->number_count++] = job->number;
}

static const struct state_failure *injected_in(const struct profile *profile)
{
    for (size_t i = 0; i < profile->failures.first_count; i++)
        if (profile->failures.first[i].cause == STATE_FAILED_INJECTED)
            return &profile->failures.first[i];
    return NULL;
}

static enum outcome outcome_of(const struct findings *findings, const struct job *job)
{
    return job->timed_out                               ? OUTCOME_HANG
           : signal_of(job->wait_status) != 0           ? OUTCOME_CRASH
           : job->wait_status == findings->usual_status ? OUTCOME_SAME
                                                        : OUTCOME_STATUS;
}

/* One process of the job; of several that failed, the first is the cause. */
static void read_file(struct findings *findings, const struct job *job, const char *path,
                      struct job_record *record)
{
    enum outcome outcome = outcome_of(findings, job);
    struct snapshot_error error;
    struct snapshot snapshot;
    struct profile profile;
    const struct state_failure *failure;

    if (!snapshot_load(&snapshot, path, &error))
        return;
    profile_of(&profile, &snapshot);
    record->tracked = true;
    if (record->numbered < profile.failures.numbered)
        record->numbered = profile.failures.numbered;
    failure = injected_in(&profile);
    if (failure != NULL && !record->failed) {
        record->failed = true;
        findings->runs[outcome]++;
        if (outcome == OUTCOME_CRASH || outcome == OUTCOME_HANG)
            add_finding(findings, job, &profile, failure);
    }
    profile_free(&profile);
    snapshot_free(&snapshot);
}

struct job_record findings_add(struct findings *findings, const struct job *job)
{
    struct job_record record = {0};
    DIR *stream = opendir(job->directory);
    struct dirent *entry;
    uint32_t pid, image;

    while (stream && (entry = readdir(stream)) != NULL) {
        if (state_file_name(entry->d_name, &pid, &image)) {
            char *path = must_asprintf("%s/%s", job->directory, entry->d_name);

            read_file(findings, job, path, &record);
            free(path);
        }
    }
    if (stream)
        closedir(stream);
    if (record.failed && job->number > findings->last)
        findings->last = job->number;
    return record;
}

uint64_t findings_runs(const struct findings *findings)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < OUTCOMES; i++)
        sum += findings->runs[i];
    return sum;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static int by_first_number(const void *a, const void *b)
{
    const struct finding *left = a, *right = b;

    return by_number(left->numbers, right->numbers);
}

void findings_sort(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        qsort(findings->items[i].numbers, findings->items[i].number_count, sizeof(uint64_t), by_number);
    if (findings->count)
        qsort(findings->items, findings->count, sizeof *findings->items, by_first_number);
}

void findings_free(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        struct finding *finding = &findings->items[i];

        for (size_t p = 0; p < finding->place_count; p++) {
            free((char *)finding->places[p].function);
            free((char *)finding->places[p].after);
            free((char *)finding->places[p].at);
            free((char *)finding->places[p].shown);
            free((char *)finding->places[p].file);
            free((char *)finding->places[p].module);
        }
        free(finding->places);
        free(finding->numbers);
    }
    free(findings->items);
    *findings = (struct findings){0};
}
