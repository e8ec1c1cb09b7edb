/* SPDX-License-Identifier: MIT
 *
 * call_line.h - a call as a line of the original library's form. For every profile.
 */
#ifndef HT_ENTRY_CALL_LINE_H
#define HT_ENTRY_CALL_LINE_H

#include "base/format.h"
#include "core/event.h"

/* live_bytes: after the call; threshold: heap_threshold. */
void call_line_write(struct line *line, const struct call_event *event, intptr_t live_bytes,
                     intptr_t threshold);

#endif /* HT_ENTRY_CALL_LINE_H */
