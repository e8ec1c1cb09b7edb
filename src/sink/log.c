/* SPDX-License-Identifier: MIT */
#include "sink/log.h"

#include "base/atomic.h"
#include "base/format.h"
#include "core/tracker.h"
#include "port/port.h"

/* Function and argument are set one after the other by any thread and read by any
 * other, so they are one object that is swapped as a whole: a small ring of
 * pairs, of which the newest is in use. */
#define LOG_RECEIVERS 8

struct log_receiver {
    ht_log_fn fn;
    void *user;
};

static struct {
    uint32_t set_count; /* atomic; receivers[set_count % LOG_RECEIVERS] is in use */
    uint32_t set_lock;  /* trylock between those that set */
    struct log_receiver receivers[LOG_RECEIVERS];
    int (*log_debug)(const char *format, ...);
    int quiet;
} logging;

void log_set(ht_log_fn fn, void *user)
{
    uint32_t next;

    /* Two threads that set it at once: one of them wins, as with any order. */
    if (!trylock_take(&logging.set_lock))
        return;
    next = load_relaxed(&logging.set_count) + 1;
    logging.receivers[next % LOG_RECEIVERS] = (struct log_receiver){fn, user};
    /* Release: who sees the count sees the pair. */
    store_release(&logging.set_count, next);
    trylock_give(&logging.set_lock);
}

void log_set_default(int (*log_debug)(const char *format, ...))
{
    logging.log_debug = log_debug;
}

void log_set_quiet(int quiet)
{
    logging.quiet = quiet;
}

static void write_error_line(const char *text)
{
    char buffer[LOG_LONG_LINE_BYTES + 1];
    struct line line;

    line_init(&line, buffer, sizeof buffer - 1);
    line_add(&line, text);
    buffer[line.length] = '\n';
    /* A fork's child that has no tables yet cannot reach its parent's. */
    if (!port_write_error(buffer, line.length + 1) && tracker.header != NULL && tracker_has_tables())
        add_relaxed(&tracker.header->lost_events, 1);
}

/* In pieces where it is longer than was promised. */
static void hand_over(const struct log_receiver *receiver, const char *text)
{
    char piece[LOG_LINE_BYTES];
    struct line line;

    for (size_t left = __builtin_strlen(text); left >= sizeof piece; left -= line.length) {
        line_init(&line, piece, sizeof piece);
        line_add(&line, text);
        text += line.length;
        receiver->fn(receiver->user, piece);
    }
    receiver->fn(receiver->user, text);
}

void log_line(const char *text)
{
    struct log_receiver receiver = logging.receivers[load_acquire(&logging.set_count) % LOG_RECEIVERS];

    if (receiver.fn != NULL)
        hand_over(&receiver, text);
    else if (logging.log_debug != NULL)
        logging.log_debug("%s\n", text);
    else
        write_error_line(text);
}

void log_message(const char *text)
{
    if (!logging.quiet)
        log_line(text);
}
