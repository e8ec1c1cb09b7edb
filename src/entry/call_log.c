/* SPDX-License-Identifier: MIT
 *
 * call_log.c - shows each call as a line, where the program wants it.
 */
#include "base/format.h"
#include "core/thread.h"
#include "entry/binding.h"
#include "entry/call_line.h"
#include "entry/options.h"
#include "port/port.h"
#include "sink/log.h"

static size_t log_threshold;
static char log_file[OPTIONS_PATH_BYTES]; /* empty: where the tracker's lines go */

void call_log_set_threshold(size_t bytes)
{
    log_threshold = bytes;
}

void call_log_set_file(const char *path)
{
    struct line line;

    line_init(&line, log_file, sizeof log_file);
    line_add(&line, path);
}

/* A line that is lost is counted. */
static void write_to_file(struct line *line, char *text)
{
    text[line->length] = '\n';
    if (!port_append(log_file, text, line->length + 1))
        add_relaxed(&tracker.header->lost_events, 1);
}

void call_log_show(const struct call_event *event)
{
    char text[LOG_LINE_BYTES + 1];
    struct line line;

    line_init(&line, text, LOG_LINE_BYTES);
    call_line_write(&line, event, (intptr_t)tracker_live_bytes(), (intptr_t)log_threshold);
    if (log_file[0] == '\0')
        log_line(text);
    else
        write_to_file(&line, text);
}
