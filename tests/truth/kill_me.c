/* SPDX-License-Identifier: MIT
 *
 * kill_me.c NOTES SEED: allocates, resizes and frees for ever, and notes in the file NOTES
 * what it does. It calls nothing else that allocates.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kill_notes.h"

#define BLOCKS 512

static struct notes *notes;
static uint64_t state;
static struct {
    void *block;
    size_t size;
} blocks[BLOCKS];

static uint64_t random_number(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

/* Release: a reader after the death sees the plain stores of before. */
static void begin(struct counts after)
{
    uint64_t number = notes->begun + 1;

    notes->counts[number % 2] = after;
    __atomic_store_n(&notes->begun, number, __ATOMIC_RELEASE);
}

static void done(void)
{
    __atomic_store_n(&notes->done, notes->begun, __ATOMIC_RELEASE);
}

__attribute__((noinline)) static void give_back(size_t i, struct counts *counts)
{
    counts->frees++;
    counts->bytes_freed += blocks[i].size;
    begin(*counts);
    free(blocks[i].block);
    done();
    blocks[i].block = NULL;
}

__attribute__((noinline)) static void resize(size_t i, size_t size, struct counts *counts)
{
    counts->frees++;
    counts->bytes_freed += blocks[i].size;
    counts->allocs++;
    counts->bytes_allocated += size;
    begin(*counts);
    blocks[i].block = realloc(blocks[i].block, size);
    done();
    blocks[i].size = size;
}

__attribute__((noinline)) static void get(size_t i, size_t size, struct counts *counts)
{
    counts->allocs++;
    counts->bytes_allocated += size;
    begin(*counts);
    blocks[i].block = malloc(size);
    done();
    blocks[i].size = size;
}

int main(int argc, char **argv)
{
    struct counts counts = {0};
    int fd = argc == 3 ? open(argv[1], O_RDWR) : -1;

    notes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || notes == MAP_FAILED)
        return 2;
    state = strtoull(argv[2], NULL, 10);
    for (;;) {
        size_t i = random_number() % BLOCKS;
        size_t size = 1 + random_number() % 3000;

        if (blocks[i].block == NULL)
            get(i, size, &counts);
        else if (random_number() % 4 == 0)
            resize(i, size, &counts);
        else
            give_back(i, &counts);
    }
}
