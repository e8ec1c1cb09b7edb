/* SPDX-License-Identifier: MIT
 *
 * A program that replaces one operator new and one operator delete (REPLACES_NEW), or the
 * delete alone: the C++ library's other forms call the program's, and go on to do so.
 */
#include <cstdlib>
#include <new>

#include "check.h"

/* What this file is about. */
#pragma GCC diagnostic ignored "-Wsized-deallocation"
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

static int news, deletes;

#ifdef REPLACES_NEW
static const std::size_t head = 16;

void *operator new(std::size_t size)
{
    char *block = static_cast<char *>(std::malloc(size + head));
    if (!block)
        throw std::bad_alloc();
    news++;
    return block + head;
}
#else
static const std::size_t head = 0;
#endif

void operator delete(void *block) noexcept
{
    deletes++;
    std::free(static_cast<char *>(block) - head);
}

template <typename Delete> static void once(void *block, Delete give_back)
{
    const int before = deletes;
    STEP(give_back(block), .frees = 1, .live = -(100 + static_cast<int64_t>(head)));
    CHECK_EQ(deletes, before + 1);
}

#define MAKE(block, call) \
    STEP((block) = (call), .allocs = 1, .bytes = 100 + head, .live = 100 + static_cast<int64_t>(head))

int main()
{
    void *p;
    need_tracker();
    for (int i = 0; i < 3; i++) {
        MAKE(p, ::operator new(100));
        once(p, [](void *block) { ::operator delete(block); });
        MAKE(p, ::operator new[](100));
        once(p, [](void *block) { ::operator delete[](block); });
        MAKE(p, ::operator new(100, std::nothrow));
        once(p, [](void *block) { ::operator delete (block, std::size_t{100}); });
        MAKE(p, ::operator new[](100, std::nothrow));
        once(p, [](void *block) { ::operator delete[](block, std::size_t{100}); });
        MAKE(p, ::operator new[](100));
        once(p, [](void *block) { ::operator delete(block, std::nothrow); });
    }
    CHECK_EQ(news, head ? 15 : 0);
    CHECK_EQ(totals_now().foreign_frees, 0);
    CHECK_EQ(totals_now().invalid_frees, 0);
    return 0;
}
