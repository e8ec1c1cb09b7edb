/* SPDX-License-Identifier: MIT
 *
 * For late_operators.c: operators of its own, which give blocks of a pool. PAD: code before
 * them, so that they lie elsewhere than those of another.
 */
#include <cstddef>

#ifdef PAD
__asm__(".text\n.skip 12288, 0x90\n");
#endif

static char pool[1 << 16];
static std::size_t used;

void *operator new(std::size_t size)
{
    void *block = pool + used;
    used += (size + 15) / 16 * 16;
    return block;
}

void operator delete(void *) noexcept
{
}

void operator delete(void *, std::size_t) noexcept
{
}

extern "C" int plugin_runs(void);

int plugin_runs(void)
{
    struct whole {
        int parts[10];
    } *volatile block = new whole;
    const char *at = reinterpret_cast<char *>(block);
    const bool own = at >= pool && at < pool + sizeof pool;
    delete block;
    return own;
}
