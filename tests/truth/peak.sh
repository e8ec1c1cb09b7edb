#!/bin/bash
# SPDX-License-Identifier: MIT
#
# peak.sh sites|names|total [--own] [--input FILE] COMMAND [ARG...]
# Runs COMMAND twice, under the tracker and under Valgrind's DHAT, and compares what
# was live at the peak of the program:
#   sites   the bytes and blocks of every stack, as a list in order of size
#   names   the same, each with the names of its functions up to main
#   total   the sum only, for programs with realloc (DHAT leaves the block at its
#           first site) or malloc(0) (a byte for DHAT)
# sites and names refuse a program that calls realloc.
# Exit status: 0 equal, 1 not, 77 something is missing.
set -u

how=$1 own='' input=/dev/null
shift
while [[ ${1-} == --* ]]; do
    case $1 in
    --own) own=$HT_BUILD/tests/truth/ ;;
    --input) input=$2; shift ;;
    *) exit 2 ;;
    esac
    shift
done
command=$own$1
shift
PATH=/usr/bin:/bin

for need in valgrind jq "$command" "${HT_BUILD:?}/bin/heaptracker"; do
    command -v "$need" >/dev/null || { echo "SKIP: $need is missing"; exit 77; }
done
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
mkdir states
unset HEAPTRACKER_OPTIONS DEBUGINFOD_URLS LD_PRELOAD
export PYTHONHASHSEED=0 PERL_HASH_SEED=0 # as different runs have different ones

fail() {
    echo "FAIL: $1"
    exit 1
}

"$HT_BUILD/bin/heaptracker" run --quiet --state-dir=states -o ours.ht -- "$command" "$@" <"$input" >ours.out ||
    fail "$command: exit status $?"
"$HT_BUILD/bin/heaptracker" report --format=json ours.ht >ours.json || fail "report: exit status $?"
valgrind -q --tool=dhat --num-callers=64 --dhat-out-file=dhat.json "$command" "$@" <"$input" >dhat.out 2>dhat.err ||
    fail "valgrind: $(<dhat.err)"
cmp -s ours.out dhat.out || fail "the two runs had different output"
[ "$how" = total ] || [ "$(jq .totals.reallocs ours.json)" -eq 0 ] || fail "the program calls realloc"

# One line for each stack: bytes, blocks, and with names the way from main inwards.
# Innermost frames are allocation functions in DHAT's list, and the program's in ours.
ours='.sites[] | select(.peak_bytes > 0 or .peak_blocks > 0) | [.peak_bytes, .peak_blocks,
    ([.stack[] | select(.inlined | not) | .function | sub("^__GI___"; "")] | until(length == 0 or .[-1] == "main"; .[:-1]) | join("<"))]'
dhat='.ftbl as $names | .pps[] | select(.gb > 0) | [.gb, .gbk,
    ([.fs[] | $names[.] | sub("^0x[0-9A-F]+: "; "") | sub(" \\(.*"; "")]
     | until(length == 0 or .[-1] == "main"; .[:-1]) | .[1:] | join("<"))]'
merge='group_by(.[2]) | map([(map(.[0]) | add), (map(.[1]) | add), .[0][2]])'
case $how in
names) last="$merge | .[]" ;;
sites) last='.[] | .[:2]' ;;
total) last='[(map(.[0]) | add), 0]' ;;
esac
jq -c "[$ours] | $last" ours.json | sort >ours.list
jq -c "[$dhat] | $last" dhat.json | sort >dhat.list
sum=$(jq '[.sites[].peak_bytes] | add' ours.json)
peak=$(jq .totals.peak_bytes ours.json)
[ "$sum" -eq "$peak" ] || fail "the sites' sum is $sum, the peak $peak"
[ -s ours.list ] || fail "no site"

if [ "$how" = total ]; then
    # Blocks of size 0 that were live then are at least no more than those at the sites.
    difference=$(($(jq '[.pps[].gb] | add' dhat.json) - peak))
    empty=$(jq '[.sites[] | select(.peak_bytes == 0) | .peak_blocks] | add // 0' ours.json)
    echo "${command##*/}: peak $peak bytes; DHAT says $difference more, for $empty blocks of no bytes"
    [ "$difference" -eq "$empty" ] || fail "the peaks differ"
    exit 0
fi
if ! diff ours.list dhat.list >difference; then
    head -n 20 difference
    fail "${command##*/}: < ours, > DHAT's"
fi
echo "${command##*/}: $peak bytes at the peak, in $(wc -l <ours.list) stacks, all equal"
