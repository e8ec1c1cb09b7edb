/* SPDX-License-Identifier: MIT
 *
 * little_thread - holds 4000 bytes, and beside them 1 KiB that another thread allocates; has held
 * and freed 2000 before, so that it allocated more than its peak.
 */
#include <pthread.h>
#include <stdlib.h>

static void *volatile sink;

static void *allocate(void *argument)
{
    sink = malloc(1024);
    return argument;
}

int main(void)
{
    char *volatile held = malloc(2000);
    pthread_t thread;

    free(held);
    held = malloc(4000);
    if (held == NULL || pthread_create(&thread, NULL, allocate, NULL) != 0)
        return 1;
    pthread_join(thread, NULL);
    free(sink);
    free(held);
    return 0;
}
