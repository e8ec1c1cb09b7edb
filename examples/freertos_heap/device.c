/* SPDX-License-Identifier: MIT
 *
 * device.c - on bare metal: sends the tracker's tables when main is done. QEMU's boards
 * have semihosting, so here they are written to a file; a real board takes its UART.
 */
#include <stdio.h>
#include <stdlib.h>

#include <heaptracker.h>

static int write_dump(void *user, const void *bytes, size_t count)
{
    return fwrite(bytes, 1, count, user) != count; /* a UART: send the bytes, return 0 */
}

static void send_tables(void)
{
    FILE *dump = fopen("build/freertos.ht", "wb");

    if (dump != NULL)
        setvbuf(dump, NULL, _IONBF, 0); /* so that writing the dump allocates nothing */
    if (dump == NULL || ht_dump(write_dump, dump) != 0 || fclose(dump) != 0)
        printf("build/freertos.ht: not written\n");
}

__attribute__((constructor)) static void begin(void)
{
    atexit(send_tables);
}
