/* SPDX-License-Identifier: MIT
 *
 * Forks while other threads allocate: what a child has of its parent is one moment's, and
 * no sum is below its part.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "check.h"

static volatile int stop;

static void *allocates(void *argument)
{
    while (!stop) {
        void *volatile kept = malloc(16);
        CHECK(kept != NULL);
        for (volatile int pause = 0; pause < 2000; pause++)
            ;
    }
    return argument;
}

int main(void)
{
    pthread_t threads[2];

    need_tracker();
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, allocates, NULL), 0);
    for (int i = 0; i < 10; i++) {
        const pid_t child = fork();
        if (child == 0) {
            void *volatile one = malloc(1);
            const struct ht_totals totals = totals_now();
            CHECK(one != NULL);
            CHECK(totals.frees <= totals.allocs);
            CHECK_EQ(totals.live_blocks, totals.allocs - totals.frees);
            CHECK(totals.live_bytes >= 0 && (uint64_t)totals.live_bytes <= totals.bytes_allocated);
            _exit(0);
        }
        int status = -1;
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
        usleep(1000);
    }
    stop = 1;
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    return 0;
}
