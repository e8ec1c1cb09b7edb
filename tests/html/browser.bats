#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The page in Chromium: no error, no request, no script but its own; every control works.

load helpers

@test "every control of the page works" {
    page phases.html "$HT_BUILD/tests/html/phases"
    browser controls phases.html
}

@test "the sizes of blocks, of all and of a site, are the document's" {
    "$tool" run --quiet --sizes -o sizes.ht -- "$HT_BUILD/tests/tool/known_sizes" >/dev/null
    "$tool" report --format=html -o sizes.html sizes.ht
    browser sizes sizes.html
}

@test "the page can be used with the keyboard alone" {
    page phases.html "$HT_BUILD/tests/html/phases"
    browser keyboard phases.html
}

@test "axe finds nothing, light, dark and on a phone; a phone needs no scrolling sideways" {
    page phases.html "$HT_BUILD/tests/html/phases"
    browser looks phases.html
}

@test "names that are markup, 10,000 characters or no UTF-8 are only text" {
    need cc gcc
    need objcopy binutils
    cat >names.c <<'END'
#include <stdlib.h>
void *name_1(size_t n) { return malloc(n + 1); }
void *name_2(size_t n) { return malloc(n + 2); }
void *name_3(size_t n) { return malloc(n + 3); }
void *name_4(size_t n) { return malloc(n + 4); }
void *name_5(size_t n) { return malloc(n + 5); }
void *name_6(size_t n) { return malloc(n + 6); }
int main(void)
{
    return !name_1(1) + !name_2(2) + !name_3(3) + !name_4(4) + !name_5(5) + !name_6(6);
}
END
    {
        printf 'name_1 </script><script>window.hacked=1</script>\n'
        printf 'name_2 "><img/src=x/onerror=window.hacked=2>\n'
        printf "name_3 '\"\`\${window.hacked=3}<!--<b>&lt;\\\\\n"
        printf 'name_4 u\xe2\x80\xa8window.hacked=4//\xe2\x80\xa9\n'
        printf 'name_5 bad\xff\xfe\xc0\xafutf8\n'
        printf 'name_6 long'
        head -c 10000 /dev/zero | tr '\0' x
        echo
    } >names.txt
    cc -O0 -fno-builtin -c names.c
    objcopy --redefine-syms=names.txt names.o
    dir='<b>"&amp;'"'</script>"
    mkdir -p "$dir"
    cc names.o -o "$dir/program"
    page names.html "$dir/program" '</script><script>window.hacked=5</script>' $'bad\xff' '<!--'
    browser hostile names.html
}

@test "100,000 sites open, and how long that takes" {
    page many.html "$HT_BUILD/tests/html/many_sites" 100000
    browser large many.html >&3
}

@test "diff --format=html shows what came, went, grew and shrank" {
    two_versions
    "$tool" diff --format=html -o diff.html old.ht new.ht
    browser changes diff.html
}

@test "a document of kind diff shows each run's widths" {
    page phases.html "$HT_BUILD/tests/html/phases"
    browser diff phases.html
}

@test "what is not in the document is not on the page, and what is, is" {
    page phases.html "$HT_BUILD/tests/html/phases"
    browser optional phases.html
}
