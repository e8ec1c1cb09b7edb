/* SPDX-License-Identifier: MIT
 *
 * gzip.h - a stream that compresses what is written to it.
 */
#ifndef HT_TOOL_GZIP_H
#define HT_TOOL_GZIP_H

#include <stdio.h>

struct gzip;

/* Begins to write to `out`. In a tool that was built without zlib, what is written
 * goes there as it is. */
struct gzip *gzip_open(FILE *out);

void gzip_write(struct gzip *gzip, const void *bytes, size_t size);

/* Writes what is left. Errors are in ferror(out). */
void gzip_close(struct gzip *gzip);

#endif /* HT_TOOL_GZIP_H */
