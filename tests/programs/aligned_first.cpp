/* SPDX-License-Identifier: MIT
 *
 * The first `new` of the process is one with an alignment; each form counts once, whatever
 * the allocator behind shows of either.
 */
#include <new>

#include "check.h"

struct alignas(64) wide {
    char bytes[128];
};

int main()
{
    wide *volatile first = nullptr;
    int *volatile plain = nullptr;

    need_tracker();
    for (int i = 0; i < 3; i++) {
        STEP(first = new wide, .allocs = 1, .bytes = 128, .live = 128);
        STEP(delete first, .frees = 1, .live = -128);
        STEP(plain = new int[10], .allocs = 1, .bytes = 40, .live = 40);
        STEP(delete[] plain, .frees = 1, .live = -40);
    }
    CHECK_EQ(totals_now().foreign_frees + totals_now().invalid_frees, 0);
    return 0;
}
