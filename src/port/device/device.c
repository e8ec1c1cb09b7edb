/* SPDX-License-Identifier: MIT
 *
 * device.c - what of port/device.h is not in one line.
 */
#include "port/device.h"

#if defined(__unix__) || defined(__linux__)
#include <sched.h>
#include <string.h>
#include <unistd.h>

uint32_t port_critical_word;

HT_COLD void port_critical_wait(void)
{
    do
        sched_yield();
    while (load_relaxed(&port_critical_word) != 0 || exchange_acq_rel(&port_critical_word, 1u) != 0);
}

void port_write_line(const char *line)
{
    char text[256];
    size_t length = strnlen(line, sizeof text - 1);

    memcpy(text, line, length);
    text[length] = '\n';
    if (write(STDERR_FILENO, text, length + 1) < 0)
        return; /* there is nobody left to tell */
}

#else

extern void ht_port_write(const char *line) __attribute__((weak));

void port_write_line(const char *line)
{
    if (ht_port_write)
        ht_port_write(line);
}

#endif
