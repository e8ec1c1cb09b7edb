# SPDX-License-Identifier: MIT
#
# The order of the layers holds; and the check that says so can also say no.

setup() {
    check=$HT_SOURCE/scripts/check-layers.sh
    tree=$BATS_TEST_TMPDIR
    mkdir -p "$tree"/src/{base,state,port,core,sink,entry} "$tree"/tool
    echo '#include <stdint.h>' >"$tree/src/base/base.h"
}

# breaks FILE TEXT LINE: the check of a tree with this FILE fails and names FILE:LINE.
breaks() {
    printf '%b\n' "$2" >"$tree/$1"
    run "$check" "$tree"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == "$1:$3: "* ]]
}

# fits FILE TEXT: the check of a tree with this FILE is content.
fits() {
    printf '%b\n' "$2" >"$tree/$1"
    run "$check" "$tree"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "the sources keep the order of the layers" {
    run "$check"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "an include of a layer above is fine" {
    fits src/entry/a.c '#include "core/c.h"\n#include "base/base.h"\n#include "heaptracker.h"\n#include <stdio.h>'
}

@test "an include of a layer below is named" {
    breaks src/core/a.c '#include "base/base.h"\n#include "entry/e.h"' 2
}

@test "an include that leaves its folder by dots is named" {
    breaks src/sink/a.c '#include "../base/base.h"' 1
}

@test "a hosted header in the core is named" {
    breaks src/core/a.c '#include <stddef.h>\n\n#include <stdio.h>' 3
}

@test "a call on strings in the core is named" {
    breaks src/core/a.c '#include <string.h>\nsize_t f(const char *s)\n{\n    return strlen(s);\n}' 4
}

@test "the tool may include the state file's layout, and no more of the library" {
    fits tool/a.c '#include "state/state.h"\n#include "model/load.h"\n#include <jansson.h>'
    breaks tool/a.c '#include "core/tracker.h"' 1
}

@test "a platform condition outside the port is named, on a continued line too" {
    breaks src/entry/a.c '#if defined(HT_PRELOAD) && \\\\\n    defined(__GLIBC__)\n#endif' 2
}

@test "a platform condition in the port is fine, and a comment is none" {
    fits src/port/a.c '#ifdef __linux__\n#endif'
    fits src/core/a.c '#if 1 /* not __linux__ */\n#endif'
}

@test "a folder that is in no layer is named" {
    mkdir "$tree/src/extra"
    breaks src/extra/a.c 'int a;' 1
}
