/* SPDX-License-Identifier: MIT
 *
 * phases - a second thread, a peak in the middle, temporary blocks, and blocks that stay.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCKS = 400, PAUSE_US = 400 };

static void *buffers[BLOCKS];
static void *cache[BLOCKS];

__attribute__((noinline)) static void *make_buffer(size_t bytes)
{
    return malloc(bytes);
}

__attribute__((noinline)) static void fill_buffers(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        buffers[i] = make_buffer(4000 + 16 * (size_t)i);
        if (i % 8 == 0)
            usleep(PAUSE_US);
    }
}

__attribute__((noinline)) static void fill_cache(void)
{
    for (int i = 0; i < BLOCKS; i++)
        cache[i] = malloc(64);
}

__attribute__((noinline)) static void use_temporaries(void)
{
    for (int i = 0; i < 10 * BLOCKS; i++)
        free(malloc(24));
}

__attribute__((noinline)) static void drop_buffers(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        free(buffers[i]);
        if (i % 8 == 0)
            usleep(PAUSE_US);
    }
}

static void *work(void *unused)
{
    (void)unused;
    fill_cache();
    return NULL;
}

int main(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, work, NULL) != 0)
        return 1;
    fill_buffers();
    use_temporaries();
    drop_buffers();
    pthread_join(thread, NULL);
    return 0;
}
