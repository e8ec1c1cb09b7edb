/* SPDX-License-Identifier: MIT
 *
 * gate [EXIT STATUS [MORE]] - a program for limits. On a glibc without other users of
 * the heap in it, beside what libc keeps for itself:
 *
 *   keep_line    3 malloc(1000), still live at the end; with MORE, that many more
 *   read_page    2 malloc(5000), freed at once: temporary
 *   one printf, whose buffer libc keeps
 */
#include <stdio.h>
#include <stdlib.h>

static void *volatile sink;

__attribute__((noinline)) static void keep_line(void)
{
    sink = malloc(1000);
    __asm__ volatile("");
}

__attribute__((noinline)) static void read_page(void)
{
    sink = malloc(5000);
    free(sink);
    __asm__ volatile("");
}

int main(int argc, char **argv)
{
    int more = argc > 2 ? atoi(argv[2]) : 0;

    for (int i = 0; i < 3 + more; i++)
        keep_line();
    read_page();
    read_page();
    printf("on stdout\n");
    return argc > 1 ? atoi(argv[1]) : 0;
}
