/* SPDX-License-Identifier: MIT
 *
 * cfi.c - a row of .eh_frame or .ARM.exidx becomes a rule of 16 bytes.
 */
#include "unwind/cfi.h"

#include <string.h>

#include "unwind/eh_frame.h"
#include "unwind/exidx.h"

/* Bytes to words; false when they are not whole or do not fit. */
static bool to_words(const struct arch *arch, int64_t bytes, int16_t *words)
{
    const int word = arch->word;

    if (bytes % word != 0 || bytes < INT16_MIN * word || bytes > INT16_MAX * word)
        return false;
    *words = (int16_t)(bytes / word);
    return true;
}

static struct value place_value(const struct arch *arch, const struct place *place, uint64_t pc)
{
    if (place->kind == PLACE_EXPRESSION)
        return expression_value(arch, place->expression, place->expression_bytes, pc);
    if (place->kind == PLACE_REGISTER && place->reg < ARCH_REGISTERS_MAX)
        return (struct value){.kind = VALUE_REGISTER, .reg = (uint8_t)place->reg, .offset = place->offset};
    return (struct value){.kind = VALUE_UNKNOWN};
}

/* A frame on sp that 16 bits of words do not span; nothing that compilers make puts
 * the CFA below sp. */
static bool set_wide_cfa(const struct arch *arch, int64_t bytes, struct cfi_rule *rule)
{
    const int64_t count = bytes / arch->word;

    if (bytes % arch->word != 0 || bytes < 0 || count >= RULE_WIDE_LIMIT)
        return false;
    rule->kind = RULE_ODD_SP;
    rule->cfa_words = (int16_t)(uint16_t)count;
    rule->flags = (uint8_t)((uint64_t)count >> 16 << RULE_REG_SHIFT);
    return true;
}

static bool set_cfa(const struct arch *arch, struct value cfa, struct cfi_rule *rule)
{
    if (cfa.kind == VALUE_REGISTER && cfa.reg == arch->sp &&
        (cfa.offset < 0 || cfa.offset / arch->word > INT16_MAX))
        return set_wide_cfa(arch, cfa.offset, rule);
    if (!to_words(arch, cfa.offset, &rule->cfa_words))
        return false;
    if (cfa.kind == VALUE_WORD && cfa.reg == arch->fp)
        rule->kind = RULE_DEREF_FP;
    else if (cfa.kind != VALUE_REGISTER)
        return false;
    else if (cfa.reg == arch->sp)
        rule->kind = RULE_SP;
    else if (cfa.reg == arch->fp)
        rule->kind = RULE_FP;
    else if (cfa.reg >= 1 << (8 - RULE_REG_SHIFT))
        return false;
    else {
        rule->kind = RULE_REG;
        rule->flags = (uint8_t)(cfa.reg << RULE_REG_SHIFT);
    }
    return true;
}

static bool set_ra(const struct arch *arch, const struct place *ra, struct cfi_rule *rule)
{
    if (ra->kind == PLACE_AT_CFA)
        return to_words(arch, ra->offset, &rule->ra_words);
    if (ra->kind == PLACE_SAME && arch->ra_in_register) {
        rule->flags |= RULE_RA_IN_REGISTER;
        return true;
    }
    return false;
}

/* The frame pointer's rule never makes a row unusable: a value that cannot be
 * known only matters where an outer frame asks for it. */
static void set_fp(const struct arch *arch, const struct place *fp, uint64_t pc, struct cfi_rule *rule)
{
    const struct value at = place_value(arch, fp, pc);

    switch (fp->kind) {
    case PLACE_SAME: return;
    case PLACE_AT_CFA:
        if (to_words(arch, fp->offset, &rule->fp_words)) {
            rule->flags |= RULE_FP_SAVED;
            return;
        }
        break;
    case PLACE_EXPRESSION:
        if (at.kind == VALUE_REGISTER && at.reg == arch->fp && to_words(arch, at.offset, &rule->fp_words)) {
            rule->flags |= RULE_FP_SAVED | RULE_FP_BY_FP;
            return;
        }
        break;
    default: break;
    }
    rule->flags |= RULE_FP_LOST;
    rule->fp_words = 0;
}

/* Sorts a rule into the plain kinds, which promise what the fast path relies on:
 * ra and fp (if saved) lie below the CFA, and an sp-based CFA is above sp by at
 * least what holds them. */
static void set_kind(struct cfi_rule *rule)
{
    const bool saved = rule->flags & RULE_FP_SAVED;
    bool plain = (rule->flags & ~RULE_FP_SAVED) == 0 && rule->ra_words < 0 && (!saved || rule->fp_words < 0);

    if (rule->kind != RULE_SP && rule->kind != RULE_FP)
        return;
    if (rule->kind == RULE_SP)
        plain &= rule->cfa_words > 0 && rule->cfa_words + rule->ra_words >= 0 &&
                 rule->cfa_words + rule->fp_words >= 0;
    if (plain)
        rule->flags = 0;
    else
        rule->kind = rule->kind == RULE_SP ? RULE_ODD_SP : RULE_ODD_FP;
}

/* A libc without tables for its signal restorer (musl): the code itself is known. */
static bool has_code(const struct cfi_tables *t, uint64_t pc, const uint8_t *code, size_t bytes)
{
    const uint64_t at = pc - t->slide;
    const uint64_t begin = (uint64_t)(uintptr_t)t->code_begin;
    const uint64_t end = (uint64_t)(uintptr_t)t->code_end;

    return bytes > 0 && at >= begin && at < end && end - at >= bytes &&
           memcmp((const uint8_t *)(uintptr_t)at, code, bytes) == 0;
}

/* Is this row the kernel's signal frame? */
static bool is_signal_row(const struct arch *arch, const struct cfi_row *row, uint64_t pc)
{
    struct value cfa;

    if (!row->signal)
        return false;
    if (arch->any_signal_frame)
        return true;
    cfa = place_value(arch, &row->cfa, pc);
    return cfa.kind == VALUE_WORD && cfa.reg == arch->sp && cfa.offset == arch->context[arch->sp];
}

void cfi_frame_pointer_rule(uint64_t where, struct cfi_rule *rule)
{
    *rule =
        (struct cfi_rule){.where = where, .cfa_words = 2, .fp_words = -2, .ra_words = -1, .kind = RULE_FP};
}

void cfi_compile(const struct arch *arch, const struct cfi_tables *tables, uint64_t pc, bool interrupted,
                 struct cfi_marks *marks, struct cfi_rule *rule)
{
    const uint64_t inside = interrupted ? pc : pc - 1; /* a call may be a function's last instruction */
    struct cfi_row row;
    enum row_result found;

    memset(rule, 0, sizeof *rule);
    rule->where = cfi_where(pc, tables->module, interrupted);
    /* Before its row is looked for: what lies ahead of its first byte is another function. */
    if (has_code(tables, pc, arch->start_context, arch->start_context_bytes)) {
        rule->kind = RULE_OUTERMOST;
        return;
    }
    rule->kind = RULE_UNKNOWN;

    found = !tables->header ? ROW_NONE
            : arch->exidx   ? exidx_row(arch, tables, inside, &row)
                            : eh_frame_row(arch, tables, inside, marks, &row);
    if (found == ROW_NONE && has_code(tables, pc, arch->sigreturn, arch->sigreturn_bytes)) {
        rule->kind = RULE_SIGNAL;
        return;
    }
    if (found == ROW_NONE)
        return;
    rule->kind = RULE_UNSUPPORTED;
    if (found == ROW_BROKEN)
        return;
    if (is_signal_row(arch, &row, inside)) {
        rule->kind = RULE_SIGNAL;
        return;
    }
    if (row.ra.kind == PLACE_UNDEFINED) {
        rule->kind = RULE_OUTERMOST;
        return;
    }
    if (!set_cfa(arch, place_value(arch, &row.cfa, pc), rule) || !set_ra(arch, &row.ra, rule)) {
        rule->kind = RULE_UNSUPPORTED;
        return;
    }
    set_fp(arch, &row.fp, pc, rule);
    set_kind(rule);
}
