# SPDX-License-Identifier: MIT
"""What the samples say: medians, ratios, and the goals of the project. No printing here."""
from statistics import median

from figure import exactly, geometric_mean, median_of, product

CHANGING = ("factor", "tree", "cover")  # shapes whose stacks change all the time
SHAPES = ("tight", "live_1600", "factor", "tree", "cover", "threads_2")
KNOWN = 0.03  # a ratio whose interval is this narrow takes no more rounds,
ENOUGH = 6  # if it has so many: of fewer the interval says less than 95 %


def pairs(samples, workload, configuration, value, base):
    """Each round's value, and the same round's of `base`."""
    mine, other = samples.get((workload, configuration), {}), samples.get((workload, base), {})
    return [(getattr(mine[n], value), getattr(other[n], value)) for n in mine if n in other]


def ratio(samples, workload, configuration, value, base="bare"):
    """The median of each round's ratio to the same round of `base`, a Figure; None: not measured."""
    return median_of([a / b for a, b in pairs(samples, workload, configuration, value, base) if b])


def ratio_of_minima(samples, workload, configuration, value, base="bare"):
    mine, other = samples.get((workload, configuration)), samples.get((workload, base))
    if not mine or not other:
        return None
    least = min(getattr(s, value) for s in other.values())
    return min(getattr(s, value) for s in mine.values()) / least if least else None


def middle(samples, workload, configuration, value):
    found = samples.get((workload, configuration))
    return median(getattr(s, value) for s in found.values()) if found else None


def added(samples, workload, configuration, value="cpu"):
    """The median over the rounds of what the configuration adds to bare, a Figure; None: not measured."""
    return median_of([a - b for a, b in pairs(samples, workload, configuration, value, "bare")])


def least_of(name, configuration="full"):
    """The configuration that does the least for such figures: where stacks change, the one that knows them in advance."""
    if configuration == "count":
        return "floor_count"
    return "floor_replay" if name.removesuffix("_fp") in CHANGING else "floor"


def compared(workload):
    """The configurations whose ratios goals rest on, of which it matters how well they are known."""
    if workload.kind == "real":
        return ("full", "floor_replay")
    if workload.name.removesuffix("_fp") in SHAPES:
        return ("full", least_of(workload.name), *(("count", "floor_count") if workload.name == "tight" else ()))
    return ("full",) if workload.name.startswith("threads_") else ()


def well_known(samples, workload, configurations):
    """Whether each that was measured has a narrow interval, and the rounds for one."""
    measured = [name for name in configurations if ratio(samples, workload.name, name, "cpu")]
    return all(len(samples[workload.name, name]) >= ENOUGH and ratio(samples, workload.name, name, "cpu").width() <= KNOWN
               for name in measured)


def goals(samples, reports, workloads, blocks_bytes=100000 * 64):
    """Rows (what, must, aim, measured, met, aim met); numbers are None where not measured. `met` is None where that is not
    known: not measured, or the interval has the must in it."""
    rows = []

    def row(what, must, aim, measured, unit="x", digits=2, floor=None, least=None):
        def text(figure):
            return "-" if figure is None else f"{figure.value:.{digits}f}{unit}"

        def reached(bound):
            if measured is None or bound is None or measured.low <= bound < measured.high:
                return None
            return measured.high <= bound

        interval = measured and f"{measured.low:.{digits}f} to {measured.high:.{digits}f}"
        rows.append({"what": what, "must": f"{must:.{digits}f}{unit}", "aim": f"{aim:.{digits}f}{unit}",
                     "measured": text(measured), "interval": interval, "met": reached(must), "aim_met": reached(aim) is True,
                     "out_of_reach": None if least is None else least.low > must,
                     "floor": text(floor), "least": text(least), "value": measured and measured.value})

    def full(name, configuration="full"):
        return ratio(samples, name, configuration, "cpu")

    def least(name, configuration="full"):
        return ratio(samples, name, least_of(name, configuration), "cpu")

    def shape(what, name, must, aim, configuration="full"):
        row(what, must, aim, full(name, configuration), floor=full(name, "forward"), least=least(name, configuration))

    shape("tightest malloc/free loop (tight)", "tight", 2.1, 1.75)
    shape("large live set (live_1600)", "live_1600", 1.5, 1.35)
    shape("many short stacks (factor)", "factor", 1.55, 1.4)
    shape("recursive, changing stacks (tree)", "tree", 2.1, 1.7)
    shape("250,000 distinct deep stacks (cover)", "cover", 1.35, 1.25)
    shape("two threads (threads_2)", "threads_2", 1.85, 1.5)

    def with_frame_pointers(of):
        return geometric_mean([product([(of(name + "_fp"), 1), (of(name), -1)]) for name in SHAPES])

    row("with frame pointers, against without (3 % is noise)", 1.03, 1.0, with_frame_pointers(full),
        least=with_frame_pointers(least))

    def share(name, mine):
        return product([(mine, 1), (added(samples, name, "heaptrack"), -1)])

    shares = [(name, share(name, added(samples, name, "full"))) for name in SHAPES]
    name, worst = max(((n, s) for n, s in shares if s), key=lambda pair: pair[1].value, default=("none", None))
    row(f"added time against heaptrack's, worst of these ({name})", 1 / 12, 1 / 20, worst, "", 3,
        least=share(name, added(samples, name, least_of(name))))
    real = [w.name for w in workloads if w.kind == "real"]
    measured = [name for name in real if full(name)]
    row("geometric mean over the real programs", 1.05, 1.03, geometric_mean(map(full, real)),
        floor=geometric_mean([full(name, "forward") for name in real]),
        least=geometric_mean([full(name, "floor_replay") for name in measured])
        if all(full(name, "floor_replay") for name in measured) else None)
    shape("counting only, tightest loop", "tight", 1.6, 1.35, "count")
    threads = sorted((w for w in workloads if w.name.startswith("threads_") and w.kind == "own"),
                     key=lambda w: int(w.name.split("_")[1]))
    per_call = [product([(added(samples, w.name, "full"), 1), (exactly(w.calls), -1)]) for w in threads]
    per_call = [figure for figure in per_call if figure]
    grown = [product([(figure, 1), (per_call[0], -1)]) for figure in per_call[1:]]
    row(f"added time per call, {len(per_call)} numbers of threads: most against one (10 % is noise)", 1.1, 1.0,
        max(grown, key=lambda figure: figure.value, default=None))
    must = 6 + blocks_bytes / 2 / 2**20
    row("memory added, 100,000 live blocks, 1,000 sites", must, must / 2,
        product([(added(samples, "sites", "full", "rss_kib"), 1), (exactly(1024), -1)]), " MiB", 1)
    report = reports.get("run", {})
    row("disk, the report workload", 1024, 200, exactly(report.get("output_bytes"), 1 / 1024), " KiB", 0)
    row("program end to report, same", 0.5, 0.2, exactly(report.get("end_to_report_seconds")), " s")
    row("start-up and exit added", 3, 1, product([(added(samples, "nothing", "full", "wall"), 1), (exactly(1000), 1)]),
        " ms", 1)
    return rows
