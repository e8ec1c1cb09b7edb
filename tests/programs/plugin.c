/* SPDX-License-Identifier: MIT
 *
 * A library for dlopens.c: allocates when it is loaded, when it is called, and
 * frees when it is unloaded.
 */
#include <stdlib.h>
#include <string.h>

void *plugin_make(size_t size);

static char *loaded;

__attribute__((constructor)) static void on_load(void)
{
    loaded = malloc(111);
    strcpy(loaded, "loaded");
}

__attribute__((destructor)) static void on_unload(void)
{
    free(loaded);
}

void *plugin_make(size_t size)
{
    return malloc(size);
}
