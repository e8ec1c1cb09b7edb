/* SPDX-License-Identifier: MIT
 *
 * late_operators PLUGIN PLUGIN THREADED - a C program loads C++ libraries out of the global
 * scope. Each calls its own operators, as it would alone; a constructor of one of them waits for a
 * thread that allocates, while the loader's lock is held. Counts are exact.
 */
#include <dlfcn.h>

#include "check.h"

typedef int (*plugin_fn)(void);

static plugin_fn load(const char *path, void **library)
{
    plugin_fn function = NULL;

    *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (*library == NULL)
        FAIL("%s", dlerror());
    *(void **)&function = dlsym(*library, "plugin_runs");
    CHECK(function != NULL);
    return function;
}

/* Does the library get its blocks from its own pool? Then none is counted but by its hook. */
static void calls_its_own(const char *path, void **library)
{
    const plugin_fn runs = load(path, library);

    for (int i = 0; i < 3; i++) {
        int own = 0;
        STEP(own = runs(), .allocs = 1, .frees = 1, .bytes = 40);
        CHECK(own);
    }
}

int main(int argc, char **argv)
{
    void *first, *second, *threaded;

    if (argc < 4)
        FAIL("usage: late_operators PLUGIN PLUGIN THREADED");
    need_tracker();
    calls_its_own(argv[1], &first);
    calls_its_own(argv[2], &second);
    CHECK_EQ(dlclose(first), 0);
    CHECK_EQ(dlclose(second), 0);
    calls_its_own(argv[2], &second);
    CHECK_EQ(load(argv[3], &threaded)(), 10);
    return 0;
}
