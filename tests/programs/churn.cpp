/* SPDX-License-Identifier: MIT
 *
 * new and delete from several threads, for allocators that bring operators of their
 * own: whichever way a block came and goes, live is as before.
 */
#include <map>
#include <thread>
#include <vector>

#include "check.h"

/* Not std::string: libstdc++.so has its code, whose calls --wrap does not reach. */
using text = std::vector<char>;

static void churn(unsigned seed)
{
    std::map<unsigned, text> names;
    for (unsigned i = 0; i < 20000; i++) {
        seed = seed * 1103515245u + 12345u;
        const unsigned key = (seed >> 8) % 500;
        if (seed >> 30 == 0)
            names.erase(key);
        else
            names[key].assign((seed >> 12) % 200, 'x');
    }
}

static void round_of_threads()
{
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 4; i++)
        threads.emplace_back(churn, i + 1);
    for (auto &thread : threads)
        thread.join();
}

int main()
{
    need_tracker();
    round_of_threads();
    const struct ht_totals before = totals_now();
    round_of_threads();
    const struct ht_totals after = totals_now();
    CHECK(after.allocs - before.allocs > 4 * 5000);
    CHECK_EQ(after.foreign_frees, before.foreign_frees);
    CHECK_EQ(after.invalid_frees, 0);
    CHECK_EQ(after.lost_blocks, 0);
    /* The libc's own block for each of four threads comes and goes with its stacks. */
    CHECK(after.live_blocks - before.live_blocks <= 4 && before.live_blocks - after.live_blocks <= 4);

    void *block; /* not a new-expression: the compiler may leave those out */
    STEP(block = ::operator new[](100), .allocs = 1, .bytes = 100, .live = 100);
    STEP(::operator delete[](block), .frees = 1, .live = -100);
    return 0;
}
