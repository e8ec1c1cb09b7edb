# SPDX-License-Identifier: MIT
#
# No line of the tests only looks as if it could fail one; and the check that says so can
# also say no.

setup() {
    check=$HT_SOURCE/scripts/check-asserts.sh
    tree=$BATS_TEST_TMPDIR
    mkdir -p "$tree/tests/x"
}

# A test of these lines, the first of which is line 2.
write_test() {
    printf '@test "a" {\n%b\n}\n' "$1" >"$tree/tests/x/a.bats"
    run "$check" "$tree"
    echo "$output"
}

# names LINES LINE: the check names this line alone
names() {
    write_test "$1"
    [ "$status" -eq 1 ]
    [ "$(wc -l <<<"$output")" -eq 1 ]
    [[ $output == "tests/x/a.bats:$2: "* ]]
}

fits() {
    write_test "$1"
    [ "$status" -eq 0 ]
}

@test "each line of the tests can fail one" {
    run "$check"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "an && list is named, unless it is the last line, or chooses a way" {
    names '    [ a = a ] && [ b = b ]\n    true' 2
    names '    true\n    for i in 1 2; do\n        grep -q a b && cmp b c\n    done' 4
    names '    grep -q a b &&\n        cmp b c\n    true' 3
    fits '    true\n    [ a = a ] && [ b = b ]'
    fits '    [ a = b ] && skip "not here"\n    [ a = b ] && break\n    [ a = b ] && [ a = b ] || false\n    true'
    fits '    if [ a = a ] && [ b = b ]; then true; fi\n    [[ a == a && b == b ]]\n    true'
}

@test "a failing ! is named, unless it says || false" {
    names '    ! grep -q a b\n    true' 2
    fits '    ! grep -q a b || false\n    true'
    fits '    [ ! -e a ]\n    true'
}

@test "a run that nothing looks at is named" {
    names '    run ls\n    true' 2
    names '    run ls a\n    echo "$output"\n    run ls b\n    [ "$status" -eq 0 ]' 2
    fits '    run ls\n    echo "$output"\n    [ "$status" -eq 0 ]'
}

@test "what is quoted, or in a document, is no command" {
    fits "    awk 'on && /a/ {\n        on && off\n    }' b\n    grep 'a && b' c\n    true"
    fits '    cat >a <<-END\n\ta && b\n\tEND\n    true'
    names '    cat >a <<-END\n\ta\n\tEND\n    [ a = a ] && [ b = b ]\n    true' 5
}
