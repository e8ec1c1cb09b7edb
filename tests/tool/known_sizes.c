/* SPDX-License-Identifier: MIT
 *
 * known_sizes - allocates blocks of sizes that sizes.bats knows, in five threads (the
 * main one is the fifth), then in a fork's child. known_sizes() makes in each of them
 *   2 * (k + 1) blocks of 2^k to 2^(k+1) - 1 bytes, k from 0 to 20; 7 of size 0;
 *   one of 10 and, by realloc, one of 3000 bytes.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, POWERS = 21 };

static void get(size_t size)
{
    void *volatile block = malloc(size);

    free(block);
}

__attribute__((noinline)) static void *known_sizes(void *unused)
{
    void *volatile block = malloc(10);

    for (int k = 0; k < POWERS; k++)
        for (int i = 0; i <= k; i++) {
            get((size_t)1 << k);
            get(((size_t)2 << k) - 1);
        }
    for (int i = 0; i < 7; i++)
        get(0);
    block = realloc(block, 3000);
    free(block);
    return unused;
}

int main(void)
{
    pthread_t threads[THREADS];
    pid_t child;
    int status = 0;

    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, known_sizes, NULL) != 0)
            return 1;
    known_sizes(NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    child = fork();
    if (child == 0) {
        known_sizes(NULL);
        _exit(0);
    }
    return waitpid(child, &status, 0) != child || status != 0;
}
