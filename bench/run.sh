#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh: what tracking costs, as ratios to the bare program. Every workload is run
# bare, then under each configuration, round after round (A B C A B C ...), so that a
# machine that gets slower does so for all; the figures are medians over the rounds.
#
#   BUILD=DIR            where the project was built (build)
#   OUT=DIR              where the results go (BUILD/bench)
#   QUICK=1              fewer rounds of shorter workloads
#   ROUNDS=N             rounds
#   SCALE=PERCENT        length of the workloads
#   WORKLOADS="a b"      only these          CONFIGURATIONS="a b"    only these, and bare
#
# Prints tables of CPU and wall time; writes OUT/results.json and, one line a run,
# OUT/samples.tsv. What cannot be measured is named, with the reason, in both.
# Exit status 1 when a run failed or was not tracked. No figure makes it fail.
set -euo pipefail
set -f # a command in the tables may look like a pattern
cd "$(dirname "$0")/.."

BUILD=$(realpath "${BUILD:-build}")
if [ "${QUICK:-}" = 1 ]; then
    rounds=${ROUNDS:-3} scale=${SCALE:-25}
else
    rounds=${ROUNDS:-7} scale=${SCALE:-100}
fi
programs=$BUILD/bench
out=${OUT:-$programs}
mkdir -p "$out"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
samples=$out/samples.tsv
failed=0
skipped=()

# shellcheck source=bench/tables.sh
. bench/tables.sh

skip() {
    echo "skipped: $1: $2" >&2
    skipped+=("$1|$2")
}

fail() {
    echo "FAILED: $1" >&2
    failed=1
}

wanted() { # NAME LIST: is it in the list, or the list empty?
    [ -z "$2" ] || [[ " $2 " == *" $1 "* ]]
}

# Runs workload $1 in configuration $2 once; one line on standard output, as of bench_runner.
run_once() {
    local workload=$1 configuration=$2 variable
    local environment=() input=()
    local program=${configuration_program[$configuration]}

    rm -rf "$tmp/run"
    mkdir "$tmp/run"
    # Settings hold no spaces but between them; @RUN@ is a folder of this run alone.
    for variable in ${configuration_environment[$configuration]//@RUN@/$tmp/run}; do
        environment+=(-e "$variable")
    done
    [ -z "${workload_input[$workload]:-}" ] || input=(-i "$tmp/${workload_input[$workload]}")
    local command=${workload_command[$workload]//@WORKLOADS@/$program}
    # shellcheck disable=SC2086 # a command's words
    "$programs/bench_runner" "${environment[@]}" "${input[@]}" -- ${command//@TMP@/$tmp}
}

# One sample: measured, checked, written down.
sample() {
    local workload=$1 configuration=$2 round=$3 line
    local evidence=${configuration_evidence[$configuration]:-}

    if ! line=$(run_once "$workload" "$configuration" 2>"$tmp/errors") || [ "${line##* }" != 0 ]; then
        fail "$workload, $configuration: status ${line##* }: $(head -n 1 "$tmp/errors")"
        return 1
    fi
    # An untracked run must never pass for a fast one.
    if [ -n "$evidence" ] && ! compgen -G "${evidence//@RUN@/$tmp/run}" >/dev/null; then
        fail "$workload, $configuration: was not tracked: $(head -n 1 "$tmp/errors")"
        return 1
    fi
    printf '%s\t%s\t%s\t%s\n' "$workload" "$configuration" "$round" "${line// /$'\t'}" >>"$samples"
}

measure() { # WORKLOAD
    local workload=$1 configuration round chosen=()
    for configuration in "${configurations_here[@]}"; do
        # A configuration with a program of its own is linked, not preloaded.
        [[ ${configuration_program[$configuration]} == "$plain_program" || ${workload_command[$workload]} == *@WORKLOADS@* ]] || continue
        chosen+=("$configuration")
    done
    echo "measuring: $workload" >&2
    run_once "$workload" bare >"$tmp/warm-up" 2>&1 || true # the first run reads files
    for ((round = 1; round <= rounds; round++)); do
        for configuration in "${chosen[@]}"; do
            ((round <= ${configuration_rounds[$configuration]:-$rounds})) || continue
            sample "$workload" "$configuration" "$round" || return 0
        done
    done
}

[ -x "$programs/bench_runner" ] || { echo "run.sh: $programs/bench_runner is missing: run make first" >&2; exit 1; }
: >"$samples"

configurations_here=()
for configuration in "${configurations[@]}"; do
    [ "$configuration" = bare ] || wanted "$configuration" "${CONFIGURATIONS:-}" || continue
    need=${configuration_need[$configuration]:-}
    if [ -n "$need" ] && [ ! -e "${need%%|*}" ]; then
        skip "$configuration" "${need#*|}"
    else
        configurations_here+=("$configuration")
    fi
done

workloads_here=()
for workload in "${workloads[@]}"; do
    wanted "$workload" "${WORKLOADS:-}" || continue
    need=${workload_need[$workload]:-}
    if [ -n "$need" ] && ! command -v "${need%%|*}" >/dev/null; then
        skip "$workload" "${need#*|}"
        continue
    fi
    workloads_here+=("$workload")
done

make_inputs
for workload in "${workloads_here[@]}"; do
    measure "$workload"
done

processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
{
    printf 'date\t%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    printf 'processor\t%s\n' "${processor:-unknown}"
    printf 'processors\t%s\n' "$(nproc)"
    printf 'kernel\t%s\n' "$(uname -sr)"
    printf 'machine\t%s\n' "$(uname -m)"
    printf 'rounds\t%s\n' "$rounds"
    printf 'scale\t%s\n' "$scale"
    printf 'workloads\t%s\n' "${workloads_here[*]}"
    printf 'configurations\t%s\n' "${configurations_here[*]}"
    for workload in "${workloads_here[@]}"; do
        printf 'calls %s\t%s\n' "$workload" "${workload_calls[$workload]:-}"
    done
    for line in "${skipped[@]}"; do
        printf 'skipped %s\t%s\n' "${line%%|*}" "${line#*|}"
    done
} >"$tmp/facts"

awk -v json="$out/results.json" -f bench/summary.awk "$tmp/facts" "$samples"
echo "written: $out/results.json"
exit $failed
