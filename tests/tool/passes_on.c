/* SPDX-License-Identifier: MIT
 *
 * passes_on.c - a program with a malloc and a free of its own, which pass on to the next ones, as leak checkers that
 * are linked in do. Allocates 1,000 blocks of 10 bytes.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long calls;

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

void *malloc(size_t size)
{
    static void *(*real)(size_t);

    if (real == NULL)
        *(void **)&real = next("malloc");
    calls++;
    return real(size);
}

void free(void *block)
{
    static void (*real)(void *);

    if (real == NULL)
        *(void **)&real = next("free");
    real(block);
}

int main(void)
{
    const char *error = dlerror();

    for (int i = 0; i < 1000; i++)
        free(malloc(10));
    printf("%s, %s\n", error == NULL ? "no error" : error, calls >= 1000 ? "called" : "passed by");
    return 0;
}
