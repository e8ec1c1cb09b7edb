// SPDX-License-Identifier: MIT
#include "torture.h"

#include <stdexcept>

namespace
{

struct Guard {
    ~Guard()
    {
        stack_check();
    } // runs while the exception is on its way
};

__attribute__((noinline)) void thrower(unsigned depth)
{
    Guard guard;
    stack_check();
    if (depth == 0)
        throw std::runtime_error("deep");
    thrower(depth - 1);
    stack_check();
}

} // namespace

extern "C" void torture_exceptions(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        try {
            thrower(i % 20);
        } catch (const std::exception &) {
            stack_check();
        }
        stack_check();
    }
}
