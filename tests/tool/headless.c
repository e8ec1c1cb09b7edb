/* SPDX-License-Identifier: MIT
 *
 * headless - its first thread ends at once; another one holds 1000 bytes until stdin ends.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void *volatile sink;

static void *hold(void *argument)
{
    char byte;

    sink = malloc(1000);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    free(sink);
    return argument;
}

int main(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, hold, NULL) != 0)
        return 1;
    pthread_exit(NULL);
}
