/* SPDX-License-Identifier: MIT
 *
 * chain.h - the call stack of the calling thread, as one number: the engine's one
 * call per allocation.
 *
 * A chain belongs to one thread and remembers the frames that were last seen. A
 * frame whose return address still stands in its slot is verified by comparing,
 * not unwound again. README.md says why that is exact.
 *
 * Calls nothing but what `struct unwind` names, and that seldom; else no allocation, no lock,
 * no system call. May be called from a signal handler that interrupted another capture of
 * the same thread, from coroutines and from alternate signal stacks.
 */
#ifndef HT_UNWIND_CHAIN_H
#define HT_UNWIND_CHAIN_H

#include "unwind/cfi.h"
#include "unwind/trie.h"

/* The deepest `depth` that may be asked for, in frames. */
#define CHAIN_DEPTH_MAX 128u
#define CHAIN_DEPTH_DEFAULT 64u

enum unwind_mode {
    UNWIND_NONE = 0,      /* every stack is TRIE_ROOT */
    UNWIND_CALLER,        /* one frame: the return address of the hook */
    UNWIND_FRAME_POINTER, /* all code is taken to keep frame pointers */
    UNWIND_FULL,          /* by .eh_frame */
};

/* What all threads share. Does not change after the first capture, but for
 * `generation` and the trie. */
struct unwind {
    const struct arch *arch;
    struct trie *trie;
    enum unwind_mode mode;
    uint32_t depth; /* frames kept of a stack, the innermost; 1 to CHAIN_DEPTH_MAX */

    /* Grows whenever code may have been unmapped or replaced (a dlclose, before
     * the same thread can run what is loaded next). Any thread adds; every capture reads. */
    uint32_t generation;

    /* Fills *tables for the module that holds the address; false: no module does.
     * May be called from signal handlers: no lock, no allocation. Not called in
     * UNWIND_NONE. */
    bool (*find_tables)(void *user, uint64_t address, struct cfi_tables *tables);

    /* Is the page that holds `address` readable? Asked only on stacks whose bounds
     * are not known, before a page is read for the first time in a row. NULL: the
     * tables are trusted there. */
    bool (*page_is_readable)(void *user, uint64_t address);
    void *user;
};

/* Where the hook was called from. */
struct chain_registers {
    uint64_t pc; /* the hook's return address */
    uint64_t sp; /* the hook's CFA: sp as its caller sees it after the call */
    uint64_t fp; /* the caller's frame pointer register */
};

/* Written by the owner (relaxed); anyone may read. */
struct chain_counts {
    uint64_t walked;    /* captures that left the fast path */
    uint64_t nested;    /* captures inside an unfinished one of the same thread */
    uint64_t elsewhere; /* captures on a stack whose bounds are not known */
    uint64_t forgotten; /* times that all was forgotten: dlclose, a handler that jumped out */
};

struct chain;

/* Bytes of memory for a chain, aligned to 64. */
extern const size_t chain_bytes;

/* Makes a chain of zeroed memory. [stack_low, stack_high): the thread's own stack,
 * all of whose words at or above sp are readable while the thread runs; 0, 0 when
 * it is not known: every capture then walks. `unwind` must outlive the chain. */
struct chain *chain_init(void *memory, const struct unwind *unwind, uint64_t stack_low, uint64_t stack_high);

/* Other bounds, for a chain that was made before they were known. */
void chain_set_stack(struct chain *chain, uint64_t stack_low, uint64_t stack_high);

const struct chain_counts *chain_get_counts(const struct chain *chain);

/* What the frame pointer register held when a running function was called, by its own
 * table: pc, where a call returns to in the function; cfa, its CFA; fp, the register now.
 * 0: not known. Only by the chain's own thread; of UNWIND_FULL only. */
uint64_t chain_caller_fp(struct chain *chain, uint64_t pc, uint64_t cfa, uint64_t fp);

/* See chain_capture; the registers one by one, as a hook has them. */
uint32_t chain_capture_at(struct chain *chain, uint64_t pc, uint64_t sp, uint64_t fp);

/* The id of the present stack: a node of the trie; TRIE_LOST when the trie is
 * full. Cannot fail otherwise. Only by the chain's own thread. */
static inline uint32_t chain_capture(struct chain *chain, const struct chain_registers *registers)
{
    return chain_capture_at(chain, registers->pc, registers->sp, registers->fp);
}

#endif /* HT_UNWIND_CHAIN_H */
