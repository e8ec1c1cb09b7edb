/* SPDX-License-Identifier: MIT
 *
 * log.c - sink/log.h for the profiles tiny and small.
 */
#include "port/device.h"
#include "sink/log.h"

extern int Log_Debug(const char *format, ...) __attribute__((weak));

static struct {
    ht_log_fn fn;
    void *user;
} receiver;

void log_set(ht_log_fn fn, void *user)
{
    unsigned long state = HT_CRITICAL_ENTER();

    receiver.fn = fn;
    receiver.user = user;
    HT_CRITICAL_EXIT(state);
}

void log_line(const char *text)
{
    if (receiver.fn != NULL)
        receiver.fn(receiver.user, text);
    else if (Log_Debug != NULL)
        Log_Debug("%s\n", text);
    else
        port_write_line(text);
}
