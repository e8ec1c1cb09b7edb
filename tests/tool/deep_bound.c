/* SPDX-License-Identifier: MIT
 *
 * deep_bound.c PLUGIN - opens tests/programs/plugin.c so that it finds libc's own malloc first, gets a block of 100,000
 * bytes from it, and frees that.
 */
#include <dlfcn.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    void *plugin = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_DEEPBIND) : NULL;
    void *(*make)(size_t) = NULL;

    if (plugin == NULL)
        return 2;
    *(void **)&make = dlsym(plugin, "plugin_make");
    if (make == NULL)
        return 2;
    free(make(100000));
    return dlclose(plugin) == 0 ? 0 : 2;
}
