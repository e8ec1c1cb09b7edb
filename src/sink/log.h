/* SPDX-License-Identifier: MIT
 *
 * log.h - where the tracker's lines go: the program's function, Azure Sphere's
 * Log_Debug where the program has one, else standard error. Any thread; AS-safe
 * as far as the receiving function is. A line that is not
 * longer than that function was promised is handed over in one piece.
 */
#ifndef HT_SINK_LOG_H
#define HT_SINK_LOG_H

#include "heaptracker.h"

#define LOG_LINE_BYTES 256
/* Of a line that names a path or an option's value, which have up to 512 bytes, and as much else as others
 * have: half a path is of no use to anybody. */
#define LOG_LONG_LINE_BYTES 768

/* fn NULL: back to the default. */
void log_set(ht_log_fn fn, void *user);

/* What the default is: a function that takes lines as Log_Debug of applibs does
 * (its only argument after the format "%s\n" is the line), or NULL for standard
 * error. Set once, at start. */
void log_set_default(int (*log_debug)(const char *format, ...));

/* One line, without its newline, at most LOG_LONG_LINE_BYTES - 1 bytes. The program's function was
 * promised LOG_LINE_BYTES - 1 at most (heaptracker.h), and gets a longer one in pieces. */
void log_line(const char *text);

/* A message of the tracker's own ("heaptracker: ..."). quiet drops them. */
void log_message(const char *text);
void log_set_quiet(int quiet);

#endif /* HT_SINK_LOG_H */
