/* SPDX-License-Identifier: MIT */
#include "model/loader.h"

#include "base/base.h"
#include "util.h"

/* The begins of the names that glibc gives them (shlib-versions of each architecture), and
 * of the file behind the link before 2.34: ld-2.31.so. */
static const char *const of_glibc[] = {"ld-linux", "ld-2", "ld64.so", "ld.so"};
static const char *const of_musl[] = {"ld-musl"};

enum loader loader_of(const char *path)
{
    const char *name = path_base(path);

    return begins_with(name, of_glibc, HT_ARRAY_LENGTH(of_glibc)) ? LOADER_GLIBC
           : begins_with(name, of_musl, HT_ARRAY_LENGTH(of_musl)) ? LOADER_MUSL
                                                                  : LOADER_NONE;
}
