/* SPDX-License-Identifier: MIT
 *
 * expression.c - DWARF expressions of .eh_frame, evaluated once, when a rule is
 * made, with registers as unknowns. That is enough for what compilers and Debian's
 * hand-written code emit: `*(fp + n)` of realigned stacks, `*(sp + n)` of signal
 * restorers, and the PLT's `sp + 8 + ((pc & 15) >= 11) * 8`.
 */
#include "unwind/bytes.h"
#include "unwind/eh_frame.h"

#define DEPTH_MAX 8
#define STEPS_MAX 64u

enum {
    OP_DEREF = 0x06,
    OP_CONST1U = 0x08,
    OP_CONST1S,
    OP_CONST2U,
    OP_CONST2S,
    OP_CONST4U,
    OP_CONST4S,
    OP_CONST8U,
    OP_CONST8S,
    OP_CONSTU,
    OP_CONSTS,
    OP_DUP,
    OP_DROP,
    OP_OVER,
    OP_SWAP = 0x16,
    OP_AND = 0x1a,
    OP_MINUS = 0x1c,
    OP_OR = 0x21,
    OP_PLUS,
    OP_PLUS_UCONST,
    OP_SHL,
    OP_SHR,
    OP_EQ = 0x29,
    OP_GE,
    OP_GT,
    OP_LE,
    OP_LT,
    OP_NE,
    OP_LIT0 = 0x30,
    OP_LIT31 = 0x4f,
    OP_BREG0 = 0x70,
    OP_BREG31 = 0x8f,
    OP_BREGX = 0x92,
    OP_NOP = 0x96,
};

struct stack {
    struct value value[DEPTH_MAX];
    unsigned count;
    bool bad;
};

static void push(struct stack *s, struct value v)
{
    if (s->count == DEPTH_MAX)
        s->bad = true;
    else
        s->value[s->count++] = v;
}

static void push_constant(struct stack *s, int64_t n)
{
    push(s, (struct value){.kind = VALUE_CONSTANT, .offset = n});
}

static struct value pop(struct stack *s)
{
    if (s->count == 0) {
        s->bad = true;
        return (struct value){.kind = VALUE_UNKNOWN};
    }
    return s->value[--s->count];
}

static void push_register(struct stack *s, const struct arch *arch, uint64_t reg, int64_t offset, uint64_t pc)
{
    if (reg == arch->pc)
        push_constant(s, (int64_t)(pc + (uint64_t)offset));
    else if (reg < ARCH_REGISTERS_MAX)
        push(s, (struct value){.kind = VALUE_REGISTER, .reg = (uint8_t)reg, .offset = offset});
    else
        s->bad = true;
}

static int64_t wrapping_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void compare_or_combine(struct stack *s, uint8_t op)
{
    const struct value b = pop(s);
    const struct value a = pop(s);
    const uint64_t x = (uint64_t)a.offset;
    const uint64_t y = (uint64_t)b.offset;
    int64_t n = 0;

    if (op == OP_PLUS && a.kind == VALUE_REGISTER && b.kind == VALUE_CONSTANT) {
        push(s, (struct value){
                    .kind = VALUE_REGISTER, .reg = a.reg, .offset = wrapping_add(a.offset, b.offset)});
        return;
    }
    if (op == OP_PLUS && a.kind == VALUE_CONSTANT && b.kind == VALUE_REGISTER) {
        push(s, (struct value){
                    .kind = VALUE_REGISTER, .reg = b.reg, .offset = wrapping_add(a.offset, b.offset)});
        return;
    }
    if (a.kind != VALUE_CONSTANT || b.kind != VALUE_CONSTANT) {
        s->bad = true;
        return;
    }
    switch (op) {
    case OP_PLUS: n = wrapping_add(a.offset, b.offset); break;
    case OP_MINUS: n = (int64_t)(x - y); break;
    case OP_AND: n = (int64_t)(x & y); break;
    case OP_OR: n = (int64_t)(x | y); break;
    case OP_SHL: n = y < 64 ? (int64_t)(x << y) : 0; break;
    case OP_SHR: n = y < 64 ? (int64_t)(x >> y) : 0; break;
    case OP_EQ: n = a.offset == b.offset; break;
    case OP_NE: n = a.offset != b.offset; break;
    case OP_GE: n = a.offset >= b.offset; break;
    case OP_GT: n = a.offset > b.offset; break;
    case OP_LE: n = a.offset <= b.offset; break;
    default: n = a.offset < b.offset; break;
    }
    push_constant(s, n);
}

static void dereference(struct stack *s)
{
    struct value v = pop(s);

    if (v.kind == VALUE_REGISTER)
        v.kind = VALUE_WORD;
    else
        s->bad = true;
    push(s, v);
}

static void stack_operation(struct stack *s, uint8_t op)
{
    const struct value top = pop(s);
    struct value below;

    switch (op) {
    case OP_DROP: break;
    case OP_DUP:
        push(s, top);
        push(s, top);
        break;
    case OP_OVER:
        below = pop(s);
        push(s, below);
        push(s, top);
        push(s, below);
        break;
    default: /* OP_SWAP */
        below = pop(s);
        push(s, top);
        push(s, below);
        break;
    }
}

static void step(struct stack *s, const struct arch *arch, struct bytes *b, uint64_t pc)
{
    const uint8_t op = (uint8_t)bytes_unsigned(b, 1);
    uint64_t reg;

    if (op >= OP_LIT0 && op <= OP_LIT31) {
        push_constant(s, op - OP_LIT0);
    } else if (op >= OP_BREG0 && op <= OP_BREG31) {
        push_register(s, arch, (uint64_t)(op - OP_BREG0), bytes_sleb(b), pc);
    } else if (op >= OP_CONST1U && op <= OP_CONST8S) {
        const unsigned size = 1u << ((op - OP_CONST1U) / 2);

        push_constant(s, (op - OP_CONST1U) % 2 ? bytes_signed(b, size) : (int64_t)bytes_unsigned(b, size));
    } else {
        switch (op) {
        case OP_NOP: break;
        case OP_DEREF: dereference(s); break;
        case OP_CONSTU: push_constant(s, (int64_t)bytes_uleb(b)); break;
        case OP_CONSTS: push_constant(s, bytes_sleb(b)); break;
        case OP_BREGX:
            reg = bytes_uleb(b);
            push_register(s, arch, reg, bytes_sleb(b), pc);
            break;
        case OP_PLUS_UCONST:
            push_constant(s, (int64_t)bytes_uleb(b));
            compare_or_combine(s, OP_PLUS);
            break;
        case OP_DUP:
        case OP_DROP:
        case OP_OVER:
        case OP_SWAP: stack_operation(s, op); break;
        case OP_PLUS:
        case OP_MINUS:
        case OP_AND:
        case OP_OR:
        case OP_SHL:
        case OP_SHR:
        case OP_EQ:
        case OP_NE:
        case OP_GE:
        case OP_GT:
        case OP_LE:
        case OP_LT: compare_or_combine(s, op); break;
        default: s->bad = true; break;
        }
    }
}

struct value expression_value(const struct arch *arch, const uint8_t *bytes, size_t count, uint64_t pc)
{
    struct bytes b = {.at = bytes, .end = bytes + count};
    struct stack s = {.count = 0};
    unsigned steps = 0;

    while (bytes_left(&b) && !b.bad && !s.bad && steps++ < STEPS_MAX)
        step(&s, arch, &b, pc);
    if (b.bad || s.bad || bytes_left(&b) || s.count == 0)
        return (struct value){.kind = VALUE_UNKNOWN};
    return s.value[s.count - 1];
}
