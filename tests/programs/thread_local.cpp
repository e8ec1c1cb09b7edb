/* SPDX-License-Identifier: MIT
 *
 * C++ thread_local objects whose destructors free and allocate as their thread ends.
 */
#include <memory>
#include <thread>
#include <vector>

#include "check.h"

/* Not std::string: libstdc++.so has its code, whose calls --wrap does not reach. */
using text = std::vector<char>;

struct keeper {
    std::vector<std::unique_ptr<text>> kept;
    ~keeper()
    {
        kept.emplace_back(new text(300, 'x'));
        kept.clear();
    }
};

static thread_local keeper first;
static thread_local keeper second;

static void work()
{
    first.kept.emplace_back(new text(100, 'a'));
    second.kept.emplace_back(new text(200, 'b'));
}

static void threads()
{
    std::vector<std::thread> running;
    for (int i = 0; i < 8; i++)
        running.emplace_back(work);
    for (auto &thread : running)
        thread.join();
}

int main()
{
    need_tracker();
    threads(); /* the libc keeps blocks of its own for the next threads */
    threads();
    const auto before = totals_now();
    for (int i = 0; i < 20; i++)
        threads();
    const auto after = totals_now();
    CHECK(after.allocs - before.allocs >= 20 * 8 * 6);
    CHECK_EQ(after.foreign_frees, 0);
    CHECK_EQ(after.invalid_frees, 0);
    /* Default stacks: the libc's cache does not hold them all, so what it keeps
     * may differ by its own block for each of the eight threads. */
    CHECK(after.live_blocks - before.live_blocks <= 8 && before.live_blocks - after.live_blocks <= 8);
    return 0;
}
