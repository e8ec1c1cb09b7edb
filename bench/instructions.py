#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What one pair of calls costs by each path: instructions, which callgrind counts and
which repeat, and nanoseconds, which do not.

  instructions.py show BUILD     prints both
  instructions.py check BUILD    0: no path takes more instructions than the stored ones and
                                 5 %; 1: one does, or the baseline has no such path;
                                 77: no baseline for this compiler and libc, or no callgrind
  instructions.py update BUILD   stores the counts of this build (make baseline)

Only what the tracker adds to the bare pair is held to the baseline, so that the libc's own
share does not hide a change.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from statistics import median

BASELINE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "baseline.json")
PAIRS = 2000
MORE_AT_MOST = 1.05
SKIP = 77


def settings(build, folder):
    """{configuration: (program, environment)}"""
    preload = os.path.join(build, "lib", "libheaptracker-preload.so")
    programs = os.path.join(build, "bench")
    # No point of the timeline: it comes when the clock says so.
    options = f"quiet=1:interval=86400000:state_dir={folder}"

    def ours(stacks):
        return "bench_paths", {"LD_PRELOAD": preload, "HEAPTRACKER_OPTIONS": f"stacks={stacks}:{options}"}

    found = {"bare": ("bench_paths", {}), "forward": ("bench_paths", {"LD_PRELOAD": os.path.join(programs, "bench_forward.so")}),
             "count": ours("none"), "caller": ours("caller"), "full": ours("full"),
             "parts": ("bench_parts", {"HEAPTRACKER_OPTIONS": f"stacks=full:{options}"})}
    return {name: (os.path.join(programs, program), environment) for name, (program, environment) in found.items()}


def missing(build):
    """Why nothing can be counted here, or None."""
    if not shutil.which("valgrind"):
        return "valgrind is missing (apt-get install valgrind)"
    with tempfile.TemporaryDirectory() as folder:
        for program, environment in settings(build, folder).values():
            for path in (program, environment.get("LD_PRELOAD")):
                if path and not os.path.exists(path):
                    return f"{path} was not built"
    return None


def count(build):
    """{path: {configuration: instructions of a pair}}; parts have the one of that name."""
    def one(name):
        with tempfile.TemporaryDirectory() as folder:
            program, environment = settings(build, folder)[name]
            command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", program, str(PAIRS)]
            ran = subprocess.run(command, env={"PATH": os.environ["PATH"], **environment}, capture_output=True, text=True)
            if ran.returncode != 0:
                sys.exit(f"instructions.py: {' '.join(command)}: status {ran.returncode}\n{ran.stderr}")
            if environment.get("HEAPTRACKER_OPTIONS") and not glob.glob(folder + "/*.ht"):
                sys.exit(f"instructions.py: {name}: the run was not tracked\n{ran.stderr}")
            counts = {}
            for file in glob.glob(folder + "/out*"):
                with open(file) as text:
                    dump = text.read()
                path = re.search(r"^desc: Trigger: Client Request: (\w+)$", dump, re.M)
                total = re.search(r"^(?:totals|summary): (\d+)", dump, re.M)
                if path and total:
                    counts[path.group(1)] = int(total.group(1)) / PAIRS
            if not counts:
                sys.exit("instructions.py: no dump of a path: built without <valgrind/callgrind.h>?")
            return name, counts

    found = {}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, counts in pool.map(one, settings(build, folder)):
            for path, value in counts.items():
                found.setdefault(path, {})[name] = round(value, 2)
    return found


def time_pairs(build, rounds):
    """{path: {configuration: nanoseconds of a pair}}: medians, the configurations interleaved."""
    found = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            for name, (program, environment) in settings(build, folder).items():
                text = subprocess.run([program, "8000"], env=environment, capture_output=True, text=True, check=True).stdout
                for line in text.splitlines():
                    path, ns = line.split()
                    found.setdefault(path, {}).setdefault(name, []).append(float(ns))
    return {path: {name: median(times) for name, times in row.items()} for path, row in found.items()}


def added(counts):
    """{"path configuration": instructions that the tracker adds to a pair}"""
    flat = {}
    for path, row in counts.items():
        for name, value in row.items():
            if name == "parts":
                flat[f"{path} alone"] = value
            elif name in ("count", "caller", "full"):
                flat[f"{path} {name}"] = round(value - row["bare"], 2)
    return flat


def key(build):
    """What a baseline holds for; the libraries' own code is in no count but realloc's and calloc's."""
    with open(os.path.join(build, "bench", "build.json")) as file:
        built = json.load(file)
    libc = os.confstr("CS_GNU_LIBC_VERSION") if hasattr(os, "confstr") else "unknown"
    return f"{built['compiler']} {built['compiler_version']}, {built['flags']}, {built['processor']}, {libc}"


def stored():
    if not os.path.exists(BASELINE):
        return {}
    with open(BASELINE) as file:
        return json.load(file)


def check(build):
    held = stored().get(key(build))
    if held is None:
        print(f"SKIP: no baseline for {key(build)} (make baseline stores one)")
        return SKIP
    status = 0
    now = added(count(build))
    for path in sorted(held.keys() | now.keys()):
        if path not in held or path not in now:
            print(f"{path}: {'not in the baseline' if path in now else 'not measured'}; make baseline renews it")
            status = 1
        elif now[path] > held[path] * MORE_AT_MOST:
            print(f"{path}: {now[path]} instructions a pair, the baseline has {held[path]} "
                  f"({(now[path] / held[path] - 1) * 100:+.1f} %)")
            status = 1
    return status


def tables(build, rounds):
    """(title, header, rows of text), for results.py too."""
    counts, times = count(build), time_pairs(build, rounds)
    columns = ("bare", "forward", "count", "caller", "full")
    found = []
    for title, values, text in (("One pair of calls by its path, instructions", counts, "{:.0f}"),
                                ("One pair of calls by its path, ns", times, "{:.1f}")):
        found.append((title, ["path", *columns],
                      [[path] + [text.format(row[c]) for c in columns] for path, row in values.items() if "bare" in row]))
    found.append(("Parts of a pair, one by one", ["part", "instructions", "ns"],
                  [[path, f"{row['parts']:.0f}", f"{times[path]['parts']:.1f}"]
                   for path, row in counts.items() if "parts" in row]))
    return found


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("show", "check", "update"):
        sys.exit("usage: instructions.py show|check|update BUILD")
    build = os.path.abspath(sys.argv[2])
    reason = missing(build)
    if reason:
        print(f"SKIP: {reason}")
        return SKIP
    if sys.argv[1] == "check":
        return check(build)
    if sys.argv[1] == "update":
        baselines = stored()
        baselines[key(build)] = added(count(build))
        with open(BASELINE, "w") as file:
            json.dump(baselines, file, indent=1, sort_keys=True)
            file.write("\n")
        print(f"{BASELINE}: {key(build)}")
        return 0
    for title, header, rows in tables(build, 5):
        print("\n" + title)
        for row in [header] + rows:
            print(row[0].ljust(20) + "".join(text.rjust(14) for text in row[1:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
