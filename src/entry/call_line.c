/* SPDX-License-Identifier: MIT
 *
 * call_line.c - one line per call, in exactly the form of the original library:
 *
 *   Heap-Tracker lib: malloc(1024)=0x5581c2a0... SUCCESS: heap_allocated (1024 bytes) - delta with ...
 */
#include "entry/call_line.h"

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
        line_add_word(line, event->args[i]);
    }
    line_add(line, ")");
    if (event->kind->gives_block) {
        line_add(line, "=");
        line_add_pointer(line, event->result);
    }
    line_add(line, "... ");
}

void call_line_write(struct line *line, const struct call_event *event, intptr_t live_bytes,
                     intptr_t threshold)
{
    bool failed = event->kind->gives_block && event->result == NULL && !event->freed;
    bool is_above = live_bytes > threshold;

    add_call(line, event);
    line_add(line, failed ? "FAILED" : is_above ? "WARNING" : "SUCCESS");
    line_add(line, ": heap_allocated (");
    if (live_bytes < 0)
        line_add(line, "-");
    line_add_word(line, (uintptr_t)(live_bytes < 0 ? -live_bytes : live_bytes));
    line_add(line, is_above ? " bytes) is above heap_threshold (" : " bytes) - delta with heap_threshold(");
    line_add_word(line, (uintptr_t)(is_above ? threshold : threshold - live_bytes));
    line_add(line, " bytes)");
}
