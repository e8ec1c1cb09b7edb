/* SPDX-License-Identifier: MIT
 *
 * hop.h - a rule in one word, where it is plain: how to step out of a frame.
 */
#ifndef HT_UNWIND_HOP_H
#define HT_UNWIND_HOP_H

#include "unwind/memory.h"

/* How to step out of a node's frame, as a note in the node (trie.h), where the rule is
 * plain and its numbers fit: so a stack can be compared with its nodes alone.
 *   bits 1-2    from fp, or from sp; neither: there is no note
 *   bits 3-17   the return address lies so many words above (256 KiB: some frames are large)
 *   bits 18-20  the caller's fp is saved so many words below that; 0: it is not
 *   bits 21-31  sp in the caller is so many words above it */
#define HOP_BY_FP 2u
#define HOP_BY_SP 4u
#define HOP_RA_SHIFT 3 /* so that it is in bytes where it stands, of words of eight */
#define HOP_RA_MAX 32767u
#define HOP_FP_SHIFT 18
#define HOP_FP_MAX 7u
#define HOP_SP_SHIFT 21
#define HOP_SP_MAX 2047u

/* The three distances, in bytes. */
HT_INLINE uint64_t hop_ra(uint32_t hop)
{
    return (hop & HOP_RA_MAX << HOP_RA_SHIFT) / (8 / MEMORY_WORD);
}

HT_INLINE uint64_t hop_fp(uint32_t hop)
{
    return (uint64_t)(hop >> HOP_FP_SHIFT & HOP_FP_MAX) * MEMORY_WORD;
}

HT_INLINE uint64_t hop_sp(uint32_t hop)
{
    return (uint64_t)(hop >> HOP_SP_SHIFT) * MEMORY_WORD;
}

#endif /* HT_UNWIND_HOP_H */
