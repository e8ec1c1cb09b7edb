/* SPDX-License-Identifier: MIT
 *
 * exidx.c - see exidx.h. From the "Exception Handling ABI for the Arm Architecture"
 * (IHI 0038): the index in section 6, the entries in 7 and 10.2, the instructions in 10.3.
 *
 * An entry is a program that takes registers off the stack. Here it is run once, on
 * distances instead of addresses: what remains is where the return address and the frame
 * pointer were, and the CFA, which is where the program leaves vsp.
 */
#include "unwind/exidx.h"

#include <string.h>

#define INDEX_ENTRY_BYTES 8u
#define EXIDX_CANTUNWIND 1u
#define EXIDX_INLINE 0x80000000u /* in either table: the entry is here, in the compact model */

#define EXIDX_FINISH 0xb0
#define EXIDX_EXTENT_MAX (INT64_C(1) << 30) /* of a frame, in bytes */

enum { R_SP = 13, R_LR = 14, R_PC = 15 };

/* --- The index ---------------------------------------------------------------------- */

static uint32_t exidx_word(const uint8_t *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

/* Bits 0 to 30 are a signed distance from the word itself. */
static uint64_t prel31(const uint8_t *at)
{
    const uint32_t word = exidx_word(at) & ~EXIDX_INLINE;
    const int64_t distance = (int64_t)word - (word & 0x40000000 ? INT64_C(0x80000000) : 0);

    return (uint64_t)(uintptr_t)at + (uint64_t)distance;
}

/* The index's last entry at or before `pc`, or NULL. */
static const uint8_t *find_exidx_entry(const struct cfi_tables *t, uint64_t pc)
{
    const uint64_t header = (uint64_t)(uintptr_t)t->header;
    const uint64_t begin = (uint64_t)(uintptr_t)t->begin;
    const uint64_t end = (uint64_t)(uintptr_t)t->end;
    size_t low = 0, high;

    if (header < begin || header > end)
        return NULL;
    high = (size_t)(min_u64(t->header_bytes, end - header) / INDEX_ENTRY_BYTES);
    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (prel31(t->header + middle * INDEX_ENTRY_BYTES) + t->slide <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? t->header + (low - 1) * INDEX_ENTRY_BYTES : NULL;
}

/* --- The bytes of an entry's program ----------------------------------------------- */

struct exidx_program {
    const uint8_t *next; /* the words still to come; */
    uint32_t words;      /*   all of them are there */
    uint32_t word;       /* bytes not taken yet, the next one uppermost */
    uint32_t held;       /* bytes of it */
    bool bad;            /* took more than there is */
};

static bool program_is_empty(const struct exidx_program *p)
{
    return p->held == 0 && p->words == 0;
}

static uint8_t program_byte(struct exidx_program *p)
{
    uint8_t byte;

    if (program_is_empty(p)) {
        p->bad = true;
        return EXIDX_FINISH;
    }
    if (p->held == 0) {
        p->word = exidx_word(p->next);
        p->next += 4;
        p->words--;
        p->held = 4;
    }
    byte = (uint8_t)(p->word >> 24);
    p->word <<= 8;
    p->held--;
    return byte;
}

/* Begins at a word whose lower `held` bytes are program; `words` more follow in [next, end). */
static bool program_begin(struct exidx_program *p, uint32_t first, uint32_t held, uint32_t words,
                          const uint8_t *next, const uint8_t *end)
{
    *p = (struct exidx_program){.next = next, .words = words, .word = first << (32 - 8 * held), .held = held};
    return words <= (size_t)(end - next) / 4;
}

/* The entry `first`, in the compact model; what follows it is in [next, end). */
static bool compact_program(struct exidx_program *p, uint32_t first, const uint8_t *next, const uint8_t *end)
{
    switch (first >> 24) {
    case 0x80: return program_begin(p, first, 3, 0, next, end);
    case 0x81:
    case 0x82: return program_begin(p, first, 2, first >> 16 & 0xff, next, end);
    default: return false; /* a personality that is reserved */
    }
}

/* An entry in .ARM.extab. One with a personality routine of its own (C++) has a program
 * too, by what all of GCC's and LLVM's routines expect. */
static bool table_program(struct exidx_program *p, const struct cfi_tables *t, uint64_t at)
{
    const uint64_t begin = (uint64_t)(uintptr_t)t->begin;
    const uint64_t end = (uint64_t)(uintptr_t)t->end;
    const uint8_t *entry = (const uint8_t *)(uintptr_t)at;
    uint32_t first;

    if (at < begin || at > end || end - at < 4 || at % 4 != 0)
        return false;
    first = exidx_word(entry);
    if (first & EXIDX_INLINE)
        return compact_program(p, first, entry + 4, t->end);
    if (end - at < 8)
        return false;
    first = exidx_word(entry + 4);
    return program_begin(p, first, 3, first >> 24, entry + 8, t->end);
}

/* --- Running it ------------------------------------------------------------------------ */

/* vsp is register `base` + offset; registers were saved at distances from the same. */
struct exidx_state {
    const struct arch *arch;
    uint8_t base;
    int64_t offset;
    bool moved; /* a register was taken off the stack */
    bool has_fp, has_lr, has_pc;
    int64_t fp, lr, pc;
    bool bad;
};

/* Takes off the registers of the mask, the lowest first. */
static void pop_registers(struct exidx_state *m, uint32_t mask)
{
    for (unsigned r = 0; r <= R_PC; r++) {
        if ((mask >> r & 1) == 0)
            continue;
        if (r == m->arch->fp) {
            m->has_fp = true;
            m->fp = m->offset;
        } else if (r == R_LR) {
            m->has_lr = true;
            m->lr = m->offset;
        } else if (r == R_PC) {
            m->has_pc = true;
            m->pc = m->offset;
        } else if (r == R_SP) {
            m->bad = true; /* a stack pointer from memory */
        }
        m->moved = true;
        m->offset += 4;
    }
}

/* vsp becomes a register: the frame pointer, as the frame itself has it. */
static void exidx_set_vsp(struct exidx_state *m, unsigned r)
{
    if (r != m->arch->fp || m->moved)
        m->bad = true;
    m->base = (uint8_t)r;
    m->offset = 0;
}

static uint64_t program_uleb(struct exidx_program *p)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;

    do {
        byte = program_byte(p);
        if (shift < 28)
            value |= (uint64_t)(byte & 0x7f) << shift;
        else if (byte & 0x7f)
            p->bad = true; /* more than any stack */
        shift += 7;
    } while ((byte & 0x80) && !p->bad);
    return value;
}

/* 0xb0 to 0xbf, without EXIDX_FINISH. */
static void exidx_step_b(struct exidx_state *m, struct exidx_program *p, uint8_t op)
{
    uint8_t operand;

    if (op == 0xb1) {
        operand = program_byte(p);
        m->bad |= operand == 0 || operand > 15;
        pop_registers(m, operand);
    } else if (op == 0xb2) {
        m->offset += 0x204 + 4 * (int64_t)program_uleb(p);
    } else if (op == 0xb3) {
        m->offset += ((program_byte(p) & 15) + 1) * 8 + 4; /* double registers, by FSTMFDX */
    } else if (op >= 0xb8) {
        m->offset += ((op & 7) + 1) * 8 + 4;
    } else {
        m->bad = true; /* pointer authentication, and what is spare */
    }
}

static void exidx_step(struct exidx_state *m, struct exidx_program *p, uint8_t op)
{
    uint32_t mask;

    if (op < 0x40) {
        m->offset += (op & 0x3f) * 4 + 4;
    } else if (op < 0x80) {
        m->offset -= (op & 0x3f) * 4 + 4;
    } else if (op < 0x90) {
        mask = (uint32_t)(op & 15) << 8 | program_byte(p);
        m->bad |= mask == 0; /* refuses to be unwound */
        pop_registers(m, mask << 4);
    } else if (op < 0xa0) {
        exidx_set_vsp(m, op & 15);
    } else if (op < 0xb0) {
        mask = (2u << (4 + (op & 7))) - (1u << 4);
        pop_registers(m, op & 8 ? mask | 1u << R_LR : mask);
    } else if (op < 0xc0) {
        exidx_step_b(m, p, op);
    } else if (op == 0xc8 || op == 0xc9) {
        m->offset += ((program_byte(p) & 15) + 1) * 8; /* double registers, by VPUSH */
    } else if (op >= 0xd0 && op < 0xd8) {
        m->offset += ((op & 7) + 1) * 8;
    } else {
        m->bad = true; /* WMMX, and what is spare */
    }
}

static enum row_result exidx_run(const struct arch *arch, struct exidx_program *p, struct cfi_row *row)
{
    struct exidx_state m = {.arch = arch, .base = arch->sp};

    while (!program_is_empty(p) && !m.bad) { /* at most 1,023 bytes */
        const uint8_t op = program_byte(p);

        if (op == EXIDX_FINISH)
            break;
        exidx_step(&m, p, op);
        if (p->bad || m.offset > EXIDX_EXTENT_MAX || m.offset < -EXIDX_EXTENT_MAX)
            m.bad = true;
    }
    if (m.bad)
        return ROW_BROKEN;
    memset(row, 0, sizeof *row);
    row->cfa = (struct place){.kind = PLACE_REGISTER, .reg = m.base, .offset = m.offset};
    if (m.has_fp)
        row->fp = (struct place){.kind = PLACE_AT_CFA, .offset = m.fp - m.offset};
    if (m.has_pc || m.has_lr)
        row->ra = (struct place){.kind = PLACE_AT_CFA, .offset = (m.has_pc ? m.pc : m.lr) - m.offset};
    return ROW_FOUND;
}

enum row_result exidx_row(const struct arch *arch, const struct cfi_tables *tables, uint64_t pc,
                          struct cfi_row *row)
{
    const uint8_t *entry = find_exidx_entry(tables, pc);
    struct exidx_program program;
    uint32_t content;
    bool whole;

    if (entry == NULL)
        return ROW_NONE;
    content = exidx_word(entry + 4);
    if (content == EXIDX_CANTUNWIND)
        return ROW_NONE;
    if (content & EXIDX_INLINE)
        whole = content >> 24 == 0x80 && compact_program(&program, content, NULL, NULL);
    else
        whole = table_program(&program, tables, prel31(entry + 4));
    return whole ? exidx_run(arch, &program, row) : ROW_BROKEN;
}
