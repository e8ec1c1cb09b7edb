/* SPDX-License-Identifier: MIT
 *
 * Functions with the names that other languages' compilers and libcs give. Each calls
 * something, and symbols.bats looks the call up.
 */
#include <stdio.h>

#define NAMED(function, symbol)          \
    void function(void) __asm__(symbol); \
    void function(void)                  \
    {                                    \
        puts(symbol);                    \
        puts("");                        \
    }

NAMED(rust_legacy, "_ZN8my_crate4grow17h5f2a9c1e0b7d3486E")
NAMED(rust_v0, "_RNvCs1234_7mycrate3foo")
NAMED(cxx, "_ZN4shop5shelf4fillEi")

/* As glibc names strdup. */
NAMED(hidden, "__GI___copy_text")
void public_name(void) __asm__("copy_text") __attribute__((alias("__GI___copy_text")));
void reserved_name(void) __asm__("__copy_text") __attribute__((weak, alias("__GI___copy_text")));

int main(void)
{
    rust_legacy();
    rust_v0();
    cxx();
    hidden();
    return 0;
}
