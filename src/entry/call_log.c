/* SPDX-License-Identifier: MIT
 *
 * call_log.c - shows each call as a line, where the program wants it.
 */
#include "core/thread.h"
#include "entry/binding.h"
#include "entry/call_line.h"
#include "sink/log.h"

static size_t log_threshold;

void call_log_set_threshold(size_t bytes)
{
    log_threshold = bytes;
}

void call_log_show(const struct call_event *event)
{
    char text[LOG_LINE_BYTES];
    struct line line;

    line_init(&line, text, sizeof text);
    call_line_write(&line, event, (intptr_t)tracker_live_bytes(), (intptr_t)log_threshold);
    log_line(text);
}
