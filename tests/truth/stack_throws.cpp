/* SPDX-License-Identifier: MIT
 *
 * stack_throws.cpp - C++ exceptions through frames that allocate, before, during and
 * after the unwinding; destructors and catch blocks that allocate.
 */
#include <stdexcept>
#include <string>
#include <vector>

struct guard {
    std::vector<int> *out;
    ~guard()
    {
        std::string text(100, 'x');
        out->push_back(static_cast<int>(text.size()));
    }
};

__attribute__((noinline)) static void thrower(int depth, std::vector<int> &out)
{
    guard g{&out};
    std::string held(static_cast<size_t>(40 + depth), 'h');

    if (depth == 0)
        throw std::runtime_error(held);
    thrower(depth - 1, out);
    out.push_back(static_cast<int>(held.size()));
}

int main()
{
    std::vector<int> out;

    for (int i = 0; i < 60; i++) {
        try {
            thrower(i % 8, out);
        } catch (const std::exception &error) {
            std::string again(std::string(error.what()) + " again");
            try {
                throw std::logic_error(again);
            } catch (const std::logic_error &) {
                out.push_back(static_cast<int>(again.size()));
            }
        }
    }
    return out.empty();
}
