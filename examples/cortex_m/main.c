/* SPDX-License-Identifier: MIT
 *
 * main.c - a firmware that never gives some of its blocks back, and sends the tracker's
 * tables when it is done. QEMU's boards have semihosting, so here a line is printed and a
 * dump is written to a file; a real board takes its UART for both.
 */
#include <stdio.h>
#include <stdlib.h>

#include "heaptracker.h"

static void print_line(void *user, const char *line)
{
    (void)user;
    puts(line);
}

static int write_dump(void *user, const void *bytes, size_t count)
{
    return fwrite(bytes, 1, count, user) != count; /* a UART: send the bytes, return 0 */
}

static void on_threshold(void *user, uint64_t threshold, uint64_t live)
{
    (void)user;
    printf("live bytes are above %lu: %lu\n", (unsigned long)threshold, (unsigned long)live);
}

/* Keeps every third message. */
static void receive(unsigned number)
{
    char *message = malloc(200 + number % 50);

    if (message != NULL && number % 3 != 0)
        free(message);
}

int main(void)
{
    FILE *dump = fopen("build/firmware.ht", "wb");
    int result;

    if (dump != NULL)
        setvbuf(dump, NULL, _IONBF, 0); /* so that writing the dump allocates nothing */
    ht_set_log(print_line, NULL);
    ht_threshold_add(8000, 7000, on_threshold, NULL);
    for (unsigned number = 0; number < 100; number++)
        receive(number);
    printf("live %ld bytes\n", (long)ht_live_bytes());
    result = dump == NULL ? -1 : ht_dump(write_dump, dump);
    return result != 0 || fclose(dump) != 0;
}
