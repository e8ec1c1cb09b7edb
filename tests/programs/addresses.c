/* SPDX-License-Identifier: MIT
 *
 * Prints where a fixed sequence of calls puts its blocks and what their usable sizes
 * are: it must print the same with the tracker as without. Addresses on the brk heap
 * are offsets from the first block; a block that is mapped on its own prints its
 * offset in the page (libraries move the mappings as a whole).
 */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PLACES = 64, CALLS = 20000, TEXT_BYTES = CALLS * 32 };

static char text[TEXT_BYTES]; /* stdio would allocate in between */
static size_t length;
static uintptr_t origin;

static void print(int call, char *block)
{
    const uintptr_t address = (uintptr_t)block;
    const uintptr_t distance = address - origin;
    const int far = distance > (uintptr_t)1 << 32;
    length += (size_t)snprintf(text + length, TEXT_BYTES - length, "%d %s%lx %zu\n", call, far ? "page+" : "",
                               (unsigned long)(far ? address % 4096 : distance), malloc_usable_size(block));
}

int main(void)
{
    char *blocks[PLACES] = {0};
    unsigned random = 1;
    char *first = malloc(1);
    origin = (uintptr_t)first;
    for (int call = 0; call < CALLS; call++) {
        random = random * 1103515245u + 12345u;
        char **place = &blocks[(random >> 8) % PLACES];
        const size_t size = (random >> 14) % 50 ? (random >> 16) % 700 : (random >> 16) * 8u;
        switch (call % 4) {
        case 0: *place = realloc(*place, size + 1); break;
        case 1:
            free(*place);
            *place = calloc(1, size);
            break;
        case 2:
            free(*place);
            *place = malloc(size);
            break;
        default: free(*place); *place = memalign(64, size);
        }
        print(call, *place);
    }
    for (int i = 0; i < PLACES; i++)
        free(blocks[i]);
    free(first);
    return write(STDOUT_FILENO, text, length) == (ssize_t)length ? 0 : 1;
}
