// SPDX-License-Identifier: MIT
//
// Every form of operator new, under limit=1M: what is too much is bad_alloc, or NULL
// for the nothrow forms, and the new handler is asked first, as the language says.
#include <new>

#include "../programs/check.h"

namespace
{
const size_t too_much = 2 * 1024 * 1024;
int handler_calls;
void *reserve;

void give_reserve_back()
{
    handler_calls++;
    ::operator delete(reserve);
    reserve = nullptr;
    std::set_new_handler(nullptr);
}

template <typename Call> bool throws(Call call)
{
    try {
        ::operator delete(call());
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}
} // namespace

int main()
{
    const std::align_val_t wide{256};

    CHECK(ht_active());
    ::operator delete(::operator new(10)); // who counts is learned from the first
    CHECK(throws([] { return ::operator new(too_much); }));
    CHECK(throws([] { return ::operator new[](too_much); }));
    CHECK(throws([&] { return ::operator new(too_much, wide); }));
    CHECK(::operator new(too_much, std::nothrow) == nullptr);
    CHECK(::operator new[](too_much, std::nothrow) == nullptr);
    CHECK(::operator new(too_much, wide, std::nothrow) == nullptr);
    CHECK(!throws([] { return ::operator new(1000); }));

    // 300 KiB are free; 600 are when the handler has given its reserve back.
    int64_t live = ht_live_bytes();
    void *most = ::operator new(1024 * 1024 - size_t(live) - 600 * 1024);
    reserve = ::operator new(300 * 1024);
    std::set_new_handler(give_reserve_back);
    bool failed = throws([] { return ::operator new(400 * 1024); });
#ifdef BINDING_PRELOAD
    CHECK(!failed);
#else
    // Here the real operator is asked for more than there is, and ends by itself.
    CHECK(failed || reserve == nullptr);
#endif
    CHECK_EQ(handler_calls, 1);
    ::operator delete(most);
    return 0;
}
