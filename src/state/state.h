/* SPDX-License-Identifier: MIT
 *
 * state.h - THE layout of the state file (`.ht`), shared by the tracked program,
 * which writes it in place through a shared mapping, and the tool, which reads
 * the same bytes while the program runs or after any death.
 *
 * Owns: the bytes. Knows nothing of how they are mapped, grown or shown.
 *
 *   offset 0      struct state_header   one page; `sections` names all the rest
 *   section FACTS struct state_facts    one page; who the process is
 *   section SLOTS struct state_slot[]   counters, one slot a thread; several
 *                                       SLOTS sections form one array, in order
 *   section MODULES struct state_module[]  program and libraries that stacks name
 *   section NODES struct state_node[]   the stack table; several sections form one
 *                                       array, in order; an index in it is an id
 *   section SITES struct state_site_page[]  what each thread allocated from each
 *                                       site; a page says whose it is
 *   section TIMELINE struct state_point[]  live bytes over time
 *   section FAILING struct state_failing   the limit, and allocations that failed
 *   section WALL struct state_holder[]     who held the memory when the limit was first met
 *   section HEAPS struct state_heap[]      heaps besides the C library's
 *   section SIZES struct state_size_row[]  how large the blocks of each site were, where
 *                                       that was asked for
 *   section NAMES, NAME_TEXT, TRENDS, TREND_TIMES, TREND_BYTES, RUN, CHILDREN
 *                                       the tool's notes
 *
 * A site is a call stack that allocated; its id is the id of its innermost node.
 * Its numbers are spread over the pages of all threads: a reader adds them up.
 *
 * Rules
 *  - Native byte order, named in the header: a reader of another one refuses the
 *    file. All integers are fixed-width, whatever the word size of the program
 *    (named too), all offsets count from the start of the file, everything is zero
 *    until it is written.
 *  - The file only grows. Its size is rounded up to whole chunks that were
 *    reserved on the disk before they were mapped; `file_bytes` and then
 *    `section_count` are stored (release) only after the new chunk is usable, so
 *    a reader that loads section_count first (acquire) sees whole sections.
 *  - A counter has one writer at a time unless its comment says otherwise; readers
 *    in other processes may see the counters of one call half applied, and
 *    `in_call` says where that is so.
 *  - What a program or a device writes has no checksum, since the next call would
 *    make it wrong. What the tool keeps has one, over every byte.
 *  - `reserved` bytes are zero; a later version gives them meaning. A section of
 *    an unknown kind is skipped. Anything incompatible changes STATE_VERSION.
 */
#ifndef HT_STATE_STATE_H
#define HT_STATE_STATE_H

#include <stddef.h>
#include <stdint.h>

/* Eight bytes that no text file begins with (after the PNG specification's
 * reasoning: a byte above 127, CR LF, ^Z and LF reveal damage in transfer). */
#define STATE_MAGIC "\x89HT\r\n\x1a\n\n"
#define STATE_MAGIC_BYTES 8
#define STATE_VERSION 1u
#define STATE_BYTE_ORDER 0x01020304u

#define STATE_PAGE_BYTES 4096u /* header and facts; not the machine's page size */
#define STATE_CHUNK_BYTES \
    65536u /* the file grows by multiples of this: the largest page size of Linux on Arm */
#define STATE_SECTIONS_MAX 64u

enum state_section_kind {
    STATE_SECTION_NONE = 0,
    STATE_SECTION_FACTS = 1,
    STATE_SECTION_SLOTS = 2,
    STATE_SECTION_MODULES = 3,
    STATE_SECTION_NODES = 4,
    STATE_SECTION_SITES = 5,
    STATE_SECTION_TIMELINE = 6,
    STATE_SECTION_FAILING = 7,
    STATE_SECTION_WALL = 8,
    STATE_SECTION_HEAPS = 9,
    STATE_SECTION_SIZES = 10,

    /* What the tool adds to the snapshot that it keeps; no tracker writes these.
     * state_check looks at their bounds only: who reads them checks the rest. */
    STATE_SECTION_NAMES = 256,       /* struct state_name[] */
    STATE_SECTION_NAME_TEXT = 257,   /* char[], NUL-terminated texts */
    STATE_SECTION_TRENDS = 258,      /* struct state_trend[] */
    STATE_SECTION_TREND_TIMES = 259, /* uint64_t[]: since the start, in ns, rising */
    STATE_SECTION_TREND_BYTES = 260, /* int64_t[]: for each trend, live bytes at each time */
    STATE_SECTION_RUN = 261,         /* struct state_run, one: in the first process's last image */
    STATE_SECTION_CHILDREN = 262,    /* struct state_child[]: the other files of that run */
};

#define STATE_MODULE_PATH_BYTES 440

enum state_stack_mode {
    STATE_STACKS_NONE = 0,
    STATE_STACKS_CALLER = 1, /* one frame: the caller of the allocation function */
    STATE_STACKS_FRAME_POINTER = 2,
    STATE_STACKS_FULL = 3,
};

struct state_section {
    uint32_t kind;        /* enum state_section_kind */
    uint32_t entry_bytes; /* sizeof one entry, as the writer knew it */
    uint64_t offset;      /* from the start of the file; a multiple of 64 */
    uint64_t entries;     /* how many fit; used or not */
};

/* How the process ended, as far as the file's own program could know. The tool
 * sets EXIT and SIGNAL with a status when it closes a snapshot. */
enum state_end {
    STATE_RUNNING = 0,  /* or died without a chance to say so */
    STATE_EXITING = 1,  /* the program's exit handlers have begun */
    STATE_EXECED = 2,   /* the tool: another image took over the process */
    STATE_EXITED = 3,   /* the tool: end_status is the exit status */
    STATE_SIGNALED = 4, /* the tool: end_status is the signal's number */
};

/* Counters of one thread, two cache lines. The first line holds all that a
 * successful malloc or free writes. Written by the owner only (plain loads and
 * relaxed stores), except for slot 0: that one is shared by all callers that
 * have no slot of their own (nested calls, threads on their way out, threads
 * beyond the table) and is only ever changed by atomic read-modify-write.
 * A slot outlives its thread: the next thread counts on in it, so sums stay true.
 * live bytes = bytes_allocated - bytes_freed, summed over all slots; one slot
 * alone may well be "negative": blocks may be freed by another thread. */
struct state_slot {
    uint64_t in_call; /* not 0: a call is in progress; its stack address (see hook_scope) */
    uint64_t allocs;
    uint64_t bytes_allocated;
    uint64_t frees;
    uint64_t bytes_freed; /* sizes of the blocks that `frees` counts */
    uint64_t temporary_allocs;
    uint64_t reallocs;
    uint64_t failed_allocs;

    uint64_t foreign_frees;
    uint64_t invalid_frees;
    uint64_t unmatched_frees;
    uint64_t lost_blocks;
    uint64_t lost_bytes;
    uint64_t nested_calls;  /* calls from inside another call of the same thread (kept exact, in slot 0) */
    uint64_t thread_id;     /* the kernel's, of the present or last owner; 0: never owned */
    uint64_t largest_bytes; /* the largest size that `allocs` counts; grows only. Slot 0: by atomic maximum */
};

/* Of a peak, the header's peak_error_bytes allows so much for each thread that ever had a slot at
 * one time: a thread looks at the sum whenever its own live bytes have gone that far, and may
 * hide what they have gone since. That cannot be more than it allocated meanwhile, so for a slot
 * the bound is the less of this and its bytes_allocated. All that its threads allocated, one
 * after the other, is in there, so it is a bound for whichever had it at the peak; and slot 0 counts
 * for calls inside calls, which are not in the header's. A forked child's slot 0 has what its
 * parent allocated, too: there the sum is up to this much more than need be. */
#define STATE_PEAK_ERROR_BYTES (32 * 1024)

static inline uint64_t state_slot_peak_error(uint64_t bytes_allocated)
{
    return bytes_allocated < STATE_PEAK_ERROR_BYTES ? bytes_allocated : STATE_PEAK_ERROR_BYTES;
}

/* --- Stacks ---------------------------------------------------------------- */

/* One frame of the stack table. `where` names the code:
 *   bits 0-47   the address: what a call returns to (so 1 past the call), or with
 *               STATE_WHERE_INTERRUPTED the very instruction that a signal interrupted
 *   bits 48-62  the module's number, an index into MODULES plus 1; 0: none known
 * A parent's id is always smaller than its child's, so any chain ends. */
struct state_node {
    uint64_t where;     /* 0: not in use */
    uint32_t parent;    /* id of the caller's node, or one of the ids below */
    uint32_t published; /* the writer's own */
};

#define STATE_WHERE_ADDRESS_MASK ((UINT64_C(1) << 48) - 1)
#define STATE_WHERE_MODULE_SHIFT 48
#define STATE_WHERE_MODULE_MASK 0x7fffu
#define STATE_WHERE_INTERRUPTED (UINT64_C(1) << 63)

/* This in the module's place is no frame: the address is then the number of a heap
 * (HEAPS), whose blocks the stack outside it allocated. Only innermost nodes are so. */
#define STATE_WHERE_HEAP STATE_WHERE_MODULE_MASK

/* Ids that are no frames. As a parent they stand outside the outermost frame kept. */
enum {
    STATE_STACK_NONE = 0,   /* as a parent: the stack is whole; as a site: no stack was taken */
    STATE_STACK_CUT = 1,    /* outer frames beyond the depth limit were left out */
    STATE_STACK_BROKEN = 2, /* the frame within could not be unwound: lost frames, unless the
                             * program itself begins there (in the dynamic loader) */
    STATE_STACK_LOST = 3,   /* as a site: all stacks that found no place ("other") */
    STATE_STACK_FIRST = 4,  /* the first real node */
};

/* Ids are at most this, since a block map cell has 22 bits for them. */
#define STATE_NODES_MAX (UINT32_C(1) << 22)

/* A file that was mapped for execution when a stack named it. Filled before any
 * node refers to it; never removed, and its number never used again: after a
 * dlclose another module may lie at the same addresses under another number. */
struct state_module {
    uint64_t begin;          /* mapped from here */
    uint64_t end;            /* to here, exclusive; 0: entry not in use */
    uint64_t bias;           /* address in memory minus address in the file (p_vaddr) */
    uint32_t build_id_bytes; /* 0: it has none */
    uint8_t build_id[36];
    char path[STATE_MODULE_PATH_BYTES]; /* NUL-terminated; empty: not known */
};

/* --- Sites --------------------------------------------------------------------- */

/* What one thread did at one site: one cache line, written by its owner only.
 * live bytes = bytes_allocated - bytes_freed; over all threads they add up to the
 * program's, in one thread alone they may be negative.
 * At the program's peak: peak_bytes and peak_blocks if peak_number equals the
 * header's; if it is smaller, the site has not changed since then, and its live
 * numbers are those of the peak. (If the header's peak_bytes is less than live
 * bytes now, now is the peak.) */
struct state_site {
    uint64_t allocs;
    uint64_t bytes_allocated;
    uint64_t frees;
    uint64_t bytes_freed;
    uint64_t temporary_allocs;
    int64_t peak_bytes;
    int64_t peak_blocks;
    uint64_t peak_number;
};

#define STATE_SITES_PER_PAGE 64u

/* Sites first_site to first_site + 63 of the thread with slot `slot`. */
struct state_site_page {
    uint32_t used; /* 1: the fields below are filled; stored (release) last */
    uint32_t slot;
    uint32_t first_site; /* a multiple of STATE_SITES_PER_PAGE */
    uint32_t reserved[13];
    struct state_site sites[STATE_SITES_PER_PAGE];
};

/* --- Sizes ---------------------------------------------------------------------- */

#define STATE_SIZE_CLASSES 46u

/* Allocations of one site by their size, of all threads, by atomic read-modify-write.
 * Class 0 is size 0; class 1 + k is 2^k to 2^(k+1) - 1 bytes, and the last one all above
 * too. The row of STATE_STACK_LOST has also those of the sites that found no row. */
struct state_size_row {
    uint32_t used; /* 1: the site is filled in; stored (release) last */
    uint32_t site;
    uint64_t largest_bytes;
    uint64_t allocs[STATE_SIZE_CLASSES];
};

/* --- Timeline -------------------------------------------------------------------- */

/* Points in order of time. When the table is full every second one is dropped and
 * the interval doubled. timeline_count in the header says how many there are.
 * The program's peak was between two points: the last that has a smaller peak_number
 * than the header, and the one after it (or now, where no point has the header's). */
struct state_point {
    uint64_t since_start_ns;
    int64_t live_bytes;
    int64_t live_blocks;
    uint64_t rss_bytes;   /* 0: not known (filled in by the tool, from outside) */
    uint64_t peak_number; /* the header's at that time */
};

/* --- Allocations that failed --------------------------------------------------------- */

enum state_failure_cause {
    STATE_FAILED_REAL = 1,     /* the allocator had no block to give */
    STATE_FAILED_LIMIT = 2,    /* live bytes would have risen above the limit */
    STATE_FAILED_INJECTED = 3, /* it was told to fail */
};

/* One of them. */
struct state_failure {
    uint32_t cause; /* enum state_failure_cause; 0: not filled in; stored (release) last */
    uint32_t site;
    uint64_t number;     /* which allocation of the process it was; 0: they were not counted */
    uint64_t size;       /* asked for */
    uint64_t live_bytes; /* in the heap that failed */
    uint64_t live_blocks;
    uint64_t since_start_ns;
    uint64_t thread_id;
    uint32_t heap; /* 0: the C library's */
    uint32_t reserved;
};

#define STATE_FAILURES_MAX 63u

/* The first of them, in order; the counts are of all. Written by any thread, by atomic
 * read-modify-write. */
struct state_failing {
    uint64_t limit_bytes; /* 0: none */
    uint64_t refused;     /* by the limit */
    uint64_t injected;
    uint64_t numbered;      /* allocations that could have been made to fail: those of the chosen sites */
    uint32_t failure_count; /* places of `failures` that are taken */
    uint32_t wall_begun;    /* 1: WALL is there, or there was no room for it */
    /* Libraries that the program opened, or tried to, so that their calls of malloc pass by the hooks
     * (RTLD_DEEPBIND): what they allocate is not counted. */
    uint64_t unseen_libraries;
    uint64_t reserved[2];
    struct state_failure failures[STATE_FAILURES_MAX];
};

/* What one thread's line of a site said when the limit was first met. */
struct state_holder {
    uint32_t site;
    uint32_t reserved;
    int64_t live_bytes;
    int64_t live_blocks;
};

/* --- Other heaps -------------------------------------------------------------------------- */

#define STATE_HEAPS_MAX 15u
#define STATE_HEAP_NAME_BYTES 32

/* What an allocator of the program's reports of itself. Apart from all other numbers of
 * this file, but for its sites, whose peak_number is compared with this one. Heap n is
 * entry n - 1; the first without a name ends them. Written by any thread, by atomic
 * read-modify-write. */
struct state_heap {
    char name[STATE_HEAP_NAME_BYTES]; /* NUL-terminated; the first byte is stored (release) last */
    uint64_t allocs;
    uint64_t bytes_allocated;
    uint64_t frees;
    uint64_t bytes_freed;
    uint64_t reallocs;
    uint64_t failed_allocs;
    uint64_t foreign_frees; /* of blocks that are not known to be live */
    uint64_t peak_bytes;
    uint64_t peak_blocks;
    uint64_t peak_number; /* grows with every new peak */
    uint64_t lost_blocks; /* counted, but not known: they stay live for ever */
    uint64_t lost_bytes;
};

/* --- The tool's notes --------------------------------------------------------------- */

/* What the code at `where` was called when the program ended, so that a snapshot can
 * be read where the program is not, and after it was built anew. Entries of the same
 * `where` stand together, the innermost inlined function first. */
struct state_name {
    uint64_t where;    /* as in struct state_node */
    uint32_t function; /* byte of NAME_TEXT at which the text begins */
    uint32_t file;     /* likewise; UINT32_MAX: not known */
    uint32_t line;     /* 0: not known */
    uint32_t flags;    /* STATE_NAME_... */
};

#define STATE_NAME_INLINED 1u /* into the next entry */
#define STATE_NAME_NAMED 2u   /* the function's own name, not a place near it */
#define STATE_NAME_AFTER 4u   /* behind the function's text stands that of the symbol before it */
#define STATE_NAME_AT 8u      /* likewise where the function begins in its file, as "0x12" */

/* A site whose live bytes were looked at from outside while the program ran; trend i
 * has the i-th row of TREND_BYTES. */
struct state_trend {
    uint64_t stack; /* hash of its stack, as the tool computes it (model/profile.c) */
};

/* Of the run whose first process the file is of. Where this is there, CHILDREN names all
 * other files that were kept of the run; without CHILDREN there are none. */
struct state_run {
    uint32_t lost_processes; /* that ran uncounted, since they could make no state file */
    int32_t lost_error;      /* errno of one of them */
};

/* A file beside this one that is of the same run: FILE.pid, or FILE.pid.image. */
struct state_child {
    uint32_t pid; /* these four as in the header of that file */
    uint32_t image;
    uint64_t start_ticks;
    uint64_t start_monotonic_ns;
    uint32_t is_last; /* 1: it is FILE.pid */
    uint32_t reserved;
};

struct state_header {
    char magic[STATE_MAGIC_BYTES]; /* written last: a file without it was never ready */
    uint32_t version;              /* STATE_VERSION */
    uint32_t byte_order;           /* STATE_BYTE_ORDER as the writer stores it */
    uint32_t word_bits;            /* 32 or 64: the program's pointers */
    uint32_t header_bytes;         /* sizeof(struct state_header) */
    uint64_t file_bytes;           /* reserved and usable so far */
    uint32_t section_count;        /* entries of `sections` in use */
    uint32_t slot_count;           /* slots ever used, slot 0 included; <= entries of the SLOTS sections */

    /* The process; does not change. */
    uint32_t pid;
    uint32_t parent_pid;
    uint32_t image;              /* 0 for the first image of this pid that was tracked, then 1, ... */
    uint32_t forked;             /* 1: began by fork from a tracked process */
    uint64_t start_realtime_ns;  /* CLOCK_REALTIME when the tracker started in this image */
    uint64_t start_monotonic_ns; /* CLOCK_MONOTONIC then */
    uint64_t start_ticks;        /* field 22 of /proc/PID/stat: tells a reused pid; 0 unknown */
    char boot_id[40];            /* /proc/sys/kernel/random/boot_id, NUL-terminated; empty unknown */
    uint64_t inherited_bytes;    /* live at the fork */
    uint64_t inherited_blocks;

    /* Written by any thread, under the tracker's peak lock. */
    uint64_t peak_bytes; /* a reader takes the greater of this and live at rest */
    uint64_t peak_blocks;
    uint64_t peak_number;      /* grows with every new peak */
    uint64_t peak_error_bytes; /* peak_bytes is short by at most this, and the slots' bounds summed, ... */

    /* Written by any thread, by atomic read-modify-write. */
    uint64_t threads;     /* threads that ever called */
    uint64_t threads_now; /* threads that own a slot */
    uint64_t lost_events; /* reports and notifications that could not be delivered */

    uint32_t ended; /* enum state_end */
    int32_t end_status;
    uint64_t end_monotonic_ns; /* 0: not known */

    /* XXH3_64bits (xxHash 0.8) of the first file_bytes bytes, with 0 in this place; 1 where that
     * is 0. Written by the tool, last. 0: there is none. */
    uint64_t checksum;

    /* Entries in use, as slot_count: stored (release) after the entry and its section. */
    uint32_t module_count;
    uint32_t timeline_count;

    /* The stack table (struct trie_header). */
    uint32_t node_count;  /* ids below it may be used; may be past node_usable, and only ids below both are */
    uint32_t node_usable; /* nodes whose memory is there */
    uint32_t node_capacity; /* nodes that the writer has address space for */
    uint32_t node_lost;     /* look-ups that found no place (counted at site STATE_STACK_LOST) */

    uint32_t stack_mode;  /* enum state_stack_mode */
    uint32_t stack_depth; /* frames kept of a stack, the innermost */
    uint64_t timeline_interval_ns;
    uint64_t threshold_bytes; /* the program's heap_threshold; 0: none */

    struct state_section sections[STATE_SECTIONS_MAX];

    /* ... and by this besides: what was freed while a thread summed up, beyond those bounds. By atomic maximum; files
     * of earlier versions have none, and zeroes here. */
    uint64_t peak_hidden_bytes;
};

/* Who the process is, in its own words. */
struct state_facts {
    char program[1024];                        /* path of the executable, NUL-terminated; empty unknown */
    uint32_t command_bytes;                    /* used bytes of `command` */
    uint32_t command_cut;                      /* 1: the command line was longer */
    char command[STATE_PAGE_BYTES - 1024 - 8]; /* arguments, each NUL-terminated */
};

_Static_assert(sizeof(struct state_slot) == 128, "two cache lines");
_Static_assert(sizeof(struct state_node) == 16, "four nodes to a cache line");
_Static_assert(sizeof(struct state_module) == 504, "no holes");
_Static_assert(sizeof(struct state_site) == 64, "one cache line");
_Static_assert(sizeof(struct state_site_page) == 64 + 64 * 64, "a line of its own, then the sites");
_Static_assert(sizeof(struct state_failing) == 4096, "a page");
_Static_assert(sizeof(struct state_heap) == 128, "two cache lines");
_Static_assert(sizeof(struct state_holder) == 24, "no holes");
_Static_assert(sizeof(struct state_size_row) == 384, "six cache lines");
_Static_assert(sizeof(struct state_name) == 24, "no holes");
_Static_assert(sizeof(struct state_child) == 32, "no holes");
_Static_assert(sizeof(struct state_header) <= STATE_PAGE_BYTES, "the header is one page");
_Static_assert(sizeof(struct state_facts) == STATE_PAGE_BYTES, "facts are one page");
/* A lost block of a disk reads as zeros: such a file must not pass for one without a checksum. */
_Static_assert(offsetof(struct state_header, checksum) < 512, "in one block with the magic");

#endif /* HT_STATE_STATE_H */
