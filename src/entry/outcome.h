/* SPDX-License-Identifier: MIT
 *
 * outcome.h - counting blocks by what a function of a shared libc gave back, since
 * the allocation inside it passes no hook. All do nothing where every allocation
 * passes one (static libc). Any thread; errno is kept.
 */
#ifndef HT_ENTRY_OUTCOME_H
#define HT_ENTRY_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

/* The function `name` gave a block of `size` bytes, or NULL: a failed one. */
void outcome_got(const char *name, void *block, size_t size);

/* The same, where a hooked function below may have counted it. */
void outcome_got_unless_known(const char *name, void *block, size_t size);

/* aligned_alloc, counted once whether or not it is wrapped itself. */
void *outcome_aligned(size_t alignment, size_t size);

/* A buffer that the function may reallocate: taken before, put after. */
struct outcome_buffer {
    const char *name;
    void *block;
    size_t size;
};

struct outcome_buffer outcome_buffer_begin(const char *name, void *block, size_t size);
void outcome_buffer_end(const struct outcome_buffer *before, void *block, size_t size);

/* Streams whose buffer becomes the program's. 32 may be open at a time; further
 * ones are counted in lost_events. Two threads must not use one stream's functions
 * here at once (fclose and fflush of one stream at once are an error anyway). */
struct outcome_stream {
    void *stream;
    void **buffer;
    size_t *size;
    size_t unit;
    void *block; /* as counted at the last update */
};

void outcome_stream_open(void *stream, void *buffer_out, size_t *size, size_t unit);
/* stream NULL: all of them. */
void outcome_stream_update(void *stream);
struct outcome_stream outcome_stream_close(void *stream);
void outcome_stream_closed(struct outcome_stream *stream);

#endif /* HT_ENTRY_OUTCOME_H */
