# SPDX-License-Identifier: MIT
"""How a workload is run: one entry a tool. A new one is an entry here, and all else follows."""
import os
import shutil
from dataclasses import dataclass, field
from typing import Optional


@dataclass
class Configuration:
    name: str
    title: str
    # NAME=VALUE; @RUN@: a folder of this run alone; @PREPARED@: one that stays for the rounds of a workload
    environment: list = field(default_factory=list)
    before: list = field(default_factory=list)  # words before the command
    program: str = "bench_workloads"  # the program of our own workloads
    needs: list = field(default_factory=list)  # (path or program, what to do where it is missing)
    evidence: str = ""  # pattern of a file that a tracked run leaves behind
    base: str = "bare"  # what else the tables compare it with: its own allocator
    kind: str = "fast"  # slow: one round of some rows; exact: three rounds
    kinds: tuple = ()  # of workloads that it is for, and
    names: tuple = ()  # single ones; neither: all
    prepare: Optional["Configuration"] = None  # runs once before the rounds of each workload
    complaint: str = ""  # begins a line of stderr of a run that gives no figure
    report: list = field(default_factory=list)  # what makes the readable report, after the program

    def missing(self):
        for what, remedy in self.needs:
            if not (os.path.exists(what) if what.startswith("/") else shutil.which(what)):
                return remedy
        return None


def library(name):
    """A Debian library by its name, in whatever folder of the architecture it lies."""
    for folder in ("/usr/lib/" + os.uname().machine + "-linux-gnu", "/usr/lib64", "/usr/lib"):
        if os.path.exists(os.path.join(folder, name)):
            return os.path.join(folder, name)
    return os.path.join("/usr/lib", name)


def configurations(build):
    preload = os.path.join(build, "lib", "libheaptracker-preload.so")
    tool = os.path.join(build, "bin", "heaptracker")
    jemalloc, tcmalloc = library("libjemalloc.so.2"), library("libtcmalloc.so.4")
    heaptrack = "/usr/lib/heaptrack/libheaptrack_preload.so"
    forward, floor, floor_count, floor_record, floor_replay = (
        os.path.join(build, "bench", f"bench_{name}.so")
        for name in ("forward", "floor", "floor_count", "floor_record", "floor_replay"))
    record = "FLOOR_RECORD=@PREPARED@/record"

    def ours(name, title, stacks):
        return Configuration(
            name, title, [f"LD_PRELOAD={preload}", f"HEAPTRACKER_OPTIONS=stacks={stacks}:quiet=1:state_dir=@RUN@"],
            needs=[(preload, "the preload library was not built")], evidence="@RUN@/*.ht")

    def jemalloc_profile(name, title, sample, kind):
        return Configuration(
            name, title,
            [f"LD_PRELOAD={jemalloc}",
             f"MALLOC_CONF=prof:true,lg_prof_sample:{sample},prof_final:true,prof_prefix:@RUN@/jeprof"],
            needs=[(jemalloc, "jemalloc is missing (apt-get install libjemalloc2)")], evidence="@RUN@/jeprof*.heap",
            base="jemalloc", kind=kind, report=["jeprof", "--text", "--show_bytes", "@PROGRAM@", "@OUTPUT@"])

    def valgrind(name, title, options, evidence, report):
        return Configuration(
            name, title, before=["valgrind", "-q", *options],
            needs=[("valgrind", "valgrind is missing (apt-get install valgrind)")], evidence=evidence, kind="slow",
            report=report)

    return [
        Configuration("bare", "bare"),
        Configuration("forward", "bare hooks", [f"LD_PRELOAD={forward}"], needs=[(forward, "it was not built")]),
        Configuration("floor", "the least of exact stacks", [f"LD_PRELOAD={floor}"],
                      needs=[(floor, "it was not built")]),
        Configuration("floor_count", "the least of exact counting", [f"LD_PRELOAD={floor_count}"],
                      needs=[(floor_count, "it was not built")]),
        Configuration("floor_replay", "the least, every stack known in advance", [f"LD_PRELOAD={floor_replay}", record],
                      needs=[(floor_replay, "it was not built"),
                             (floor_record, "libunwind is missing (apt-get install libunwind-dev)")],
                      kinds=("real",), names=("tight", "live_1600", "factor", "tree", "cover", "factor_fp", "tree_fp", "cover_fp"),
                      complaint="bench_floor_replay:",
                      prepare=Configuration("floor_record", "its record", [f"LD_PRELOAD={floor_record}", record],
                                            evidence="@PREPARED@/record")),
        ours("count", "HeapTracker, counting", "none"),
        ours("caller", "HeapTracker, caller", "caller"),
        ours("full", "HeapTracker, full stacks", "full"),
        Configuration("wrap", "HeapTracker, linked in", program="bench_workloads_wrap",
                      kinds=("own", "startup", "memory"),
                      needs=[(os.path.join(build, "bench", "bench_workloads_wrap"), "it was not built")]),
        Configuration("run", "heaptracker run", before=[tool, "run", "-o", "@RUN@/run.ht", "--"],
                      needs=[(tool, "the tool was not built")], evidence="@RUN@/run.ht", kind="tool",
                      report=[tool, "report", "@OUTPUT@"]),
        Configuration("heaptrack", "heaptrack, recording",
                      [f"LD_PRELOAD={heaptrack}", "DUMP_HEAPTRACK_OUTPUT=@RUN@/heaptrack.raw"],
                      needs=[(heaptrack, "heaptrack is missing (apt-get install heaptrack)")],
                      evidence="@RUN@/heaptrack.raw", kind="exact"),
        Configuration("heaptrack_run", "heaptrack", before=["heaptrack", "-o", "@RUN@/heaptrack"],
                      needs=[("heaptrack", "heaptrack is missing (apt-get install heaptrack)")],
                      evidence="@RUN@/heaptrack*", kind="tool", report=["heaptrack_print", "-f", "@OUTPUT@"]),
        Configuration("jemalloc", "jemalloc alone", [f"LD_PRELOAD={jemalloc}"],
                      needs=[(jemalloc, "jemalloc is missing (apt-get install libjemalloc2)")]),
        jemalloc_profile("jemalloc_512k", "jemalloc profile, 512 KiB", 19, "fast"),
        jemalloc_profile("jemalloc_exact", "jemalloc profile, exact", 0, "slow"),
        Configuration("tcmalloc", "tcmalloc alone", [f"LD_PRELOAD={tcmalloc}"],
                      needs=[(tcmalloc, "tcmalloc is missing (apt-get install libgoogle-perftools4)")]),
        Configuration("tcmalloc_heap", "tcmalloc HEAPPROFILE", [f"LD_PRELOAD={tcmalloc}", "HEAPPROFILE=@RUN@/tcmalloc"],
                      needs=[(tcmalloc, "tcmalloc is missing (apt-get install libgoogle-perftools4)")],
                      evidence="@RUN@/tcmalloc*.heap", base="tcmalloc", kind="slow",
                      report=["google-pprof", "--text", "@PROGRAM@", "@OUTPUT@"]),
        valgrind("massif", "massif", ["--tool=massif", "--massif-out-file=@RUN@/massif.out"], "@RUN@/massif.out",
                 ["ms_print", "@OUTPUT@"]),
        # Its report is read in a browser: there is no command to time.
        valgrind("dhat", "DHAT", ["--tool=dhat", "--dhat-out-file=@RUN@/dhat.out"], "@RUN@/dhat.out", []),
        valgrind("memcheck", "memcheck", ["--leak-check=full", "--log-file=@RUN@/memcheck.log"], "@RUN@/memcheck.log",
                 ["cat", "@OUTPUT@"]),
    ]
