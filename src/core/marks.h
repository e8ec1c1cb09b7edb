/* SPDX-License-Identifier: MIT
 *
 * marks.h - "what is live that was not then": each block that is allocated after
 * the first mark is stamped with the number of the newest mark, in a table of its
 * own that is made at the first mark. A program that never marks pays nothing.
 */
#ifndef HT_CORE_MARKS_H
#define HT_CORE_MARKS_H

#include "heaptracker.h"

/* As the functions of heaptracker.h. Any thread; AS-safe. */
ht_mark_t marks_add(void);
int marks_since(ht_mark_t mark, struct ht_growth *out);

/* mark 0 visits all live blocks. -1 for a mark that was never given. */
int marks_visit(ht_mark_t mark, ht_visit_fn fn, void *user);

/* Stamps a block that has just been put in the block map; nothing before the
 * first mark. */
void marks_stamp(const void *block);

#endif /* HT_CORE_MARKS_H */
