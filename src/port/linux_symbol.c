/* SPDX-License-Identifier: MIT
 *
 * linux_symbol.c - port_symbol_for: the dependencies of the caller's own module are
 * searched, as for its own call. Apart from linux.c, since a static program that
 * contained dlsym would need its libc's shared parts.
 */
#include <dlfcn.h>
#include <link.h>

#include "port/port.h"

void *port_symbol_for(const void *caller, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
#if defined(__GLIBC__)
    Dl_info info;

    /* Opened anew, since a library that came as another's dependency has no search
     * list of its own before that. */
    if (found == NULL && dladdr(caller, &info) != 0 && info.dli_fname != NULL) {
        void *module = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);

        if (module != NULL) {
            found = dlsym(module, name);
            dlclose(module);
        }
    }
#else
    (void)caller; /* musl: every library is in the global scope once it is loaded */
#endif
    return found;
}
