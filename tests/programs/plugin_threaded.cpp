/* SPDX-License-Identifier: MIT
 *
 * For late_operators.c: allocates in a thread that a constructor waits for.
 */
#include <thread>
#include <vector>

extern "C" int plugin_runs(void);

static int count_in_thread()
{
    std::size_t count = 0;
    std::thread thread([&count] {
        std::vector<int> numbers;
        for (int i = 0; i < 10; i++)
            numbers.push_back(i);
        count = numbers.size();
    });
    thread.join();
    return static_cast<int>(count);
}

static const int counted = count_in_thread();

int plugin_runs(void)
{
    return counted;
}
