/* SPDX-License-Identifier: MIT
 *
 * json.h - the JSON of a report in parts, for formats that carry it.
 */
#ifndef HT_TOOL_JSON_H
#define HT_TOOL_JSON_H

#include "model/summary.h"

/* All of schema 1 but the sites, as one JSON object on one line (malloc'ed). */
char *json_text_of_run(const struct report *report);

#endif /* HT_TOOL_JSON_H */
