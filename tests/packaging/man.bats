# SPDX-License-Identifier: MIT
#
# The man pages: no mistakes in their markup, and the same options as --help.

setup() {
    tool=$HT_BUILD/bin/heaptracker
    pages=$HT_SOURCE/docs/man
    [ -x "$tool" ] || skip "the tool is not built (apt-get install libjansson-dev libdw-dev libxxhash-dev)"
    cd "$BATS_TEST_TMPDIR"
}

# The commands that --help lists and that have options.
commands() {
    "$tool" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | grep -vx -e help -e version
}

@test "a page for each command, and none for others" {
    commands | sed 's/.*/heaptracker-&.1/' >expected
    echo heaptracker.1 >>expected
    [ "$(wc -l <expected)" -gt 4 ]
    diff <(sort expected) <(ls "$pages")
    for command in $(commands); do
        grep -qx ".It Cm $command" "$pages/heaptracker.1"
    done
}

@test "a page names the options of --help, and no others" {
    for command in $(commands); do
        "$tool" "$command" --help | sed -nE 's/^ +(-[a-z], )?--([a-z-]+).*/\2/p' | sort >options
        [ "$(wc -l <options)" -gt 2 ]
        sed -nE 's/^\.It Fl (. .*, Fl )?Fl ([a-z-]+).*/\2/p' "$pages/heaptracker-$command.1" | sort >named
        diff options named
    done
}

@test "mandoc finds nothing wrong in the pages" {
    command -v mandoc >/dev/null || skip "mandoc is missing (apt-get install mandoc)"
    mandoc -T lint -W warning "$pages"/*.1
}

@test "man shows the installed pages" {
    command -v man >/dev/null || skip "man is missing (apt-get install man-db)"
    cmake --install "$HT_BUILD" --prefix "$BATS_TEST_TMPDIR/prefix" >/dev/null
    for page in "$pages"/*.1; do
        page=${page##*/}
        LC_ALL=C MANWIDTH=80 man --warnings -l "prefix/share/man/man1/$page" >shown 2>warnings
        cat warnings
        [ ! -s warnings ]
        grep -q "^NAME" shown
        grep -q "^EXIT STATUS" shown
    done
}
