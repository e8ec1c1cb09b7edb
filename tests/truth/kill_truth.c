/* SPDX-License-Identifier: MIT
 *
 * kill_truth.c PRELOAD KILL_ME TIMES: starts KILL_ME under the tracker TIMES times and
 * kills it by SIGKILL at a random moment. Each time the state file that is left
 * must be sound, and say what the program had noted of itself (kill_notes.h):
 *  - no call begun and not done: exactly that, and none in progress; or,
 *    since a call may be done but not yet noted,
 *  - one call begun: what was before it or what is after it, exactly;
 *    only where the file says that a call is in progress may it be in between.
 * The sites must add up to the totals as well. Exit status: 0, 1, or 77 (skipped).
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kill_notes.h"
#include "state/state_check.h"

static struct {
    char directory[64];
    char notes_name[96];
    struct notes *notes;
    uint64_t random;
    int exact, before, after, between, in_progress;
} test;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t random_number(void)
{
    test.random = test.random * 6364136223846793005u + 1442695040888963407u;
    return test.random >> 33;
}

static void make_places(void)
{
    int fd;

    strcpy(test.directory, "/tmp/kill_truth.XXXXXX");
    if (mkdtemp(test.directory) == NULL)
        die("mkdtemp");
    snprintf(test.notes_name, sizeof test.notes_name, "%s/notes", test.directory);
    fd = open(test.notes_name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0)
        die(test.notes_name);
    test.notes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (test.notes == MAP_FAILED)
        die("mmap");
    close(fd);
}

static pid_t start(const char *preload, char *program, unsigned seed)
{
    char library[4096], options[256], number[16];
    char *argv[] = {program, test.notes_name, number, NULL};
    char *envp[] = {library, options, NULL};
    pid_t pid;

    snprintf(library, sizeof library, "LD_PRELOAD=%s", preload);
    snprintf(options, sizeof options, "HEAPTRACKER_OPTIONS=quiet=1:state_dir=%s", test.directory);
    snprintf(number, sizeof number, "%u", seed);
    if (posix_spawn(&pid, program, NULL, NULL, argv, envp) != 0)
        die(program);
    return pid;
}

/* Kills it some calls and some instructions from now. */
static void kill_it(pid_t pid)
{
    uint64_t calls = random_number() % 20000;
    int status;

    while (test.notes->done < calls) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            fprintf(stderr, "the program ended by itself, status %x\n", (unsigned)status);
            exit(1);
        }
        sched_yield();
    }
    for (volatile uint64_t i = random_number() % 1000; i > 0; i--)
        ;
    if (kill(pid, SIGKILL) != 0 || waitpid(pid, &status, 0) != pid)
        die("kill");
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        fprintf(stderr, "not killed: status %x\n", (unsigned)status);
        exit(1);
    }
}

static bool is_same(const struct counts *a, const struct counts *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static bool is_between(const struct counts *low, const struct counts *x, const struct counts *high)
{
    return low->allocs <= x->allocs && x->allocs <= high->allocs && low->frees <= x->frees &&
           x->frees <= high->frees && low->bytes_allocated <= x->bytes_allocated &&
           x->bytes_allocated <= high->bytes_allocated && low->bytes_freed <= x->bytes_freed &&
           x->bytes_freed <= high->bytes_freed;
}

static struct counts totals_of(const struct state_view *view)
{
    struct counts sum = {0};

    for (uint32_t i = 0; i < view->slot_count; i++) {
        const struct state_slot *slot = state_view_slot(view, i);

        sum.allocs += slot->allocs;
        sum.bytes_allocated += slot->bytes_allocated;
        sum.frees += slot->frees;
        sum.bytes_freed += slot->bytes_freed;
    }
    return sum;
}

static struct counts sites_of(const struct state_view *view)
{
    struct counts sum = {0};

    for (uint64_t p = 0; p < view->site_page_count; p++) {
        const struct state_site_page *page = state_view_site_page(view, p);

        for (uint32_t i = 0; page != NULL && i < STATE_SITES_PER_PAGE; i++) {
            sum.allocs += page->sites[i].allocs;
            sum.bytes_allocated += page->sites[i].bytes_allocated;
            sum.frees += page->sites[i].frees;
            sum.bytes_freed += page->sites[i].bytes_freed;
        }
    }
    return sum;
}

static void show(const char *what, const struct counts *c)
{
    fprintf(stderr, "  %-14s %" PRIu64 " allocs, %" PRIu64 " bytes, %" PRIu64 " frees, %" PRIu64 " bytes\n",
            what, c->allocs, c->bytes_allocated, c->frees, c->bytes_freed);
}

/* What is wrong with these sums; NULL: nothing. */
static const char *judge(const struct counts *sum, bool in_progress, bool count_it)
{
    uint64_t begun = test.notes->begun, done = test.notes->done;
    const struct counts *last = &test.notes->counts[begun % 2],
                        *before = &test.notes->counts[(begun + 1) % 2];

    if (begun == done)
        before = last;
    if (count_it) {
        test.exact += begun == done;
        test.before += begun != done && is_same(sum, before);
        test.after += begun != done && is_same(sum, last);
        test.between += !is_same(sum, before) && !is_same(sum, last);
        test.in_progress += in_progress;
    }
    if (in_progress && begun == done)
        return "says that a call was in progress, and there was none";
    if (is_same(sum, last) || is_same(sum, before))
        return NULL;
    if (!in_progress)
        return "not what the program noted, and says that no call was in progress";
    return is_between(before, sum, last) ? NULL : "not between before and after the call in progress";
}

static int check_file(pid_t pid, int run)
{
    char name[128];
    struct stat status;
    struct state_view view;
    struct state_fault fault;
    struct counts totals, sites;
    const char *wrong;
    void *bytes;
    int fd;

    snprintf(name, sizeof name, "%s/%ld.0.ht", test.directory, (long)pid);
    fd = open(name, O_RDONLY);
    if (fd < 0 || fstat(fd, &status) != 0)
        die(name);
    bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        die(name);
    close(fd);
    unlink(name);
    fault = state_check(bytes, (size_t)status.st_size, &view);
    if (fault.what != NULL) {
        /* Killed before its first call, it may not have come to the magic. */
        if (fault.unfinished && test.notes->begun == 0)
            return 0;
        fprintf(stderr, "run %d: the file is broken: %s at %" PRIu64 "\n", run, fault.what, fault.offset);
        return 1;
    }
    totals = totals_of(&view);
    sites = sites_of(&view);
    bool in_progress = state_view_calls_in_progress(&view) != 0;
    wrong = judge(&totals, in_progress, true);
    if (wrong == NULL)
        wrong = judge(&sites, in_progress, false);
    if (wrong != NULL) {
        fprintf(stderr, "run %d: %s (%" PRIu64 " begun, %" PRIu64 " done, in progress %d)\n", run, wrong,
                test.notes->begun, test.notes->done, in_progress);
        show("noted last", &test.notes->counts[test.notes->begun % 2]);
        show("noted before", &test.notes->counts[(test.notes->begun + 1) % 2]);
        show("totals", &totals);
        show("sites", &sites);
    }
    munmap(bytes, (size_t)status.st_size);
    return wrong != NULL;
}

int main(int argc, char **argv)
{
    int times = argc == 4 ? atoi(argv[3]) : 0, wrong = 0;

    if (times <= 0) {
        fprintf(stderr, "usage: kill_truth PRELOAD KILL_ME TIMES\n");
        return 2;
    }
    if (access(argv[1], R_OK) != 0) {
        printf("SKIP: %s is not built\n", argv[1]);
        return 77;
    }
    make_places();
    test.random = (uint64_t)getpid();
    printf("seed %" PRIu64 "\n", test.random);
    for (int run = 0; run < times; run++) {
        pid_t pid;

        memset(test.notes, 0, sizeof *test.notes);
        pid = start(argv[1], argv[2], (unsigned)random_number());
        kill_it(pid);
        wrong += check_file(pid, run);
    }
    unlink(test.notes_name);
    if (rmdir(test.directory) != 0) /* and nothing else may be left */
        die(test.directory);
    printf("%d kills, %d wrong: %d between calls; in a call %d: totals of before %d, of after %d, in between "
           "%d; the "
           "file said %d times that a call was in progress\n",
           times, wrong, test.exact, times - test.exact, test.before, test.after, test.between,
           test.in_progress);
    return wrong != 0;
}
