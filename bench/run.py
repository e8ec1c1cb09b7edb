#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What tracking costs, beside every peer, as ratios to the bare program.

  BUILD=DIR            where the project was built (build)
  OUT=DIR              where results.json, results.md and results.svg go (BUILD/bench)
  QUICK=1              fewer rounds of fewer and shorter workloads
  DOCS=1, DOCS=0       renew docs/results.md and docs/results.svg, or not; else: where all is measured
  ROUNDS=N SCALE=PERCENT   rounds; length of the workloads
  MORE=N               rounds more, at most, of what goals rest on, until it is well known (25; QUICK=1: 0)
  WORKLOADS="a b" CONFIGURATIONS="a b"   only these (and bare)
  MIMALLOC_BENCH=DIR   also the originals, from a built checkout of mimalloc-bench

What is not installed is skipped by name. Exit status 1 when a run failed or was not
tracked; no figure makes it fail.
"""
import os
import sys
import tempfile

import configurations as tools
import instructions
import results
import workloads as table
from measure import Bench
from summary import goals


def chosen(entries, names, bench, always=()):
    here = []
    for entry in entries:
        if names and entry.name not in names and entry.name not in always:
            continue
        reason = entry.missing()
        if reason:
            bench.skip(entry.name, reason)
        else:
            here.append(entry)
    return here


def main():
    setting = os.environ.get
    quick = setting("QUICK") == "1"
    source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    build = os.path.abspath(setting("BUILD") or os.path.join(source, "build"))
    out = os.path.abspath(setting("OUT") or os.path.join(build, "bench"))
    scale = int(setting("SCALE") or (6 if quick else 100))
    only = set((setting("WORKLOADS") or "").split())
    if not os.access(os.path.join(build, "bench", "bench_runner"), os.X_OK):
        sys.exit(f"run.py: {build}/bench/bench_runner is missing: run make first")
    os.makedirs(out, exist_ok=True)

    with tempfile.TemporaryDirectory() as tmp:
        bench = Bench(build, tmp, int(setting("ROUNDS") or (3 if quick else 5)), int(setting("MORE") or (0 if quick else 25)),
                      20 if quick else 300, quick)
        here = chosen(tools.configurations(build), set((setting("CONFIGURATIONS") or "").split()), bench, ("bare",))
        rows = table.own_workloads(scale) + table.real_workloads()
        if setting("MIMALLOC_BENCH"):
            rows += table.original_workloads(os.path.abspath(setting("MIMALLOC_BENCH")))
        if quick and not only:
            rows = [w for w in rows if w.quick]
        rows = chosen(rows, only, bench)
        table.make_inputs(tmp, scale)
        for workload in rows:
            bench.measure(workload, here)

        # 3.07 million allocations for each 100,000 steps: 91 million at SCALE=100.
        if not only or "report" in only:
            report = table.Workload("report", ["@WORKLOADS@", "factor", str(29700 * scale)], kind="report")
            for configuration in here:
                if configuration.report and configuration.kind in ("tool", "fast"):
                    bench.measure_report(report, configuration)

        paths = []
        if not only or "paths" in only:
            reason = instructions.missing(build)
            if reason:
                bench.skip("paths", reason)
            else:
                paths = instructions.tables(build, bench.rounds)

        facts = results.facts(source, build, bench, scale)
        reached = goals(bench.samples, bench.reports, rows)
        results.print_tables(bench, rows, here, facts, reached, paths)
        results.write(out, bench, rows, here, facts, reached, paths)
        everything = not quick and not only and not setting("CONFIGURATIONS")
        if (setting("DOCS") or ("1" if everything else "0")) == "1":
            results.write_page(os.path.join(source, "docs"), bench, rows, here, facts, reached, paths)
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
