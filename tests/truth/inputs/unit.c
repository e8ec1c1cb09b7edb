/* SPDX-License-Identifier: MIT
 *
 * unit.c - something to compile that needs no header.
 */
#define ONE(n)                               \
    int f##n(int *a, int k)                  \
    {                                        \
        int sum = 0;                         \
        for (int i = 0; i < k; i++)          \
            sum += a[i] * (i % (n + 3)) ^ k; \
        switch (sum % 5) {                   \
        case 0: return sum + n;              \
        case 1: return f##n(a + 1, k - 1);   \
        case 2: a[0] = sum; break;           \
        default: sum -= a[k / 2];            \
        }                                    \
        return sum;                          \
    }
#define TEN(n) \
    ONE(n##0) ONE(n##1) ONE(n##2) ONE(n##3) ONE(n##4) ONE(n##5) ONE(n##6) ONE(n##7) ONE(n##8) ONE(n##9)
TEN(1) TEN(2) TEN(3) TEN(4) TEN(5) TEN(6) TEN(7) TEN(8) TEN(9)
