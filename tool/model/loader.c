/* SPDX-License-Identifier: MIT */
#include "model/loader.h"

#include <string.h>

#include "base/base.h"
#include "util.h"

/* The begins of the names that glibc gives them (shlib-versions of each architecture), and
 * of the file behind the link before 2.34: ld-2.31.so. */
static const char *const of_glibc[] = {"ld-linux", "ld-2", "ld64.so", "ld.so"};
static const char *const of_musl[] = {"ld-musl"};

bool is_library_file(const char *path, const char *const *list, size_t count)
{
    const char *name = path_base(path);

    return strstr(name, ".so") != NULL && begins_with(name, list, count);
}

enum loader loader_of(const char *path)
{
    return is_library_file(path, of_glibc, HT_ARRAY_LENGTH(of_glibc)) ? LOADER_GLIBC
           : is_library_file(path, of_musl, HT_ARRAY_LENGTH(of_musl)) ? LOADER_MUSL
                                                                      : LOADER_NONE;
}
