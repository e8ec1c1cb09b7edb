# SPDX-License-Identifier: MIT
"""How the figures are shown: tables on the terminal, JSON, a page in Markdown with a
chart that gnuplot draws."""
import datetime
import json
import mmap
import os
import shutil
import subprocess
import time

from summary import added, middle, ratio, ratio_of_minima


def version(source):
    """Of what was measured: its commit, if git knows."""
    def git(*arguments):
        return subprocess.run(["git", "-C", source, *arguments], capture_output=True, text=True).stdout.strip()
    if not shutil.which("git") or not git("rev-parse", "--short", "HEAD"):
        return "unknown"
    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "bench")
    return git("rev-parse", "--short", "HEAD") + (" and changes" if changed else "")


def fresh_page_us():
    """What the system takes for a page at first touch, which programs and trackers pay alike."""
    with mmap.mmap(-1, 32 << 20) as memory:
        pages = range(0, len(memory), mmap.PAGESIZE)
        begin = time.process_time()
        for at in pages:
            memory[at] = 1
        return (time.process_time() - begin) / len(pages) * 1e6


def facts(source, build, bench, scale):
    def first_line(*command):
        try:
            text = subprocess.run(command, capture_output=True, text=True).stdout
        except OSError:
            return "unknown"
        return (text.splitlines() or ["unknown"])[0]

    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    with open(os.path.join(build, "bench", "build.json")) as file:
        built = json.load(file)
    return {"version": version(source), "fresh_page_us": round(fresh_page_us(), 1),
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "processor": models[0] if models else os.uname().machine, "processors": os.cpu_count(),
            "kernel": os.uname().sysname + " " + os.uname().release.split("-")[0], "libc": os.confstr("CS_GNU_LIBC_VERSION"),
            "compiler": f"{built['compiler']} {built['compiler_version']}, {built['flags']}",
            "valgrind": first_line("valgrind", "--version"), "heaptrack": first_line("heaptrack", "--version"),
            "rounds": bench.rounds, "more_rounds": bench.more, "scale_percent": scale, "quick": bench.quick}


def cell(value, text="{:.2f}"):
    """Of a number, or the value of a Figure."""
    return "-" if value is None else text.format(getattr(value, "value", value))


def uncertainty(figure):
    """Half of the interval, in percent."""
    return "-" if figure is None else f"{50 * figure.width():.1f} %"


def milliseconds(figure):
    return figure and figure.value * 1000


def bare_time(workload, samples, value):
    seconds = middle(samples, workload.name, "bare", value)
    if seconds is None:
        return "-"
    return f"{seconds / workload.calls * 1e9:.1f} ns" if workload.calls else f"{seconds * 1000:.1f} ms"


def columns(bench, configurations):
    """Those that have a sample, but for bare."""
    return [c for c in configurations if c.name != "bare" and any(key[1] == c.name for key in bench.samples)]


def tables(bench, workloads, configurations):
    """(title, header, rows of text) of each table."""
    samples = bench.samples
    shown = columns(bench, configurations)
    rows = [w for w in workloads if (w.name, "bare") in samples]
    timed = [w for w in rows if w.kind not in ("startup", "memory")]
    found = []
    for title, value in (("CPU time, as a ratio to bare", "cpu"), ("Wall time, as a ratio to bare", "wall")):
        found.append((title, ["workload", "bare"] + [c.name for c in shown] + ["full, ±"],
                      [[w.name, bare_time(w, samples, value)] + [cell(ratio(samples, w.name, c.name, value)) for c in shown] +
                       [uncertainty(ratio(samples, w.name, "full", value))] for w in timed]))
    own = [c for c in shown if c.base != "bare"]
    if own:
        found.append(("CPU time of profiling allocators, as a ratio to the same allocator without profiling",
                      ["workload"] + [c.name for c in own],
                      [[w.name] + [cell(ratio(samples, w.name, c.name, "cpu", c.base)) for c in own] for w in timed]))
    found.append(("Peak memory (RSS), MiB", ["workload", "bare"] + [c.name for c in shown],
                  [[w.name] + [cell(middle(samples, w.name, c, "rss_kib") and middle(samples, w.name, c, "rss_kib") / 1024,
                                    "{:.1f}") for c in ["bare"] + [c.name for c in shown]] for w in rows]))
    tracked = [c for c in shown if c.evidence]
    if tracked:
        found.append(("Output, KiB", ["workload"] + [c.name for c in tracked],
                      [[w.name] + [cell(middle(samples, w.name, c.name, "output_bytes") and
                                        middle(samples, w.name, c.name, "output_bytes") / 1024, "{:.0f}")
                                   for c in tracked] for w in rows]))
    if any(w.kind == "startup" for w in rows):
        found.append(("Start-up and exit added to a program that does nothing, ms", ["workload"] + [c.name for c in shown],
                      [[w.name] + [cell(milliseconds(added(samples, w.name, c.name, "wall")), "{:.1f}") for c in shown]
                       for w in rows if w.kind == "startup"]))
    if bench.reports:
        found.append(("From the end of the program to a readable report",
                      ["configuration", "run, s", "output, KiB", "end to report, s"],
                      [[name, f"{r['wall_seconds']:.2f}", f"{r['output_bytes'] / 1024:.0f}",
                        f"{r['end_to_report_seconds']:.3f}"] for name, r in bench.reports.items()]))
    return found


def goal_table(reached):
    def verdict(row):
        if row["value"] is None:
            return "not measured"
        if row["met"] is None:
            return "not known"
        if not row["met"]:
            return "not met: the least is above it" if row["out_of_reach"] else "NOT MET"
        return "met, and the aim" if row["aim_met"] else "met"
    return ["goal (full stacks unless it says else)", "must", "aim", "measured", "95 %", "bare hooks", "least library", ""], \
        [[r["what"], r["must"], r["aim"], r["measured"], r["interval"] or "-", r["floor"], r["least"], verdict(r)] for r in reached]


def print_table(title, header, rows):
    widths = [max(len(row[n]) for row in [header] + rows) for n in range(len(header))]
    print(f"\n{title}")
    for row in [header] + rows:
        print("  ".join([row[0].ljust(widths[0])] + [text.rjust(width) for text, width in zip(row[1:], widths[1:])]))


def print_tables(bench, workloads, configurations, machine, reached, paths):
    print(f"{machine['rounds']} rounds, interleaved; of {machine['version']}; {machine['processor']}, "
          f"{machine['processors']} processors, {machine['fresh_page_us']} µs a fresh page, {machine['libc']}, {machine['compiler']}")
    for title, header, rows in tables(bench, workloads, configurations) + paths:
        print_table(title, header, rows)
    print_table("Goals", *goal_table(reached))


def markdown(header, rows):
    return "\n".join(["| " + " | ".join(header) + " |", "|" + "---|" * len(header)] +
                     ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def write_page(folder, bench, workloads, configurations, machine, reached, paths):
    os.makedirs(folder, exist_ok=True)
    drawn = write_chart(os.path.join(folder, "results.svg"), bench, workloads, configurations)
    command = "make bench" + (" QUICK=1 DOCS=1" if machine["quick"] else "")
    parts = [f"""# What tracking costs: results

Made by `{command}`; [bench/README.md](../bench/README.md) says what each row and column is, and how it is measured.

- Date: {machine['date']}; of {machine['version']}
- Machine: {machine['processor']}, {machine['processors']} processors, {machine['kernel']}, {machine['libc']};
  a page at first touch takes {machine['fresh_page_us']} µs
- Compiler: {machine['compiler']}
- Peers: {machine['valgrind']}, {machine['heaptrack']}
- {machine['rounds']} rounds, interleaved, and up to {machine['more_rounds']} more of what goals rest on, until the ratio is known to 1.5 %;
  of fewer than six rounds the interval is from the least to the most, which is less than 95 % sure;
  workloads at {machine['scale_percent']} % of their length. Medians. jemalloc exact, tcmalloc HEAPPROFILE and valgrind's tools
  are slow: one round, of the short rows, with the tool's start-up in the ratio; heaptrack at most three rounds. `-`: not measured.

## Goals
"""]
    parts.append(markdown(*goal_table(reached)))
    parts.append("\nWhat was tried where a goal is not met: [src/unwind](../src/unwind/README.md#tried), "
                 "[src/core](../src/core/README.md). \"bare hooks\": hooks that only call the libc. \"least library\": one that keeps "
                 "the promised numbers by whole stacks, of one thread, and does nothing else: where the stack does not change one that "
                 "compares it ([bench/floor.c](../bench/floor.c)); for factor, tree, cover and the real programs one that is told each "
                 "stack, from a record of an earlier run, and reads as many words of it as it has return addresses, "
                 "and links where frames have frame pointers "
                 "([bench/floor_replay.c](../bench/floor_replay.c)); for counting only one that counts only. Where it is above a "
                 "must, no tracker that is built this way gets there on this machine.\n")
    if drawn:
        parts.append("\n## Chart\n\n![CPU time as a ratio to bare](results.svg)\n")
    for title, header, rows in tables(bench, workloads, configurations) + paths:
        parts.append(f"\n## {title}\n\n" + markdown(header, rows))
    if bench.skipped:
        parts.append("\n## Skipped\n\n" + "".join(f"- {name}: {reason}\n" for name, reason in bench.skipped))
    with open(os.path.join(folder, "results.md"), "w") as file:
        file.write("".join(parts))


CHART = """set terminal svg size 1000,{height} font "sans-serif,13" background "#ffffff"
set output "{path}"
set logscale x
set xlabel "CPU time, as a ratio to the bare program (log scale)"
set xtics (0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200)
set xrange [{low}:{high}]
set yrange [{rows} - 0.5:-0.5]
set grid x y linecolor "#dddddd"
set key outside right top Left reverse width 1 spacing 1.2
set ytics ({labels})
set arrow from 1, graph 0 to 1, graph 1 nohead linecolor "#888888"
plot {plots}
"""
STYLES = {"forward": ("#999999", 1), "floor": ("#555555", 2), "count": ("#7fc97f", 7), "caller": ("#33a02c", 9), "full": ("#005a00", 5),
          "heaptrack": ("#d95f02", 13), "jemalloc_512k": ("#6a9fd0", 6), "jemalloc_exact": ("#1f78b4", 7),
          "tcmalloc_heap": ("#e7298a", 11), "massif": ("#e6ab02", 8), "dhat": ("#a6761d", 10), "memcheck": ("#666666", 12)}


def write_chart(path, bench, workloads, configurations):
    """A row a workload, a point a configuration. False, with the reason among the skipped: no gnuplot."""
    if not shutil.which("gnuplot"):
        bench.skip("chart", "gnuplot is missing (apt-get install gnuplot-nox)")
        return False
    rows = [w for w in workloads if w.kind not in ("startup", "memory") and (w.name, "bare") in bench.samples]
    data, plots, everything = [], [], [1.0]
    for configuration in columns(bench, configurations):
        if configuration.name not in STYLES:
            continue
        points = [(ratio(bench.samples, w.name, configuration.name, "cpu"), n) for n, w in enumerate(rows)]
        points = [(figure.value, n) for figure, n in points if figure]
        if points:
            colour, point = STYLES[configuration.name]
            everything += [value for value, _ in points]
            data.append("$data%d << E\n%s\nE\n" % (len(data), "\n".join(f"{v:.4f} {n}" for v, n in points)))
            plots.append(f'$data{len(plots)} with points pointtype {point} pointsize 0.9 linecolor "{colour}" '
                         f'title "{configuration.title}"')
    if not plots:
        return False
    script = "".join(data) + CHART.format(
        height=120 + 26 * max(len(rows), 8), path=path, low=min(everything) * 0.9, high=max(everything) * 1.2, rows=len(rows),
        labels=", ".join('"%s" %d' % (w.name.replace("_", r"\\_"), n) for n, w in enumerate(rows)), plots=", ".join(plots))
    return subprocess.run(["gnuplot", "-"], input=script, text=True).returncode == 0


def numbers(figure):
    return (figure.value, [figure.low, figure.high]) if figure else (None, None)


def write(out, bench, workloads, configurations, machine, reached, paths):
    """results.json with everything, and the page with its chart."""
    write_page(out, bench, workloads, configurations, machine, reached, paths)
    base = {c.name: c.base for c in configurations}
    calls = {w.name: w.calls or None for w in workloads}
    entries = []
    for (workload, name), found in bench.samples.items():
        entry = {"workload": workload, "configuration": name, "rounds": len(found), "calls": calls.get(workload)}
        for value, key in (("cpu", "cpu"), ("wall", "wall")):
            entry[key + "_seconds"] = middle(bench.samples, workload, name, value)
            entry[key + "_seconds_least"] = min(getattr(s, value) for s in found.values())
            entry[key + "_ratio"], entry[key + "_ratio_interval"] = numbers(ratio(bench.samples, workload, name, value))
            entry[key + "_ratio_of_least"] = ratio_of_minima(bench.samples, workload, name, value)
            entry[key + "_ratio_to_own_allocator"], _ = numbers(ratio(bench.samples, workload, name, value, base[name]))
        entry["peak_rss_kib"] = middle(bench.samples, workload, name, "rss_kib")
        entry["output_bytes"] = middle(bench.samples, workload, name, "output_bytes")
        entries.append(entry)
    with open(os.path.join(out, "results.json"), "w") as file:
        json.dump({"schema": 3, "machine": machine, "goals": reached, "reports": bench.reports,
                   "paths": [{"title": t, "header": h, "rows": r} for t, h, r in paths],
                   "skipped": [{"name": n, "reason": r} for n, r in bench.skipped],
                   "failed": bench.failed, "results": entries}, file, indent=1)
        file.write("\n")
