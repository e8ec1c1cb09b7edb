/* SPDX-License-Identifier: MIT
 *
 * bad_frees foreign|double|abort: frees that are wrong, or right but of blocks that
 * no hook saw. Lines that the tracker writes go to stderr, where bad_frees.bats reads them.
 *
 * foreign  frees four blocks of the libc's own at two places: two reports
 * double   frees two blocks twice at one place in a way that glibc does not see:
 *          one report. Needs GLIBC_TUNABLES=glibc.malloc.tcache_count=0.
 * abort    frees a block twice; prints the count from the libc's abort
 */
#include <dlfcn.h>
#include <signal.h>

#include "check.h"

#ifdef __GLIBC__
extern void *__libc_malloc(size_t size);

static void *libc_malloc(size_t size)
{
    return __libc_malloc(size);
}
#else
static void *libc_malloc(size_t size)
{
    void *libc = dlopen("libc.so", RTLD_NOW | RTLD_NOLOAD);
    void *(*function)(size_t) = NULL;
    *(void **)&function = libc ? dlsym(libc, "malloc") : NULL;
    if (!function)
        skip("the libc's own malloc cannot be reached here");
    return function(size);
}
#endif

static void foreign(void)
{
    void *blocks[4];
    for (int i = 0; i < 4; i++)
        blocks[i] = libc_malloc(100);
    const struct ht_totals before = totals_now();
    for (int i = 0; i < 3; i++)
        STEP(free(blocks[i]), .foreign = 1);
    void *grown;
    STEP(grown = realloc(blocks[3], 200), .allocs = 1, .bytes = 200, .live = 200, .reallocs = 1,
         .foreign = 1);
    CHECK(grown);
    free(grown);
    CHECK_EQ(totals_now().live_bytes, before.live_bytes);
    say("foreign_frees=%d\n", (int)totals_now().foreign_frees);
}

/* a, b, a: fastbins compare with the last one only. The heap is broken from here
 * on, so nothing is allocated any more. */
static void twice(void)
{
    void *a = malloc(40), *b = malloc(40);
    void *volatile order[] = {a, b, a, b};
    for (int i = 0; i < 4; i++)
        free(order[i]);
    const struct ht_totals now = totals_now();
    say("invalid_frees=%d foreign_frees=%d live_blocks=%d\n", (int)now.invalid_frees, (int)now.foreign_frees,
        (int)now.live_blocks);
    _exit(0);
}

static void on_abort(int signal)
{
    (void)signal;
    const struct ht_totals now = totals_now();
    say("at abort: invalid_frees=%d foreign_frees=%d\n", (int)now.invalid_frees, (int)now.foreign_frees);
}

static void freed_twice(void)
{
    signal(SIGABRT, on_abort);
    void *volatile block = malloc(100);
    free(block);
    free(block);
}

int main(int count, char **arguments)
{
    need_tracker();
    const char *what = count > 1 ? arguments[1] : "";
    if (strcmp(what, "foreign") == 0)
        foreign();
    else if (strcmp(what, "double") == 0)
        twice();
    else if (strcmp(what, "abort") == 0)
        freed_twice();
    else
        FAIL("usage: bad_frees foreign|double|abort");
    return 0;
}
