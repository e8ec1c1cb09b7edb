/* SPDX-License-Identifier: MIT
 *
 * dlopens PLUGIN - a library that allocates comes and goes: its blocks are counted,
 * one that outlives it is freed as any other, and nothing is left behind. Meanwhile
 * other threads allocate, and may wait for nothing that the loader holds.
 */
#include <dlfcn.h>
#include <pthread.h>

#include "check.h"

typedef void *(*make_fn)(size_t);

static volatile int stop;

/* One life of the library; returns a block that it made. */
static void *load_and_unload(const char *path, size_t size)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        FAIL("%s", dlerror());
    make_fn make = NULL;
    *(void **)&make = dlsym(library, "plugin_make");
    CHECK(make);
    const int64_t live = ht_live_bytes();
    void *block = make(size);
    CHECK(block);
    CHECK_EQ(ht_block_size(block), size);
    CHECK(ht_live_bytes() >= live + (int64_t)size);
    CHECK_EQ(dlclose(library), 0);
    return block;
}

static void *allocate(void *argument)
{
    while (!stop) {
        char *p = malloc(100);
        *p = 1;
        free(p);
    }
    return argument;
}

int main(int count, char **arguments)
{
    need_tracker();
    CHECK(count == 2);
    /* The loader keeps tables of its own, and the libraries that a plugin needs may
     * stay: a few lives until that is settled. */
    for (int i = 0; i < 4; i++)
        free(load_and_unload(arguments[1], 10));

    const struct ht_totals before = totals_now();
    for (int i = 1; i <= 200; i++)
        free(load_and_unload(arguments[1], (size_t)i));
    const struct ht_totals after = totals_now();
    CHECK_EQ(after.live_bytes, before.live_bytes);
    CHECK_EQ(after.live_blocks, before.live_blocks);
    CHECK(after.allocs - before.allocs >= 200);

    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, allocate, NULL);
    for (int i = 1; i <= 200; i++) {
        void *library = dlopen(arguments[1], RTLD_NOW);
        CHECK(library);
        CHECK(dlsym(library, "plugin_make"));
        dlclose(library);
    }
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(totals_now().foreign_frees, 0);
    CHECK_EQ(totals_now().invalid_frees, 0);
    return 0;
}
