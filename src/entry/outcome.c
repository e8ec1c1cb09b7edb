/* SPDX-License-Identifier: MIT */
#include "entry/outcome.h"

#include <stdlib.h>

#include "entry/call.h"
#include "port/port.h"

static bool is_live(const void *block)
{
    const uint32_t *cell = block_map_cell(&tracker_blocks, block);

    return cell != NULL && cell_is_live(load_relaxed(cell));
}

static size_t live_size(const void *block)
{
    const uint32_t *cell = block_map_cell(&tracker_blocks, block);

    return cell_size(cell, load_relaxed(cell));
}

void outcome_got(const char *name, void *block, size_t size)
{
    if (!tracker.all_calls_seen)
        call_record(block, size, &(struct call_kind)KIND_GET(name, 1), size, 0);
}

void outcome_got_unless_known(const char *name, void *block, size_t size)
{
    if (block == NULL || !is_live(block))
        outcome_got(name, block, size);
}

/* There where aligned_alloc is wrapped, and then the one to call: so the call is
 * counted, and shown, by this name. A static libc's may count calls of its own. */
extern void *__real_aligned_alloc(size_t alignment, size_t size) __attribute__((weak));

void *outcome_aligned(size_t alignment, size_t size)
{
    static const struct call_kind kind = KIND_GET("alloc_aligned", 2);
    void *block = (__real_aligned_alloc != NULL ? __real_aligned_alloc : aligned_alloc)(alignment, size);

    if (block == NULL || !is_live(block))
        call_record(block, size, &kind, alignment, size);
    return block;
}

/* The function has given the block back, inside libc. */
static void outcome_gone(const char *name, void *block)
{
    int error = port_errno_get();
    struct thread *t = call_enter(CALL_STACK);

    if (t != NULL && is_live(block))
        call_free_unusual(t, block, &(struct call_kind)KIND_FREE(name), CALL_CALLER, CALL_NO_SIZE);
    call_free_end(t);
    port_errno_set(error);
}

/* --- Buffers ----------------------------------------------------------------- */

struct outcome_buffer outcome_buffer_begin(const char *name, void *block, size_t size)
{
    return (struct outcome_buffer){name, block, size};
}

/* Replaced only when the function has changed it. Between libc's free of the old
 * block and this, another thread may have got its address: its block is then
 * counted out here in the old one's place, the sizes apart. It cannot be had
 * better, since whether the function will move the block is known only afterwards. */
void outcome_buffer_end(const struct outcome_buffer *before, void *block, size_t size)
{
    if (tracker.all_calls_seen || (block == before->block && size == before->size && is_live(block)))
        return;
    if (before->block != NULL)
        outcome_gone(before->name, before->block);
    if (block != NULL)
        outcome_got(before->name, block, size);
}

/* --- Streams -------------------------------------------------------------------- */

#define STREAMS_MAX 32

static struct outcome_stream streams[STREAMS_MAX];

static bool claim(struct outcome_stream *place, void *stream)
{
    /* Whoever puts a stream into an empty place owns the place's other fields. */
    return replace_acq_rel(&place->stream, (void *)NULL, stream);
}

void outcome_stream_open(void *stream, void *buffer_out, size_t *size, size_t unit)
{
    if (stream == NULL || tracker.all_calls_seen)
        return;
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        if (claim(&streams[i], stream)) {
            streams[i].buffer = buffer_out;
            streams[i].size = size;
            streams[i].unit = unit;
            streams[i].block = NULL;
            return;
        }
    }
    if (tracker.header != NULL)
        add_relaxed(&tracker.header->lost_events, 1);
}

/* The block as the stream has just told it; an earlier one is gone. */
static void outcome_take_up(struct outcome_stream *stream)
{
    void *block = *stream->buffer;
    size_t size = (*stream->size + 1) * stream->unit; /* a terminator follows the data */

    if (stream->block != NULL && stream->block == block && is_live(block) && size == live_size(block))
        return;
    if (stream->block != NULL)
        outcome_gone("open_memstream", stream->block);
    outcome_got("open_memstream", block, size);
    stream->block = block;
}

void outcome_stream_update(void *stream)
{
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        void *held = load_acquire(&streams[i].stream);

        if (held != NULL && (stream == NULL || held == stream))
            outcome_take_up(&streams[i]);
    }
}

struct outcome_stream outcome_stream_close(void *stream)
{
    for (size_t i = 0; stream != NULL && i < STREAMS_MAX; i++) {
        if (load_acquire(&streams[i].stream) == stream) {
            struct outcome_stream open = streams[i];

            /* Before the real fclose: after it the address may be another stream's. */
            store_release(&streams[i].stream, (void *)NULL);
            return open;
        }
    }
    return (struct outcome_stream){0};
}

void outcome_stream_closed(struct outcome_stream *stream)
{
    if (stream->stream != NULL)
        outcome_take_up(stream);
}
