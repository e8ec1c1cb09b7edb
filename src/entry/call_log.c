/* SPDX-License-Identifier: MIT
 *
 * call_log.c - one line per call, in exactly the form of the original library:
 *
 *   Heap-Tracker lib: malloc(1024)=0x5581c2a0... SUCCESS: heap_allocated (1024 bytes) - delta with ...
 */
#include "base/format.h"
#include "core/thread.h"
#include "entry/binding.h"
#include "sink/log.h"

static size_t log_threshold;

void call_log_set_threshold(size_t bytes)
{
    log_threshold = bytes;
}

static void add_call(struct line *line, const struct call_event *event)
{
    line_add(line, "Heap-Tracker lib: ");
    line_add(line, event->kind->name);
    line_add(line, "(");
    if (event->kind->takes_block)
        line_add_pointer(line, event->block);
    for (unsigned i = 0; i < event->kind->arg_count; i++) {
        if (event->kind->takes_block || i > 0)
            line_add(line, ",");
        line_add_u64(line, event->args[i]);
    }
    line_add(line, ")");
    if (event->kind->gives_block) {
        line_add(line, "=");
        line_add_pointer(line, event->result);
    }
    line_add(line, "... ");
}

void call_log_show(const struct call_event *event)
{
    char text[LOG_LINE_BYTES];
    struct line line;
    int64_t live = tracker_live_bytes();
    int64_t threshold = (int64_t)log_threshold;
    bool failed = event->kind->gives_block && event->result == NULL && !event->freed;

    line_init(&line, text, sizeof text);
    add_call(&line, event);
    line_add(&line, failed ? "FAILED" : live > threshold ? "WARNING" : "SUCCESS");
    line_add(&line, ": heap_allocated (");
    line_add_i64(&line, live);
    if (live > threshold) {
        line_add(&line, " bytes) is above heap_threshold (");
        line_add_i64(&line, threshold);
    } else {
        line_add(&line, " bytes) - delta with heap_threshold(");
        line_add_i64(&line, threshold - live);
    }
    line_add(&line, " bytes)");
    log_line(text);
}
