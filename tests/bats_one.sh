#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bats_one.sh BATS FILE NAME: runs the one test NAME of FILE. Exit status 77 when it
# was skipped, so that ctest lists it as such.
set -u
bats=$1 file=$2 name=$3

# The filter is a regular expression; the name is plain text.
pattern=$(printf '%s' "$name" | sed 's/[][\.*^$+?(){}|]/\\&/g')
output=$("$bats" --tap --filter "^${pattern}\$" "$file" 2>&1 </dev/null)
status=$?
printf '%s\n' "$output"

[ $status -eq 0 ] || exit $status
if ! grep -q '^1\.\.1$' <<<"$output"; then
    echo "bats_one.sh: not exactly one test has this name: $name"
    exit 1
fi
if grep -q '^ok 1 .* # skip' <<<"$output"; then
    exit 77
fi
