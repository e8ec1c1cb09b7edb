// SPDX-License-Identifier: MIT
//
// places-cxx - C++ functions whose names the tests know. It holds 4000 bytes in a
// vector, which the standard library's templates allocate, and starts a thread, whose
// constructor is inlined here.
#include <cstdlib>
#include <thread>
#include <vector>

namespace shop
{
template <typename Item> class store
{
  public:
    __attribute__((noinline)) void fill(std::size_t count)
    {
        items.resize(count);
        filled = true; // after the call: else it is a jump, and this frame is gone
    }

  private:
    std::vector<Item> items;
    bool filled = false;
};
} // namespace shop

static shop::store<int> *ints;

int main()
{
    ints = new shop::store<int>;
    ints->fill(1000);
    std::thread([] { std::free(std::malloc(1)); }).join();
    return ints == nullptr;
}
