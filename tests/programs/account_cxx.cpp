/* SPDX-License-Identifier: MIT
 *
 * The accounting table for C++: every form of operator new and delete is one malloc
 * or free of the size asked for, and exceptions pass through the tracker.
 */
#include <cstdint>
#include <new>
#include <stdexcept>
#include <vector>

#include "check.h"

static volatile std::size_t huge = PTRDIFF_MAX - 4096;

static void plain_forms()
{
    void *p;
    STEP(p = ::operator new(100), .allocs = 1, .bytes = 100, .live = 100);
    STEP(::operator delete(p), .frees = 1, .live = -100);
    STEP(p = ::operator new[](50), .allocs = 1, .bytes = 50, .live = 50);
    STEP(::operator delete[](p), .frees = 1, .live = -50);
    STEP(p = ::operator new(20), .allocs = 1, .bytes = 20, .live = 20);
    STEP(::operator delete (p, std::size_t{20}), .frees = 1, .live = -20);
    STEP(p = ::operator new[](30), .allocs = 1, .bytes = 30, .live = 30);
    STEP(::operator delete[](p, std::size_t{30}), .frees = 1, .live = -30);
#ifndef BINDING_STATIC // there the operator asks a hook for one byte
    STEP(p = ::operator new(0), .allocs = 1);
    STEP(::operator delete(p), .frees = 1);
    STEP(p = ::operator new[](0), .allocs = 1);
    STEP(::operator delete[](p), .frees = 1);
#endif
    STEP(::operator delete(nullptr), .frees = 0);
    STEP(::operator delete[](nullptr), .frees = 0);
}

/* The unwinder keeps tables that it makes at the first exception. */
static void first_throw()
{
    try {
        throw 1;
    } catch (int) {
    }
}

/* The nothrow forms catch bad_alloc inside the C++ library, which allocates and
 * frees the exception object: only what stays is checked. */
static void expect_failed(void *(*call)())
{
    const struct ht_totals before = totals_now();
    CHECK(call() == nullptr);
    const struct ht_totals after = totals_now();
    CHECK_EQ(after.failed_allocs - before.failed_allocs, 1);
    CHECK_EQ(after.live_bytes, before.live_bytes);
    CHECK_EQ(after.live_blocks, before.live_blocks);
    CHECK_EQ(after.foreign_frees, before.foreign_frees);
}

static void nothrow_forms()
{
    void *p;
    STEP(p = ::operator new(100, std::nothrow), .allocs = 1, .bytes = 100, .live = 100);
    STEP(::operator delete(p, std::nothrow), .frees = 1, .live = -100);
    STEP(p = ::operator new[](50, std::nothrow), .allocs = 1, .bytes = 50, .live = 50);
    STEP(::operator delete[](p, std::nothrow), .frees = 1, .live = -50);
    expect_failed(+[] { return ::operator new(huge, std::nothrow); });
    expect_failed(+[] { return ::operator new[](huge, std::nothrow); });
}

/* What was asked for counts, also where it is no multiple of the alignment; of a static libstdc++ the tracker sees what
 * that asks for. */
#ifdef BINDING_STATIC
constexpr int asked = 512;
#else
constexpr int asked = 500;
#endif

static void aligned_forms()
{
    constexpr std::align_val_t wide{256};
    void *p;
    STEP(p = ::operator new(asked, wide), .allocs = 1, .bytes = asked, .live = asked);
    CHECK_EQ(reinterpret_cast<std::uintptr_t>(p) % 256, 0);
    STEP(::operator delete(p, wide), .frees = 1, .live = -asked);
    STEP(p = ::operator new[](asked, wide), .allocs = 1, .bytes = asked, .live = asked);
    STEP(::operator delete[](p, wide), .frees = 1, .live = -asked);
    STEP(p = ::operator new(asked, wide), .allocs = 1, .bytes = asked, .live = asked);
    STEP(::operator delete(p, asked, wide), .frees = 1, .live = -asked);
    STEP(p = ::operator new[](asked, wide), .allocs = 1, .bytes = asked, .live = asked);
    STEP(::operator delete[](p, asked, wide), .frees = 1, .live = -asked);
    STEP(p = ::operator new(asked, wide, std::nothrow), .allocs = 1, .bytes = asked, .live = asked);
    STEP(::operator delete(p, wide, std::nothrow), .frees = 1, .live = -asked);
    STEP(p = ::operator new[](asked, wide, std::nothrow), .allocs = 1, .bytes = asked, .live = asked);
    STEP(::operator delete[](p, wide, std::nothrow), .frees = 1, .live = -asked);
    expect_failed(+[] { return ::operator new (huge, std::align_val_t{256}, std::nothrow); });
}

/* bad_alloc comes out of the tracker's frames, and live is as before. The
 * exception object is the C++ library's own allocation, where that is seen. */
static void exceptions()
{
    const struct ht_totals before = totals_now();
    int caught = 0;
    for (int i = 0; i < 3; i++) {
        try {
            void *volatile p = ::operator new(huge);
            (void)p;
        } catch (const std::bad_alloc &) {
            caught++;
        }
    }
    try {
        void *volatile p = ::operator new[](huge, std::align_val_t{64});
        (void)p;
    } catch (const std::bad_alloc &) {
        caught++;
    }
    CHECK_EQ(caught, 4);
    const struct ht_totals after = totals_now();
    CHECK_EQ(after.failed_allocs - before.failed_allocs, 4);
    CHECK_EQ(after.live_bytes, before.live_bytes);
    CHECK_EQ(after.foreign_frees, before.foreign_frees);

    /* A constructor that throws gives its memory back. */
    struct thrower {
        char room[1000];
        thrower()
        {
            throw std::runtime_error("no");
        }
    };
    try {
        delete new thrower;
        FAIL("not thrown");
    } catch (const std::runtime_error &) {
    }
    CHECK_EQ(totals_now().live_bytes, before.live_bytes);
}

static void *reserve;
static int handler_calls;

static void give_reserve()
{
    handler_calls++;
    if (!reserve)
        throw std::bad_alloc();
    ::operator delete(reserve);
    reserve = nullptr;
}

static void new_handler()
{
    const struct ht_totals before = totals_now();
    reserve = ::operator new(1000);
    std::set_new_handler(give_reserve);
    bool caught = false;
    try {
        void *volatile p = ::operator new(huge);
        (void)p;
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    std::set_new_handler(nullptr);
    CHECK(caught);
    CHECK_EQ(handler_calls, 2);
    CHECK_EQ(totals_now().live_bytes, before.live_bytes);
    CHECK_EQ(totals_now().foreign_frees, before.foreign_frees);
}

/* Not std::string: libstdc++.so has its code, whose calls --wrap does not reach. */
static void containers()
{
    const struct ht_totals before = totals_now();
    {
        std::vector<std::vector<char>> words;
        for (int i = 0; i < 1000; i++)
            words.emplace_back(std::size_t(i % 90), 'x');
        const auto grown = totals_now().live_bytes - before.live_bytes;
        CHECK(grown > 40000);
    }
    CHECK_EQ(totals_now().live_bytes, before.live_bytes);
    CHECK_EQ(totals_now().live_blocks, before.live_blocks);
    CHECK_EQ(totals_now().foreign_frees, before.foreign_frees);
}

int main()
{
    need_tracker();
    first_throw();
    plain_forms();
    nothrow_forms();
    aligned_forms();
    exceptions();
    new_handler();
    containers();
    CHECK_EQ(totals_now().invalid_frees, 0);
    return 0;
}
