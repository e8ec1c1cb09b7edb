/* SPDX-License-Identifier: MIT
 *
 * start.c - start, fork and exit of the tracker. Everything here runs once per
 * process, from inside its first call.
 */
#include "base/format.h"
#include "core/heaps.h"
#include "core/sizes.h"
#include "core/thread.h"
#include "core/thresholds.h"
#include "core/timeline.h"
#include "entry/binding.h"
#include "entry/call.h"
#include "entry/failing.h"
#include "entry/options.h"
#include "entry/stacks.h"
#include "port/port.h"
#include "sink/log.h"
#include "sink/state_file.h"

/* What the log of a program without heap_threshold compares with: the original's value. */
#define LOG_THRESHOLD_DEFAULT 256000

_Static_assert(STATE_PATH_BYTES + LOG_LINE_BYTES <= LOG_LONG_LINE_BYTES, "a line can name a state file");

static struct {
    uint32_t begun; /* atomic: a thread is starting the tracker, or has */
    bool wipes;     /* the kernel resets the epoch in a fork's child */
    bool report_at_exit;
    uint64_t interval_ns;     /* of the timeline */
    uint64_t threshold_bytes; /* 0: none */
    bool no_children;         /* those of this process are not tracked */
    bool mark_lost;           /* the tool looks for them */
    struct tracker_fork_image fork_image;
} start;

/* --- Where the state file goes ------------------------------------------------ */

static void say_no_file(const char *directory, int error, const char *instead)
{
    char text[LOG_LONG_LINE_BYTES];
    struct line line;

    line_init(&line, text, sizeof text);
    line_add(&line, "heaptracker: no state file in ");
    line_add(&line, directory);
    line_add(&line, ": ");
    line_add(&line, port_error_text(error));
    line_add(&line, instead);
    /* The tool's own quiet is for what it says itself. It cannot say this: it does not know. */
    if (start.mark_lost)
        log_line(text);
    else
        log_message(text);
}

/* The tool says it once for all processes; where it cannot be told, each says it itself. */
static void tell_no_file(const char *directory, int error, const char *instead)
{
    if (!start.mark_lost || !state_file_mark_lost(error))
        say_no_file(directory, error, instead);
}

/* DIRECTORY/heaptracker-UID, which must be this user's alone: the names in a
 * directory that all may write to can be guessed. */
static bool open_in_private_directory(const char *parent, const struct state_plan *plan,
                                      struct state_tables *tables, int *error)
{
    char path[OPTIONS_PATH_BYTES];
    struct line line;

    line_init(&line, path, sizeof path);
    line_add(&line, parent);
    line_add(&line, "/heaptracker-");
    line_add_u64(&line, port_user_id());
    return port_private_directory(path, error) && state_file_open(path, plan, tables, error);
}

static bool open_in_default_place(const struct state_plan *plan, struct state_tables *tables)
{
    const char *parents[] = {port_environment("XDG_RUNTIME_DIR"), "/dev/shm", port_environment("TMPDIR"),
                             "/tmp"};
    int error = 0;

    for (size_t i = 0; i < HT_ARRAY_LENGTH(parents); i++) {
        if (parents[i] != NULL && parents[i][0] == '/' &&
            open_in_private_directory(parents[i], plan, tables, &error))
            return true;
    }
    say_no_file("XDG_RUNTIME_DIR, /dev/shm, TMPDIR or /tmp", error,
                "; set state_dir=DIR in HEAPTRACKER_OPTIONS; counting goes on without a file");
    return false;
}

static bool open_tables(const struct options *options, const struct binding *binding,
                        struct state_tables *tables)
{
    bool has_file = (options->state_dir[0] != '\0' && !binding->file_elsewhere) || binding->file_by_default;
    /* Without a file nobody could read the sites. */
    struct state_plan plan = {.stacks = has_file && options->stacks != UNWIND_NONE};
    int error = 0;

    if (options->state_dir[0] != '\0' && !binding->file_elsewhere) {
        if (state_file_open(options->state_dir, &plan, tables, &error))
            return true;
        tell_no_file(options->state_dir, error,
                     "; set state_dir to a directory that can be written to;"
                     " counting goes on without a file");
    } else if (binding->file_by_default && open_in_default_place(&plan, tables)) {
        return true;
    }
    plan.stacks = false;
    return state_file_open(NULL, &plan, tables, &error);
}

/* --- Start ------------------------------------------------------------------------ */

static bool grow_slots(void)
{
    struct state_slot *slots;
    uint32_t count;

    if (!state_file_grow_slots(&slots, &count) || !tracker_add_slots(slots, count))
        return false;
    tracker_bump_epoch(); /* threads that went without may try again */
    return true;
}

static void release_thread(void *thread)
{
    tracker_thread_exit(thread);
}

static void fork_prepare(void)
{
    /* A child that forks before its first call has no tables yet: what it was left by its own parent goes for its
     * child as well. */
    if (tracker_has_tables())
        tracker_fork_image_take(&start.fork_image);
}

static void fork_parent(void)
{
    if (tracker_has_tables())
        start.fork_image.valid = false;
}

/* What the kernel does for every kind of fork where it can. An emulator may have said
 * that it does, and not do it: the tables are then still the parent's. */
static void fork_child(void)
{
    if (!start.wipes || (tracker_has_tables() && tracker.header->pid != port_process_id())) {
        store_relaxed(&tracker_epoch.epoch, EPOCH_FORKED);
        tracker_epoch.child_lock = (struct wait_lock){0};
    }
}

static void say_above_threshold(void *user, uint64_t threshold_bytes, uint64_t live_bytes)
{
    char text[LOG_LINE_BYTES];
    struct line line;

    (void)user;
    line_init(&line, text, sizeof text);
    line_add(&line, "heaptracker: live bytes (");
    line_add_u64(&line, live_bytes);
    line_add(&line, ") are above the threshold (");
    line_add_u64(&line, threshold_bytes);
    line_add(&line, ")");
    log_line(text);
}

static void use_options(const struct options *options, const struct binding *binding)
{
    if (options->threshold_bytes != UINT64_MAX)
        start.threshold_bytes = options->threshold_bytes;
    else if (binding->log_calls)
        start.threshold_bytes = binding->log_threshold;
    tracker.header->threshold_bytes = start.threshold_bytes;
    call_log_set_threshold(binding->log_calls           ? binding->log_threshold
                           : start.threshold_bytes != 0 ? (size_t)start.threshold_bytes
                                                        : LOG_THRESHOLD_DEFAULT);
    if (options->log_file[0] != '\0')
        call_log_set_file(options->log_file);
    start.report_at_exit = binding->file_by_default && !options->quiet && state_file_path()[0] != '\0';
    if (options->threshold_bytes != UINT64_MAX)
        thresholds_add(options->threshold_bytes, options->threshold_bytes - options->threshold_bytes / 10,
                       say_above_threshold, NULL);
}

static void start_sizes(struct state_header *header)
{
    if (tracker.callbacks.make_size_row != NULL && !sizes_start())
        header->lost_events++;
}

static void say_nothing(const char *line)
{
    (void)line;
}

bool start_tracker(void)
{
    struct tracker_callbacks callbacks = {.on_event = call_log_show, .grow_slots = grow_slots};
    struct binding binding = {0};
    struct options options;
    struct state_tables tables;

    /* A second thread, or a call from inside the look-up of the real functions,
     * goes by uncounted. */
    if (!replace_acq_rel(&start.begun, 0u, 1u))
        return false;
    if (!binding_start(&binding)) {
        store_release(&start.begun, 0u);
        return false;
    }
    log_set_default(binding.log_debug);
    if (binding.file_by_default) /* preloaded: nobody chose to have lines in this program's files */
        port_keep_error(port_error_identity());
    options_parse(port_environment("HEAPTRACKER_OPTIONS"), &options, say_nothing);
    if (options.error.inode != 0) /* before the first line, which is of what is wrong with the options */
        port_keep_error(options.error);
    options_parse(port_environment("HEAPTRACKER_OPTIONS"), &options, log_message);
    start.no_children = options.parent != 0;
    start.mark_lost = options.mark_lost;
    if (options.parent != 0 && port_parent_process_id() != options.parent)
        return false;             /* for good: its calls go by */
    if (binding.file_elsewhere) { /* the preloaded tracker sees these calls too, and keeps the record */
        options.limit_bytes = UINT64_MAX;
        options.fail = (struct fail_orders){0};
    }
    failing_prepare(&options, log_message);
    log_set_quiet(options.quiet);
    if (!open_tables(&options, &binding, &tables))
        return false;
    if (options.stacks != UNWIND_NONE && stacks_start(&tables, options.stacks, options.depth)) {
        callbacks.make_site_page = state_file_site_page;
        callbacks.thread_begins = stacks_thread_begins;
    }
    if (options.sizes && state_file_path()[0] != '\0') /* without a file nobody could read them */
        callbacks.make_size_row = state_file_size_row;
    tracker_start(tables.header, tables.slots, tables.slot_count, &callbacks);
    tables.header->lost_events += tracker.early_calls;
    start_sizes(tables.header);
    if (state_file_path()[0] != '\0')
        timeline_start(tables.points, tables.point_count, options.interval_ms * 1000000u);
    start.interval_ns = options.interval_ms * 1000000u;
    tracker.mirror = binding.mirror;
    tracker.all_calls_seen = binding.all_calls_seen;
    tracker.attention = binding.log_calls || options.log ? ATTEND_EVENTS : 0;
    heaps_start(tables.heaps);
    failing_start(&tables, callbacks.make_site_page != NULL);
    start.wipes = port_wipe_on_fork(&tracker_epoch, sizeof tracker_epoch);
    port_thread_exit_start(release_thread);
    port_fork_handlers(fork_prepare, fork_parent, fork_child);
    use_options(&options, &binding);
    tracker_open();
    api_open();
    return true;
}

/* False: it took far longer than what there is to count, or this very thread holds it. */
static bool child_lock_take(void)
{
    for (int tries = 0; tries < 50; tries++)
        if (wait_lock_take(&tracker_epoch.child_lock))
            return true;
    return false;
}

static bool make_childs_tables(void)
{
    struct state_tables tables;
    int error = 0;

    if (!state_file_reopen(&tables, start.fork_image.valid && start.fork_image.threads == 1, &error)) {
        tell_no_file("the parent's directory", PORT_ERROR_NO_MEMORY, "; this child is not counted");
        start.no_children = true; /* nor are its own: what it had of the parent is gone */
        return false;
    }
    if (error != 0)
        tell_no_file("the parent's directory", error, "; this child is counted without a file");
    sites_forget();
    if (!stacks_child(&tables))
        tracker.callbacks.make_site_page = NULL;
    start_sizes(tables.header);
    tracker_fork_continue(&start.fork_image, tables.header, tables.slots, tables.slot_count);
    failing_child(&tables, tracker_live_bytes());
    heaps_start(tables.heaps);
    heaps_child();
    start.fork_image.valid = false;
    tables.header->threshold_bytes = start.threshold_bytes;
    /* Without a file there are no points, and the parent's are not here. */
    timeline_start(state_file_path()[0] != '\0' ? tables.points : NULL, tables.point_count,
                   start.interval_ns);
    tracker_open();
    return true;
}

bool start_child(void)
{
    bool made;

    if (start.no_children || !child_lock_take())
        return false;
    /* Of several threads, made by the child before its first call, one comes first. */
    made = tracker_has_tables() || (!start.no_children && make_childs_tables());
    wait_lock_give(&tracker_epoch.child_lock);
    return made;
}

/* A program that never allocates has a state file all the same. */
__attribute__((constructor)) static void start_with_program(void)
{
    struct thread *t = &tracker_thread;

    if (tracker.opened)
        return;
    t->busy = CALL_STACK; /* what libc allocates for the start is not the program's */
    start_tracker();
    t->busy = 0;
}

/* --- Exit --------------------------------------------------------------------------- */

/* Calls after this are still counted: the mapping stays until the process ends. */
__attribute__((destructor)) static void end_with_program(void)
{
    char text[LOG_LONG_LINE_BYTES];
    struct line line;

    if (!tracker_has_tables())
        return; /* not started, or a child that never called */
    tracker.header->end_monotonic_ns = port_monotonic_ns();
    store_relaxed(&tracker.header->ended, (uint32_t)STATE_EXITING);
    if (!start.report_at_exit)
        return;
    line_init(&line, text, sizeof text);
    line_add(&line, "heaptracker: see `heaptracker report ");
    line_add(&line, state_file_path());
    line_add(&line, "`");
    log_line(text);
}
