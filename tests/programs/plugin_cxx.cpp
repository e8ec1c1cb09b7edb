/* SPDX-License-Identifier: MIT
 *
 * As plugin.c, in C++: static objects, and a block of operator new.
 */
#include <map>
#include <string>

extern "C" void *plugin_make(std::size_t size);

static std::map<int, std::string> names = {{1, std::string(100, 'a')}, {2, std::string(200, 'b')}};

void *plugin_make(std::size_t size)
{
    names[3].assign(300, 'c');
    return ::operator new(size);
}
