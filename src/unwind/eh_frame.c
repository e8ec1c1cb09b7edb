/* SPDX-License-Identifier: MIT
 *
 * eh_frame.c - finds the row for a pc: the binary search table of .eh_frame_hdr,
 * then the FDE and its CIE, then their programs up to the pc. Formats: Linux
 * Standard Base 5.0, chapter 10; DWARF 5, section 6.4.
 */
#include "unwind/bytes.h"
#include "unwind/eh_frame.h"

/* Pointer encodings: the low half is the size, the high half what it is added to. */
enum {
    ENC_ABSOLUTE = 0x00,
    ENC_ULEB = 0x01,
    ENC_U2 = 0x02,
    ENC_U4 = 0x03,
    ENC_U8 = 0x04,
    ENC_SLEB = 0x09,
    ENC_S2 = 0x0a,
    ENC_S4 = 0x0b,
    ENC_S8 = 0x0c,
    ENC_PC_RELATIVE = 0x10,
    ENC_HEADER_RELATIVE = 0x30,
    ENC_INDIRECT = 0x80,
    ENC_OMIT = 0xff,
};

/* How deep DW_CFA_remember_state may nest: compilers use one level. */
#define REMEMBER_MAX 6

struct cie {
    uint64_t code_align;
    int64_t data_align;
    struct bytes program;
    uint8_t pointer_encoding;
    bool has_augmentation;
    bool signal;
};

static struct bytes window(const struct cfi_tables *t, const uint8_t *at)
{
    struct bytes b = {.at = at, .end = t->end};

    if (at < t->begin || at > t->end) {
        b.at = b.end = t->end;
        b.bad = true;
    }
    return b;
}

static uint64_t address_of(const struct cfi_tables *t, const uint8_t *at)
{
    return (uint64_t)(uintptr_t)at + t->slide;
}

/* A pointer of the tables; the target's address. Indirect ones (only used for
 * personality routines) and text- or function-relative ones count as bad. */
static uint64_t read_pointer(const struct cfi_tables *t, struct bytes *b, uint8_t encoding)
{
    const uint64_t base = address_of(t, b->at);
    uint64_t value = 0;

    switch (encoding & 0x0f) {
    case ENC_ABSOLUTE:
    case ENC_U8:
    case ENC_S8: value = bytes_unsigned(b, 8); break;
    case ENC_ULEB: value = bytes_uleb(b); break;
    case ENC_U2: value = bytes_unsigned(b, 2); break;
    case ENC_U4: value = bytes_unsigned(b, 4); break;
    case ENC_SLEB: value = (uint64_t)bytes_sleb(b); break;
    case ENC_S2: value = (uint64_t)bytes_signed(b, 2); break;
    case ENC_S4: value = (uint64_t)bytes_signed(b, 4); break;
    default: b->bad = true; break;
    }
    switch (encoding & 0xf0) {
    case 0: return value;
    case ENC_PC_RELATIVE: return base + value;
    case ENC_HEADER_RELATIVE: return address_of(t, t->header) + value;
    default: b->bad = true; return 0;
    }
}

/* Steps over a pointer whose value is not needed. */
static void skip_pointer(struct bytes *b, uint8_t encoding)
{
    static const uint8_t size[16] = {8, 0, 2, 4, 8, 0, 0, 0, 8, 0, 2, 4, 8, 0, 0, 0};

    if (encoding == ENC_OMIT)
        return;
    if ((encoding & 0x0f) == ENC_ULEB || (encoding & 0x0f) == ENC_SLEB)
        (void)bytes_uleb(b);
    else if (size[encoding & 0x0f])
        (void)bytes_take(b, size[encoding & 0x0f]);
    else
        b->bad = true;
}

/* The FDE that the search table names for pc; NULL when there is none. Only the
 * table's one usual form (pairs of 32-bit offsets from the header) is read: every
 * linker writes it. */
static const uint8_t *find_fde(const struct cfi_tables *t, uint64_t pc)
{
    struct bytes b = window(t, t->header);
    const uint8_t version = (uint8_t)bytes_unsigned(&b, 1);
    const uint8_t frame_encoding = (uint8_t)bytes_unsigned(&b, 1);
    const uint8_t count_encoding = (uint8_t)bytes_unsigned(&b, 1);
    const uint8_t table_encoding = (uint8_t)bytes_unsigned(&b, 1);
    const int64_t key = (int64_t)(pc - address_of(t, t->header));
    uint64_t count, low = 0, high;
    int32_t entry[2];

    if (b.bad || version != 1 || table_encoding != (ENC_HEADER_RELATIVE | ENC_S4))
        return NULL;
    (void)read_pointer(t, &b, frame_encoding);
    count = read_pointer(t, &b, count_encoding);
    high = min_u64(count, bytes_left(&b) / sizeof entry);
    if (b.bad || high == 0)
        return NULL;
    while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;

        memcpy(entry, b.at + middle * sizeof entry, sizeof entry);
        if (entry[0] <= key)
            low = middle;
        else
            high = middle;
    }
    memcpy(entry, b.at + low * sizeof entry, sizeof entry);
    if (entry[0] > key)
        return NULL;
    /* Added as an integer: a broken offset must not make a wild pointer; window()
     * looks at it before it is used. */
    return (const uint8_t *)((uintptr_t)t->header + (uintptr_t)(intptr_t)entry[1]);
}

/* The body of a CIE or FDE: what its length field spans. */
static struct bytes entry_body(const struct cfi_tables *t, const uint8_t *at)
{
    struct bytes b = window(t, at);
    const uint64_t length = bytes_unsigned(&b, 4);

    if (length == 0 || length == 0xffffffff || length > bytes_left(&b))
        b.bad = true; /* a terminator, or the 64-bit form, which .eh_frame never has in practice */
    else
        b.end = b.at + length;
    return b;
}

static void read_augmentation(struct bytes *b, const char *letters, struct cie *cie)
{
    const uint64_t size = bytes_uleb(b);
    const uint8_t *data = bytes_take(b, size);
    struct bytes d = {.at = data, .end = data ? data + size : NULL, .bad = !data};

    for (; *letters && !d.bad; letters++) {
        switch (*letters) {
        case 'R': cie->pointer_encoding = (uint8_t)bytes_unsigned(&d, 1); break;
        case 'P': skip_pointer(&d, (uint8_t)bytes_unsigned(&d, 1)); break;
        case 'L': (void)bytes_unsigned(&d, 1); break;
        case 'S': cie->signal = true; break;
        default: break; /* B, G: AArch64's key and tags, without data */
        }
    }
    b->bad |= d.bad;
}

static bool read_cie(const struct cfi_tables *t, const uint8_t *at, struct cie *cie)
{
    struct bytes b = entry_body(t, at);
    const char *letters;
    uint8_t version;

    memset(cie, 0, sizeof *cie);
    if (bytes_unsigned(&b, 4) != 0)
        return false;
    version = (uint8_t)bytes_unsigned(&b, 1);
    letters = (const char *)b.at;
    while (bytes_unsigned(&b, 1) != 0) {
    }
    if (b.bad || (version != 1 && version != 3 && version != 4))
        return false;
    if (version == 4)
        (void)bytes_take(&b, 2); /* sizes of an address and of a segment selector */
    cie->code_align = bytes_uleb(&b);
    cie->data_align = bytes_sleb(&b);
    if (version == 1)
        (void)bytes_unsigned(&b, 1);
    else
        (void)bytes_uleb(&b); /* the return address's column: arch.h knows it */
    if (letters[0] == 'z') {
        cie->has_augmentation = true;
        read_augmentation(&b, letters + 1, cie);
    } else if (letters[0]) {
        return false;
    }
    cie->program = b;
    return !b.bad;
}

/* --- The programs ---------------------------------------------------------- */

struct machine {
    const struct arch *arch;
    const struct cfi_tables *tables;
    const struct cie *cie;
    uint64_t loc, pc;
    struct cfi_row row, initial;
    struct cfi_row remembered[REMEMBER_MAX];
    unsigned remembered_count;
    bool bad;
    /* The function's program only: */
    struct cfi_marks *marks; /* NULL: none */
    const uint8_t *fde;
    uint64_t begin;
    unsigned unmarked; /* instructions since the last mark */
};

/* The place of a register, or NULL for one that the state does not have. */
static struct place *place_of(struct machine *m, struct cfi_row *row, uint64_t reg)
{
    if (reg == m->arch->fp)
        return &row->fp;
    if (reg == m->arch->ra)
        return &row->ra;
    return NULL;
}

static void set_place(struct machine *m, uint64_t reg, struct place place)
{
    struct place *p = place_of(m, &m->row, reg);

    if (p)
        *p = place;
}

static void set_offset(struct machine *m, uint64_t reg, int64_t factored)
{
    const int64_t offset = (int64_t)((uint64_t)factored * (uint64_t)m->cie->data_align);

    set_place(m, reg, (struct place){.kind = PLACE_AT_CFA, .offset = offset});
}

static void restore(struct machine *m, uint64_t reg)
{
    const struct place *from = place_of(m, &m->initial, reg);

    if (from)
        set_place(m, reg, *from);
}

static void row_set_cfa(struct machine *m, uint64_t reg, int64_t offset)
{
    m->row.cfa = (struct place){.kind = PLACE_REGISTER, .reg = (uint32_t)reg, .offset = offset};
}

static struct place expression_place(struct bytes *b)
{
    const uint64_t size = bytes_uleb(b);
    const uint8_t *from = bytes_take(b, size);

    return (struct place){
        .kind = PLACE_EXPRESSION, .expression = from, .expression_bytes = b->bad ? 0 : (uint32_t)size};
}

static void remember(struct machine *m)
{
    if (m->remembered_count == REMEMBER_MAX)
        m->bad = true;
    else
        m->remembered[m->remembered_count++] = m->row;
}

static void recall(struct machine *m)
{
    if (m->remembered_count == 0)
        m->bad = true;
    else
        m->row = m->remembered[--m->remembered_count];
}

/* One instruction other than the three short forms. */
static void extended(struct machine *m, struct bytes *b, uint8_t op)
{
    uint64_t reg;
    const int64_t data_align = m->cie->data_align;

    switch (op) {
    case 0x00: /* nop */
    case 0x2d: /* AArch64: negate_ra_state; values are compared signed and named stripped */
    case 0x2c: /* the same with a pc */ break;
    case 0x01: m->loc = read_pointer(m->tables, b, m->cie->pointer_encoding); break;
    case 0x02: m->loc += bytes_unsigned(b, 1) * m->cie->code_align; break;
    case 0x03: m->loc += bytes_unsigned(b, 2) * m->cie->code_align; break;
    case 0x04: m->loc += bytes_unsigned(b, 4) * m->cie->code_align; break;
    case 0x05:
        reg = bytes_uleb(b);
        set_offset(m, reg, (int64_t)bytes_uleb(b));
        break;
    case 0x06: restore(m, bytes_uleb(b)); break;
    case 0x07: set_place(m, bytes_uleb(b), (struct place){.kind = PLACE_UNDEFINED}); break;
    case 0x08: set_place(m, bytes_uleb(b), (struct place){.kind = PLACE_SAME}); break;
    case 0x09:
        reg = bytes_uleb(b);
        set_place(m, reg, (struct place){.kind = PLACE_REGISTER, .reg = (uint32_t)bytes_uleb(b)});
        break;
    case 0x0a: remember(m); break;
    case 0x0b: recall(m); break;
    case 0x0c:
        reg = bytes_uleb(b);
        row_set_cfa(m, reg, (int64_t)bytes_uleb(b));
        break;
    case 0x0d: row_set_cfa(m, bytes_uleb(b), m->row.cfa.offset); break;
    case 0x0e: m->row.cfa.offset = (int64_t)bytes_uleb(b); break;
    case 0x0f: m->row.cfa = expression_place(b); break;
    case 0x10:
        reg = bytes_uleb(b);
        set_place(m, reg, expression_place(b));
        break;
    case 0x11:
        reg = bytes_uleb(b);
        set_offset(m, reg, bytes_sleb(b));
        break;
    case 0x12:
        reg = bytes_uleb(b);
        row_set_cfa(m, reg, (int64_t)((uint64_t)bytes_sleb(b) * (uint64_t)data_align));
        break;
    case 0x13: m->row.cfa.offset = (int64_t)((uint64_t)bytes_sleb(b) * (uint64_t)data_align); break;
    case 0x14:
    case 0x15: /* val_offset: two numbers of either sign */
        reg = bytes_uleb(b);
        (void)bytes_uleb(b);
        set_place(m, reg, (struct place){.kind = PLACE_OTHER});
        break;
    case 0x16: /* val_expression */
        reg = bytes_uleb(b);
        (void)expression_place(b);
        set_place(m, reg, (struct place){.kind = PLACE_OTHER});
        break;
    case 0x2e: (void)bytes_uleb(b); break; /* GNU_args_size */
    case 0x2f:
        reg = bytes_uleb(b);
        set_offset(m, reg, (int64_t)(0 - bytes_uleb(b)));
        break;
    default: m->bad = true; break;
    }
}

/* --- Marks ------------------------------------------------------------------ */

#define MARK_INSTRUCTIONS 64u /* at least so many from one to the next */
#define MARK_CODE_SHIFT 10    /* one for so much code */
#define MARK_LOOKS 32u        /* at the marks of so much code before the pc */

static struct cfi_mark *mark_place(const struct machine *m, uint64_t part)
{
    const uint64_t hash = ((uint64_t)(uintptr_t)m->fde + part) * HT_HASH_FACTOR;

    return &m->marks->marks[hash >> 32 & (CFI_MARKS - 1)];
}

/* loc <= pc, and it is the state for all that lies ahead, since nothing is remembered. */
static void set_mark(struct machine *m, const uint8_t *at)
{
    m->unmarked = 0;
    *mark_place(m, (m->loc - m->begin) >> MARK_CODE_SHIFT) =
        (struct cfi_mark){.fde = m->fde, .at = at, .loc = m->loc, .row = m->row};
}

/* Goes on from the last mark before the pc that there is: within the program, whatever it says. */
static void go_to_mark(struct machine *m, struct bytes *program)
{
    uint64_t part = (m->pc - m->begin) >> MARK_CODE_SHIFT;

    for (unsigned look = 0; look < MARK_LOOKS; look++) {
        const struct cfi_mark mark = *mark_place(m, part);

        if (mark.fde == m->fde && mark.loc <= m->pc && mark.at >= program->at && mark.at <= program->end) {
            m->loc = mark.loc;
            m->row = mark.row;
            program->at = mark.at;
            return;
        }
        if (part-- == 0)
            return;
    }
}

/* --- Rows ------------------------------------------------------------------- */

/* Runs a program until it moves past the pc. False: broken. */
static bool run(struct machine *m, struct bytes b)
{
    while (b.at < b.end && !b.bad && !m->bad) {
        const uint8_t op = *b.at++;

        switch (op >> 6) {
        case 1: m->loc += (op & 0x3f) * m->cie->code_align; break;
        case 2: set_offset(m, op & 0x3f, (int64_t)bytes_uleb(&b)); break;
        case 3: restore(m, op & 0x3f); break;
        default: extended(m, &b, op); break;
        }
        if (m->loc > m->pc)
            break;
        if (unlikely(m->unmarked++ >= MARK_INSTRUCTIONS) && m->marks != NULL && m->remembered_count == 0 &&
            !b.bad && !m->bad)
            set_mark(m, b.at);
    }
    return !b.bad && !m->bad;
}

enum row_result eh_frame_row(const struct arch *arch, const struct cfi_tables *tables, uint64_t pc,
                             struct cfi_marks *marks, struct cfi_row *row)
{
    const uint8_t *at = find_fde(tables, pc);
    struct machine m = {.arch = arch, .tables = tables, .pc = pc};
    struct cie cie;
    struct bytes fde;
    const uint8_t *pointer_at;
    uint64_t back, begin, length;

    if (!at)
        return ROW_NONE;
    fde = entry_body(tables, at);
    pointer_at = fde.at;
    back = bytes_unsigned(&fde, 4);
    if (fde.bad || back == 0 || back > (uint64_t)(pointer_at - tables->begin))
        return ROW_BROKEN;
    if (!read_cie(tables, pointer_at - back, &cie))
        return ROW_BROKEN;
    begin = read_pointer(tables, &fde, cie.pointer_encoding);
    length = read_pointer(tables, &fde, cie.pointer_encoding & 0x0f);
    if (fde.bad)
        return ROW_BROKEN;
    if (pc < begin || pc - begin >= length)
        return ROW_NONE; /* between two functions that have tables */
    if (cie.has_augmentation)
        (void)bytes_take(&fde, bytes_uleb(&fde));

    m.cie = &cie;
    m.row.signal = cie.signal;
    m.loc = 0;
    if (!run(&m, cie.program))
        return ROW_BROKEN;
    m.initial = m.row;
    m.loc = begin;
    m.marks = marks;
    m.fde = at;
    m.begin = begin;
    if (marks != NULL && (size_t)(fde.end - fde.at) > MARK_INSTRUCTIONS) /* shorter ones have none */
        go_to_mark(&m, &fde);
    if (!run(&m, fde))
        return ROW_BROKEN;
    *row = m.row;
    return ROW_FOUND;
}
