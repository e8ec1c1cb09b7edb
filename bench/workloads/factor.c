/* SPDX-License-Identifier: MIT
 *
 * factor.c - the inner loop of the continued fraction method of factoring (Morrison
 * and Brillhart, A Method of Factoring and the Factorization of F7, 1975), on numbers
 * of our own: each result of an operation is a new block, and freed when it was used.
 * Stacks are short, and differ in the innermost few frames.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workloads.h"

/* A natural number: digits of 32 bits, the lowest first, no leading zeros. */
struct number {
    unsigned length;
    uint32_t digit[];
};

static struct number *new_number(unsigned length)
{
    struct number *n = need(malloc(sizeof *n + length * sizeof n->digit[0]));

    n->length = length;
    return n;
}

static struct number *trimmed(struct number *n)
{
    while (n->length > 0 && n->digit[n->length - 1] == 0)
        n->length--;
    return n;
}

static NO_INLINE struct number *small_number(uint32_t value)
{
    struct number *n = new_number(1);

    n->digit[0] = value;
    return trimmed(n);
}

static NO_INLINE struct number *add(const struct number *a, const struct number *b)
{
    const unsigned length = (a->length > b->length ? a->length : b->length) + 1;
    struct number *sum = new_number(length);
    uint64_t carry = 0;

    for (unsigned i = 0; i < length; i++) {
        carry += (uint64_t)(i < a->length ? a->digit[i] : 0) + (i < b->length ? b->digit[i] : 0);
        sum->digit[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return trimmed(sum);
}

/* a - b, where a is not the smaller one. */
static NO_INLINE struct number *subtract(const struct number *a, const struct number *b)
{
    struct number *rest = new_number(a->length);
    int64_t carry = 0;

    for (unsigned i = 0; i < a->length; i++) {
        carry += (int64_t)a->digit[i] - (i < b->length ? b->digit[i] : 0);
        rest->digit[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return trimmed(rest);
}

static NO_INLINE struct number *multiply(const struct number *a, const struct number *b)
{
    struct number *product = new_number(a->length + b->length);

    memset(product->digit, 0, product->length * sizeof product->digit[0]);
    for (unsigned i = 0; i < a->length; i++) {
        uint64_t carry = 0;

        for (unsigned j = 0; j < b->length; j++) {
            carry += (uint64_t)a->digit[i] * b->digit[j] + product->digit[i + j];
            product->digit[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        product->digit[i + b->length] = (uint32_t)carry;
    }
    return trimmed(product);
}

/* The quotient of a one-digit divisor; *rest is what remains. */
static NO_INLINE struct number *divide_small(const struct number *a, uint32_t divisor, uint32_t *rest)
{
    struct number *quotient = new_number(a->length);
    uint64_t r = 0;

    for (unsigned i = a->length; i-- > 0;) {
        r = r << 32 | a->digit[i];
        quotient->digit[i] = (uint32_t)(r / divisor);
        r %= divisor;
    }
    *rest = (uint32_t)r;
    return trimmed(quotient);
}

/* u[0..n] -= v[0..n) * *factor; where that is one v too much, *factor is made less. */
static void subtract_multiple(uint32_t *u, const uint32_t *v, unsigned n, uint32_t *factor)
{
    uint64_t carry = 0;
    int64_t borrow = 0;

    for (unsigned i = 0; i <= n; i++) {
        carry += i < n ? (uint64_t)v[i] * *factor : 0;
        borrow += (int64_t)u[i] - (uint32_t)carry;
        u[i] = (uint32_t)borrow;
        borrow >>= 32;
        carry >>= 32;
    }
    if (borrow == 0)
        return;
    --*factor;
    carry = 0;
    for (unsigned i = 0; i <= n; i++) {
        carry += (uint64_t)u[i] + (i < n ? v[i] : 0);
        u[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static struct number *shifted_left(const struct number *a, unsigned bits)
{
    struct number *n = new_number(a->length + 1);
    uint64_t carry = 0;

    for (unsigned i = 0; i < a->length; i++) {
        carry |= (uint64_t)a->digit[i] << bits;
        n->digit[i] = (uint32_t)carry;
        carry >>= 32;
    }
    n->digit[a->length] = (uint32_t)carry;
    return n; /* not trimmed: the division needs the digit */
}

/* The quotient (Knuth, TAOCP 4.3.1, algorithm D); *rest is what remains. */
static NO_INLINE struct number *divide(const struct number *a, const struct number *b, struct number **rest)
{
    struct number *u, *v, *quotient;
    unsigned shift;

    if (b->length == 1) {
        uint32_t r;

        quotient = divide_small(a, b->digit[0], &r);
        *rest = small_number(r);
        return quotient;
    }
    if (a->length < b->length) {
        *rest = add(a, &(struct number){0});
        return small_number(0);
    }
    shift = (unsigned)__builtin_clz(b->digit[b->length - 1]);
    u = shifted_left(a, shift);
    v = shifted_left(b, shift);
    quotient = new_number(a->length - b->length + 1);
    for (unsigned j = a->length - b->length + 1; j-- > 0;) {
        const uint64_t top = (uint64_t)u->digit[j + b->length] << 32 | u->digit[j + b->length - 1];
        const uint32_t first = v->digit[b->length - 1];
        uint64_t q = top / first, r = top % first;
        uint32_t factor;

        while (q >> 32 || q * v->digit[b->length - 2] > (r << 32 | u->digit[j + b->length - 2])) {
            q--;
            r += first;
            if (r >> 32)
                break;
        }
        factor = (uint32_t)q;
        subtract_multiple(u->digit + j, v->digit, b->length, &factor);
        quotient->digit[j] = factor;
    }
    free(v);
    *rest = new_number(b->length);
    for (unsigned i = 0; i < b->length; i++)
        (*rest)->digit[i] = (uint32_t)(((uint64_t)u->digit[i + 1] << 32 | u->digit[i]) >> shift);
    trimmed(*rest);
    free(u);
    return trimmed(quotient);
}

/* The old value is dropped. */
static void replace(struct number **a, struct number *by)
{
    free(*a);
    *a = by;
}

/* The number without its factors in the base. */
static NO_INLINE struct number *without_small_factors(const struct number *n)
{
    static const uint32_t base[] = {2, 3, 5, 7, 11, 13, 17, 19};
    struct number *left = add(n, &(struct number){0});

    for (size_t i = 0; i < sizeof base / sizeof base[0]; i++) {
        for (;;) {
            uint32_t rest;
            struct number *quotient = divide_small(left, base[i], &rest);

            if (rest != 0 || quotient->length == 0) {
                free(quotient);
                break;
            }
            replace(&left, quotient);
        }
    }
    return left;
}

/* The expansion of sqrt(n): with Q_0 = 1, P_0 = 0, and A the numerators modulo n,
 *   q = (g + P) / Q, P' = q Q - P, Q' = (n - P'^2) / Q, A' = q A + A_before mod n. */
struct expansion {
    struct number *n, *root; /* root: g, the whole part of sqrt(n) */
    struct number *p, *q, *a, *a_before;
};

static NO_INLINE void next_numerator(struct expansion *e, const struct number *quotient)
{
    struct number *product = multiply(quotient, e->a);
    struct number *sum = add(product, e->a_before);
    struct number *rest;

    free(product);
    free(divide(sum, e->n, &rest));
    free(sum);
    replace(&e->a_before, e->a);
    e->a = rest;
}

static NO_INLINE void expand(struct expansion *e)
{
    struct number *sum = add(e->root, e->p);
    struct number *rest;
    struct number *quotient = divide(sum, e->q, &rest);
    struct number *product = multiply(quotient, e->q);

    free(rest);
    free(sum);
    replace(&e->p, subtract(product, e->p));
    free(product);
    product = multiply(e->p, e->p);
    sum = subtract(e->n, product);
    free(product);
    replace(&e->q, divide(sum, e->q, &rest));
    free(rest);
    free(sum);
    next_numerator(e, quotient);
    free(quotient);
}

static int compare(const struct number *a, const struct number *b)
{
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    for (unsigned i = a->length; i-- > 0;)
        if (a->digit[i] != b->digit[i])
            return a->digit[i] < b->digit[i] ? -1 : 1;
    return 0;
}

/* Newton's method, from above. */
static struct number *square_root(const struct number *n)
{
    struct number *root = add(n, &(struct number){0});

    for (;;) {
        struct number *rest, *quotient = divide(n, root, &rest);
        struct number *sum = add(root, quotient);
        uint32_t odd;
        struct number *half = divide_small(sum, 2, &odd);
        const int done = compare(half, root) >= 0;

        free(rest);
        free(quotient);
        free(sum);
        if (done) {
            free(half);
            return root;
        }
        replace(&root, half);
    }
}

/* The numerators satisfy A^2 = +-Q mod n: whether the arithmetic is right. */
static void check(const struct expansion *e)
{
    struct number *square = multiply(e->a, e->a);
    struct number *rest, *other;

    free(divide(square, e->n, &rest));
    other = subtract(e->n, rest);
    if (compare(rest, e->q) != 0 && compare(other, e->q) != 0) {
        fprintf(stderr, "workloads: factor: the arithmetic is wrong\n");
        exit(1);
    }
    free(square);
    free(rest);
    free(other);
}

void run_factor(uint64_t steps, size_t unused)
{
    struct expansion e;

    (void)unused;
    /* 157 bits without a meaning, so that the expansion does not come back soon. */
    e.n = new_number(5);
    memcpy(e.n->digit, (uint32_t[]){0x9e3779b1u, 0x85ebca77u, 0xc2b2ae3du, 0x27d4eb2fu, 0x165667b1u}, 20);
    e.root = square_root(e.n);
    e.p = small_number(0);
    e.q = small_number(1);
    e.a = small_number(1);
    e.a_before = small_number(0);
    for (uint64_t i = 0; i < steps; i++) {
        expand(&e);
        free(without_small_factors(e.q));
    }
    check(&e);
    free(e.n);
    free(e.root);
    free(e.p);
    free(e.q);
    free(e.a);
    free(e.a_before);
}
