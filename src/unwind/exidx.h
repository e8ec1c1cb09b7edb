/* SPDX-License-Identifier: MIT
 *
 * exidx.h - 32-bit Arm's own unwind tables: a row of .ARM.exidx and .ARM.extab, in the
 * words of eh_frame.h.
 */
#ifndef HT_UNWIND_EXIDX_H
#define HT_UNWIND_EXIDX_H

#include "unwind/eh_frame.h"

/* Finds the row for `pc` (the address inside the instruction that is looked for). It is
 * the row of the function's body: the tables do not tell of prologues and epilogues.
 *
 * ROW_NONE for EXIDX_CANTUNWIND too. It is meant for where stacks end, but linkers write
 * the same for code that has no tables, and a stack that is cut must not pass for whole. */
enum row_result exidx_row(const struct arch *arch, const struct cfi_tables *tables, uint64_t pc,
                          struct cfi_row *row);

#endif /* HT_UNWIND_EXIDX_H */
