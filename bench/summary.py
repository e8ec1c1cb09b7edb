# SPDX-License-Identifier: MIT
"""What the samples say: medians, ratios, and the goals of the project. No printing here."""
import math
from statistics import median

CHANGING = ("factor", "tree", "cover")  # shapes whose stacks change all the time
SHAPES = ("tight", "live_1600", "factor", "tree", "cover", "threads_2")
# Runs of one program that differ by more say more of the machine than of what is measured: other
# figures of such rows have come out below their own floor.
STEADY = 1.1


def ratio(samples, workload, configuration, value, base="bare"):
    """The median of each round's ratio to the same round of `base`; None: not measured."""
    mine, other = samples.get((workload, configuration), {}), samples.get((workload, base), {})
    ratios = [getattr(mine[n], value) / getattr(other[n], value) for n in mine if n in other and getattr(other[n], value)]
    return median(ratios) if ratios else None


def ratio_of_minima(samples, workload, configuration, value, base="bare"):
    mine, other = samples.get((workload, configuration)), samples.get((workload, base))
    if not mine or not other:
        return None
    least = min(getattr(s, value) for s in other.values())
    return min(getattr(s, value) for s in mine.values()) / least if least else None


def middle(samples, workload, configuration, value):
    found = samples.get((workload, configuration))
    return median(getattr(s, value) for s in found.values()) if found else None


def spread(samples, workload, configuration, value):
    """The most of all rounds by the least: how steady the machine was."""
    found = [getattr(s, value) for s in samples.get((workload, configuration), {}).values()]
    return max(found) / min(found) if found and min(found) else None


def unsteady(samples, names):
    """How much runs of these workloads differ, bare ones or tracked ones, by CPU time: the median of the workloads; None:
    not by too much."""
    spreads = [[s for s in (spread(samples, name, configuration, "cpu") for configuration in ("bare", "full")) if s]
               for name in names]
    spreads = [max(found) for found in spreads if found]
    return median(spreads) if spreads and median(spreads) > STEADY else None


def added(samples, workload, configuration, value="cpu"):
    """Median over the rounds of what the configuration adds to bare."""
    mine, other = samples.get((workload, configuration), {}), samples.get((workload, "bare"), {})
    rest = [getattr(mine[n], value) - getattr(other[n], value) for n in mine if n in other]
    return median(rest) if rest else None


def geometric_mean(values):
    values = [v for v in values if v]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def goals(samples, reports, workloads, blocks_bytes=100000 * 64):
    """Rows (what, must, aim, measured, met, aim met); numbers are None where not measured. Where runs of a
    workload that a row rests on differ too much, `unsteady` says how much, and it is not known whether it is met."""
    rows = []

    def row(what, must, aim, measured, unit="x", digits=2, floor=None, least=None, rests_on=()):
        def text(v):
            return "-" if v is None else f"{v:.{digits}f}{unit}"

        met = None if measured is None else measured <= must
        rows.append({"what": what, "must": text(must), "aim": text(aim), "measured": text(measured), "met": met,
                     "aim_met": None if measured is None or aim is None else measured <= aim,
                     "unsteady": unsteady(samples, rests_on),
                     "out_of_reach": None if least is None else least > must,
                     "floor": text(floor), "least": text(least), "value": measured})

    def least(name, configuration="full"):
        """The ratio of the library that does the least: where stacks change, the one that knows them in advance."""
        if configuration == "count":
            return ratio(samples, name, "floor_count", "cpu")
        return ratio(samples, name, "floor_replay" if name.removesuffix("_fp") in CHANGING else "floor", "cpu")

    def shape(what, name, must, aim, configuration="full"):
        row(what, must, aim, ratio(samples, name, configuration, "cpu"), floor=ratio(samples, name, "forward", "cpu"),
            least=least(name, configuration), rests_on=(name,))

    shape("tightest malloc/free loop (tight)", "tight", 2.1, 1.75)
    shape("large live set (live_1600)", "live_1600", 1.5, 1.35)
    shape("many short stacks (factor)", "factor", 1.55, 1.4)
    shape("recursive, changing stacks (tree)", "tree", 2.1, 1.7)
    shape("250,000 distinct deep stacks (cover)", "cover", 1.35, 1.25)
    shape("two threads (threads_2)", "threads_2", 1.85, 1.5)

    def with_frame_pointers(of):
        pairs = [(of(name + "_fp"), of(name)) for name in SHAPES]
        return geometric_mean([fp / plain for fp, plain in pairs if fp and plain])

    row("with frame pointers, against without (3 % is noise)", 1.03, 1.0,
        with_frame_pointers(lambda name: ratio(samples, name, "full", "cpu")), least=with_frame_pointers(least),
        rests_on=[name + ending for name in SHAPES for ending in ("", "_fp")])
    shares = [(name, added(samples, name, "full"), added(samples, name, "heaptrack")) for name in SHAPES]
    shares = [(mine / theirs, name) for name, mine, theirs in shares if mine is not None and theirs and theirs > 0]
    worst, name = max(shares, default=(None, "none"))
    theirs = added(samples, name, "heaptrack")
    row(f"added time against heaptrack's, worst of these ({name})", 1 / 12, 1 / 20, worst, "", 3,
        least=(least(name) - 1) * middle(samples, name, "bare", "cpu") / theirs if theirs and least(name) else None,
        rests_on=(name,))
    real = [w.name for w in workloads if w.kind == "real"]
    replayed = [ratio(samples, name, "floor_replay", "cpu") for name in real if (name, "full") in samples]
    row("geometric mean over the real programs", 1.05, 1.03,
        geometric_mean([ratio(samples, name, "full", "cpu") for name in real]),
        floor=geometric_mean([ratio(samples, name, "forward", "cpu") for name in real]),
        least=geometric_mean(replayed) if all(replayed) else None, rests_on=real)
    shape("counting only, tightest loop", "tight", 1.6, 1.35, "count")
    threads = sorted((w for w in workloads if w.name.startswith("threads_") and w.kind == "own"),
                     key=lambda w: int(w.name.split("_")[1]))
    per_call = [(added(samples, w.name, "full") or 0) / w.calls for w in threads if added(samples, w.name, "full")]
    row(f"added time per call, {len(per_call)} numbers of threads: most against one (10 % is noise)", 1.1, 1.0,
        max(per_call) / per_call[0] if len(per_call) > 1 and per_call[0] > 0 else None, rests_on=[w.name for w in threads])
    must = 6 + blocks_bytes / 2 / 2**20
    memory = added(samples, "sites", "full", "rss_kib")
    row("memory added, 100,000 live blocks, 1,000 sites", must, must / 2, memory and memory / 1024, " MiB", 1)
    report = reports.get("run", {})
    size, seconds = report.get("output_bytes"), report.get("end_to_report_seconds")
    row("disk, the report workload", 1024, 200, size and size / 1024, " KiB", 0)
    row("program end to report, same", 0.5, 0.2, seconds, " s")
    start = added(samples, "nothing", "full", "wall")
    row("start-up and exit added", 3, 1, start and start * 1000, " ms", 1)
    return rows
