// SPDX-License-Identifier: MIT
//
// places-cxx - C++ functions whose names the tests know. It holds 4000 bytes in a
// vector, which the standard library's templates allocate.
#include <cstdlib>
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
    return ints == nullptr;
}
