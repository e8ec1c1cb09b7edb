#!/bin/bash
# SPDX-License-Identifier: MIT
#
# readme.sh run     runs the shell blocks of README.md, then those of docs/*.md, in order
#                   and in one shell, in a copy of what git would take. A block's first
#                   line says what it is:
#                     ```sh             commands, run as they stand
#                     ```LANGUAGE FILE  is written to FILE
#                     ```text           what a command printed, or its form: to be read
#                   Any other block is an error. Commands that a test must not run are
#                   listed in not_run below, and named in the output.
# readme.sh links   every file that they link to exists
# readme.sh names   every function, field and option that there is stands in README.md
set -euo pipefail
cd "$HT_SOURCE"

# Command prefix and reason.
not_run=(
    "make test|it runs this test"
    "make soak|it takes hours"
    "make bench|it measures, and takes minutes"
    "sudo |it needs root"
    "apt-get |it needs root"
)

fail() {
    echo "readme.sh: $*" >&2
    exit 1
}

reason_not_to_run() { # COMMAND LINE
    local rule
    for rule in "${not_run[@]}"; do
        case $1 in "${rule%%|*}"*) echo "${rule#*|}"; return 0 ;; esac
    done
    return 1
}

# Prints one shell script that does what a reader would do.
script_of() { # FILE NAME
    local line kind='' reason
    while IFS= read -r line; do
        case $kind:$line in
        :'```sh') kind='sh' ;;
        :'```text') kind='text' ;;
        :'```'[a-z]*' '*)
            kind='file'
            # shellcheck disable=SC2016 # the script that is printed expands it
            printf 'mkdir -p "$(dirname %q)"\ncat >%q <<\\README_END\n' "${line#* }" "${line#* }"
            ;;
        :'```'*) fail "$2: what is this block? '$line'" ;;
        sh:'```' | text:'```') kind='' ;;
        file:'```') kind=''; echo README_END ;;
        file:*) printf '%s\n' "$line" ;;
        sh:*)
            if reason=$(reason_not_to_run "$line"); then
                printf 'echo %q\n' "not run here, for $reason: $line"
            else
                # The command is shown, then run.
                printf 'echo %q\n%s\n' "$2: $line" "$line"
            fi
            ;;
        esac
    done <"$1"
    [ -z "$kind" ] || fail "$2: a block is not closed"
}

# Lines that end in \ are one command, shown and judged as one.
joined() {
    awk '{ while (/\\$/ && (getline next_line) > 0) $0 = substr($0, 1, length($0) - 1) next_line; print }'
}

run() {
    local copy
    copy=$(mktemp -d)
    # shellcheck disable=SC2064 # the name as it is now
    trap "rm -rf '$copy'" EXIT
    git rev-parse --is-inside-work-tree >/dev/null 2>&1 || { echo "SKIP: not a git checkout"; exit 77; }
    git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
        [ ! -e "$file" ] || printf '%s\0' "$file"
    done | tar --null -T - -cf - | tar -C "$copy" -xf -

    local file
    for file in README.md docs/*.md; do
        # Joining would spoil a file's block, which may end lines in \ for its own reasons.
        if awk '/^```/ { file = !inside && / /; inside = !inside } file && /\\$/ { found = 1 } END { exit !found }' "$file"; then
            fail "a file in $file has a line that ends in a backslash"
        fi
        joined <"$file" >"$copy/joined"
        script_of "$copy/joined" "$file"
    done >"$copy/README.commands"
    rm "$copy/joined"
    grep -q '^make run$' "$copy/README.commands" || fail "README.md does not say 'make run'"
    cd "$copy"
    # As a reader's shell has it; and no deeper make takes ours for its parent.
    env -u HT_BUILD -u HT_SOURCE -u MAKEFLAGS -u MAKELEVEL -u BUILD -u PREFIX bash -euo pipefail README.commands
}

links() {
    local file target missing=0 count=0
    for file in README.md docs/*.md; do
        while IFS= read -r target; do
            count=$((count + 1))
            [ -e "$(dirname "$file")/${target%%#*}" ] || { echo "$file links to $target, which is not there" >&2; missing=1; }
        done < <(grep -oE '\]\([^)]+\)' "$file" | sed 's/^](//; s/)$//' | grep -v '^[a-z]*://')
    done
    [ "$count" -gt 0 ] || fail "there are no links"
    exit $missing
}

names() {
    local name missing=0 tool=$HT_BUILD/bin/heaptracker names
    # Fields of struct ht_totals, functions of both headers, options of the library.
    names=$(
        sed -n '/^struct ht_totals {/,/^};/s/^ *u*int64_t \([a-z_]*\);.*/\1/p' include/heaptracker.h
        sed -n 's/^static inline .*[ *]\(ht_[a-z_]*[a-z]\)(.*/\1(/p' include/heaptracker.h
        sed -n 's/^[a-z].*[ *]\([a-z_]*\)(.*);$/\1(/p' include/heap_tracker_lib.h
        grep -oE '\{"[a-z_]+", set_' src/entry/options.c | sed 's/{"\([a-z_]*\)".*/\1=/'
    )
    [ "$(wc -l <<<"$names")" -ge 36 ] || fail "too few names were found in the sources: $names"
    if [ -x "$tool" ]; then
        names+=$'\n'$("$tool" run --help | grep -oE -- '--[a-z][a-z-]+=' | sort -u)
    fi
    while IFS= read -r name; do
        grep -qF -- "$name" README.md || { echo "README.md does not have: $name" >&2; missing=1; }
    done <<<"$names"
    exit $missing
}

case ${1:-} in
run) run ;;
links) links ;;
names) names ;;
*) fail "usage: readme.sh run|links|names" ;;
esac
