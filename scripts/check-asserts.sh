#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check-asserts.sh [ROOT]: names, as FILE:LINE, each line of the tests that looks as if it
# could fail a test and cannot. Bash stops (set -e, which bats sets) at neither of
#   [ a ] && [ b ]    where it is `a` that fails: give them two lines
#   ! command         give it `|| false`, or use `run`
#   run command       where nothing looks at $status or $output afterwards
# unless the result is that of a function, whose last line it is. Exit 1 if any.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

files=$(find tests -type f \( -name '*.bats' -o -name '*.bash' -o -name '*.sh' \) 2>/dev/null | sort)
[ -n "$files" ] || { echo "check-asserts.sh: no tests below $PWD" >&2; exit 2; }

# shellcheck disable=SC2086 # no test has a space in its name
awk '
function bad(line, what) {
    printf "%s:%d: %s\n", FILENAME, line, what
    breaks++
}

# The text without what is quoted; the quote goes on in the next line where none ends it.
function unquoted(text,    i, c, out) {
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "\\" && quote != "\047")
            i++
        else if (quote == "" && (c == "\047" || c == "\""))
            quote = c
        else if (c == quote)
            quote = ""
        else if (quote == "")
            out = out c
    }
    return out
}

function check_list(command,    last) {
    if (command ~ /^[ \t]*(if|elif|while|until|\}|\() / || command ~ /\|\|/)
        return
    gsub(/\[\[[^]]*\]\]/, "[[ ]]", command)
    last = command
    sub(/^.*&&/, "", last)
    if (last != command && last !~ /^ *(skip|break|continue|return|exit)( |;|$)/) {
        held = FNR
        held_what = "only the last of an && list can fail a test: give each a line"
    }
    if (command ~ /^[ \t]*! /) {
        held = FNR
        held_what = "a failing ! does not fail a test: add || false"
    }
}

function end_of_run() {
    if (run_line)
        bad(run_line, "nothing looks at what this run gave")
    run_line = 0
}

FNR == 1 {
    quote = end = ""
    joined = held = run_line = is_test = 0
}

# A document is no command.
end != "" {
    text = $0
    sub(/^\t+/, "", text)
    if (text == end)
        end = ""
    next
}

quote == "" && /^[ \t]*#/ { next }

{
    was_quoted = quote != ""
    bare = unquoted($0)
    if (was_quoted)
        bare = "quoted " bare
    command = joined ? command bare : bare
    # held is sound where the function ends.
    if (held && bare !~ /^\}/)
        bad(held, held_what)
    held = 0
    joined = bare ~ /(\\|&&|\|\||\|)[ \t]*$/
    if (!joined && quote == "")
        check_list(command)
}

/<<-?\047?[A-Z]+\047?/ && quote == "" {
    end = $0
    sub(/.*<<-?\047?/, "", end)
    sub(/[^A-Z].*/, "", end)
}

/^@test / { is_test = 1 }
/^\}/ {
    end_of_run()
    is_test = 0
}
is_test && /^[ \t]+run / {
    end_of_run()
    run_line = FNR
}
run_line && /\$\{?(status|output|lines|stderr)/ && !/^[ \t]*echo "\$output"$/ { run_line = 0 }

END { exit breaks > 0 }
' $files
