/* SPDX-License-Identifier: MIT
 *
 * event.c - what is out of the ordinary in a device's call, all out of line.
 */
#include "base/format.h"
#include "entry/call_line.h"
#include "entry/device/hooks.h"
#include "sink/log.h"

/* The C library's calls of its own, and a line or a callback on its way: what it
 * allocates is counted, and not shown. One for each thread, where there are any. */
static PORT_TASK_LOCAL struct {
    uint16_t inside;
    uint16_t showing;
} guard;

bool device_is_nested(void)
{
    bool inside;

    /* Another task that holds the library's lock is waited for; it is not inside then. */
    HT_HEAP_LOCK(PORT_REENT_NOW);
    inside = guard.inside != 0;
    HT_HEAP_UNLOCK(PORT_REENT_NOW);
    return inside;
}

void device_guard_enter(void *reent)
{
    HT_HEAP_LOCK(reent);
    guard.inside++;
    device_expect_nested(true);
}

void device_guard_leave(void *reent)
{
    device_expect_nested(false);
    guard.inside--;
    HT_HEAP_UNLOCK(reent);
}

static void say(const char *text)
{
    guard.showing = 1;
    log_line(text);
    guard.showing = 0;
}

static void show(const struct call_event *event)
{
    char text[LOG_LINE_BYTES];
    struct line line;

    line_init(&line, text, sizeof text);
    call_line_write(&line, event, heap_allocated, (intptr_t)heap_threshold);
    say(text);
}

#define AS_TEXT_(a) #a
#define AS_TEXT(a) AS_TEXT_(a)

HT_COLD void device_event(const struct call_event *event)
{
#if !HT_TINY
    if (device_settle(event->result != NULL) && !guard.showing)
        say("heaptracker: the block table is full: heap_allocated may be too high from here on; raise "
            "HT_BLOCKS (" AS_TEXT(HT_BLOCKS) ")");
#endif
    if (device_shows_calls() && !guard.showing)
        show(event);
}

HT_COLD void device_got_due(const void *block, size_t size, const struct call_kind *kind)
{
    struct call_event event = {.kind = kind, .result = block, .args = {size, 0}};

    if (kind->arg_count == 2) {
        const struct device_args *call = (const struct device_args *)(const void *)kind;

        event.block = call->moved;
        event.args[0] = call->args[0];
        event.args[1] = call->args[1];
    }
    device_event(&event);
}

HT_COLD void device_gone_due(const void *block, size_t size, const struct call_kind *kind)
{
    device_event(&(struct call_event){.kind = kind, .block = block, .args = {size}});
}

void *device_get(REENT_PARAMETER const struct device_args *call, device_real *real, size_t size,
                 const void *caller)
{
    void *block;

    device_guard_enter(REENT);
    block = real(REENT_ARGUMENT call->args[0], call->args[1]);
    device_guard_leave(REENT);
    return device_got_odd(block, size, &call->kind, caller);
}

#if !HT_TINY
enum warning {
    WARNING_UNKNOWN = 1,
    WARNING_SIZE,
};

/* recorded: DEVICE_NO_SIZE where no block is known. */
HT_COLD static void warn(const struct call_kind *kind, const void *block, const void *caller, size_t given,
                         size_t recorded)
{
    char text[LOG_LINE_BYTES];
    struct line line;

    if (guard.showing || !device_warns(recorded == DEVICE_NO_SIZE ? WARNING_UNKNOWN : WARNING_SIZE, caller))
        return;
    line_init(&line, text, sizeof text);
    line_add(&line, "heaptracker: ");
    line_add(&line, kind->name);
    line_add(&line, "(");
    line_add_pointer(&line, block);
    line_add(&line, ") called from ");
    line_add_pointer(&line, caller);
    if (recorded == DEVICE_NO_SIZE) {
        line_add(&line, ": no live block: freed already, or never seen allocated");
    } else {
        line_add(&line, ": the given size is ");
        line_add_word(&line, given);
        line_add(&line, " bytes, the block has ");
        line_add_word(&line, recorded);
    }
    line_add(&line, " (said once for this place)");
    say(text);
}

bool device_check_size(const struct call_kind *kind, const void *block, size_t given, const void *caller)
{
    size_t recorded = device_block_size(block);

    if (recorded == DEVICE_NO_SIZE)
        return false;
    if (recorded != given)
        warn(kind, block, caller, given, recorded);
    return true;
}
#endif

/* In the profile tiny no block is known: the given size is what counts. */
HT_COLD void device_free_unknown(const void *block, const struct call_kind *kind, const void *caller,
                                 size_t given)
{
    bool counted = device_count_unknown(given);

#if HT_TINY
    (void)counted;
    (void)caller;
    if (!device_shows_calls())
        return;
#else
    if (!counted) {
        warn(kind, block, caller, 0, DEVICE_NO_SIZE);
        return;
    }
#endif
    device_gone_due(block, given == DEVICE_NO_SIZE ? 0 : given, kind);
}

HT_COLD void device_unknown(const void *block, const struct call_kind *kind, const void *caller)
{
    device_free_unknown(block, kind, caller, DEVICE_NO_SIZE);
}
