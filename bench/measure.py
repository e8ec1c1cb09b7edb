# SPDX-License-Identifier: MIT
"""Takes the samples: every workload bare, then under each configuration, round after
round, so that a machine that gets slower does so for all; every other round backwards."""
import glob
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field

from summary import compared, well_known


@dataclass
class Sample:
    wall: float  # seconds
    cpu: float
    rss_kib: int
    output_bytes: int
    end_ns: int = 0


def bytes_on_disk(path):
    """Without the holes of a file that may grow to far more."""
    found = os.stat(path)
    return min(found.st_size, found.st_blocks * 512)


@dataclass
class Bench:
    build: str
    tmp: str
    rounds: int
    more: int  # rounds at most, for what goals rest on
    limit: int  # seconds of one run
    quick: bool
    samples: dict = field(default_factory=dict)  # (workload, configuration) -> {round: Sample}
    skipped: list = field(default_factory=list)  # (name, reason)
    failed: list = field(default_factory=list)
    reports: dict = field(default_factory=dict)  # configuration -> what report_of() says

    def skip(self, name, reason):
        print(f"skipped: {name}: {reason}", file=sys.stderr)
        self.skipped.append((name, reason))

    def fail(self, what):
        print(f"FAILED: {what}", file=sys.stderr)
        self.failed.append(what)

    def program(self, workload, configuration):
        """The path of the program that the workload runs."""
        word = workload.command[0]
        if word.startswith("@WORKLOADS@"):
            return os.path.join(self.build, "bench", configuration.program + word[len("@WORKLOADS@"):])
        return shutil.which(word) or word

    def fresh(self, path):
        """A new copy of a file of the build: where the pages of one copy happen to lie can make all runs
        of it several times slower, and is another place in the next."""
        if not path.startswith(self.build + os.sep):
            return path
        folder = os.path.join(self.tmp, "fresh")
        os.makedirs(folder, exist_ok=True)
        copy = os.path.join(folder, os.path.basename(path))
        if os.path.exists(copy):
            os.unlink(copy)
        return shutil.copy(path, copy)

    def run(self, workload, configuration, more=()):
        """One run. Raises RuntimeError when it failed, gave no evidence or took too long."""
        folder, prepared = os.path.join(self.tmp, "run"), os.path.join(self.tmp, "prepared")
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        command = [os.path.join(self.build, "bench", "bench_runner"), "-t", str(self.limit)]
        for variable in (*configuration.environment, *more):
            name, value = variable.split("=", 1)
            command += ["-e", f"{name}={self.fresh(value)}"]
        if workload.input:
            command += ["-i", os.path.join(self.tmp, workload.input)]
        if workload.metric:
            command += ["-o", os.path.join(self.tmp, "output")]
        command += ["--", *configuration.before, self.fresh(self.program(workload, configuration)), *workload.command[1:]]
        command = [word.replace("@RUN@", folder).replace("@PREPARED@", prepared).replace("@INPUT@", self.tmp)
                   for word in command]
        ran = subprocess.run(command, capture_output=True, text=True, errors="replace", cwd=folder)
        first = (ran.stderr.splitlines() or [""])[0]
        if ran.returncode != 0:
            raise RuntimeError(f"status {ran.returncode}: {first}")
        wall, cpu, rss, status, end = map(int, ran.stdout.split()[-5:])
        if status == 128 + 14:
            raise TimeoutError(f"takes more than {self.limit} s")
        if status != 0:
            raise RuntimeError(f"status {status}: {first}")
        for line in ran.stderr.splitlines():
            if configuration.complaint and line.startswith(configuration.complaint):
                raise RuntimeError(line)
        evidence = configuration.evidence.replace("@RUN@", folder).replace("@PREPARED@", prepared)
        if evidence and not glob.glob(evidence):
            raise RuntimeError(f"was not tracked: {first}")
        size = sum(map(bytes_on_disk, glob.glob(evidence))) if evidence else 0
        sample = Sample(wall / 1e9, cpu / 1e9, rss, size, end)
        if workload.metric:
            with open(os.path.join(self.tmp, "output"), errors="replace") as file:
                sample.cpu = sample.wall = float(re.search(workload.metric, file.read()).group(1))
        return sample

    def prepare(self, workload, configuration):
        """False: that failed, and the configuration is skipped for this workload."""
        try:
            self.run(workload, configuration.prepare)
        except (TimeoutError, RuntimeError) as error:
            self.skip(f"{workload.name}, {configuration.name}", f"{configuration.prepare.name}: {error}")
            return False
        return True

    def rounds_of(self, workload, configuration):
        if (configuration.kinds or configuration.names) and \
                workload.kind not in configuration.kinds and workload.name not in configuration.names:
            return 0
        if workload.kind in ("startup", "memory") and configuration.kind != "slow":
            return self.rounds * (1 if configuration.kind == "tool" else 3)
        if configuration.kind == "tool" or workload.kind == "report":
            return 0
        if configuration.kind == "slow":
            return 1 if workload.slow else 0
        if configuration.kind == "exact":
            return min(self.rounds, 1 if self.quick else 3)
        return self.rounds

    def measure(self, workload, configurations):
        print(f"measuring: {workload.name}", file=sys.stderr)
        rounds = {c.name: self.rounds_of(workload, c) for c in configurations}
        try:
            self.run(workload, configurations[0])  # the first run reads files
        except (RuntimeError, OSError):
            pass  # the next one says why
        prepared = os.path.join(self.tmp, "prepared")
        shutil.rmtree(prepared, ignore_errors=True)
        os.mkdir(prepared)
        for configuration in configurations:
            if rounds[configuration.name] and configuration.prepare and not self.prepare(workload, configuration):
                rounds[configuration.name] = 0
        for turn in range(1, max(rounds.values()) + 1):
            self.take_round(workload, [c for c in configurations if turn <= rounds[c.name]], turn, rounds)
        self.measure_longer(workload, configurations, rounds)

    def take_round(self, workload, configurations, turn, rounds):
        """One run of each; what cannot be run has no rounds any more, and without bare nothing has."""
        for configuration in configurations if turn % 2 else reversed(configurations):
            try:
                sample = self.run(workload, configuration)
            except TimeoutError as error:
                self.skip(f"{workload.name}, {configuration.name}", str(error))
                rounds[configuration.name] = 0
            except RuntimeError as error:
                self.fail(f"{workload.name}, {configuration.name}: {error}")
                rounds[configuration.name] = 0
                if configuration.name == "bare":
                    rounds.update(dict.fromkeys(rounds, 0))
                    return
            else:
                self.samples.setdefault((workload.name, configuration.name), {})[turn] = sample

    def measure_longer(self, workload, configurations, rounds):
        """More rounds of the configurations that goals rest on, until their ratios are well known."""
        names = [name for name in compared(workload) if rounds.get(name)]
        goals_of = [c for c in configurations if c.name == "bare" or c.name in names]
        for turn in range(self.rounds + 1, self.rounds + self.more + 1):
            if not rounds["bare"] or well_known(self.samples, workload, names):
                return
            self.take_round(workload, goals_of, turn, rounds)

    def measure_report(self, workload, configuration):
        """From the end of the program's work to the last byte of the report."""
        print(f"measuring: report, {configuration.name}", file=sys.stderr)
        stamp = os.path.join(self.tmp, "end")
        try:
            sample = self.run(workload, configuration, more=(f"BENCH_END={stamp}",))
        except (TimeoutError, RuntimeError) as error:
            self.skip(f"{workload.name}, {configuration.name}", str(error))
            return
        with open(stamp) as file:
            ended = sample.end_ns - int(file.read())
        output = max(glob.glob(configuration.evidence.replace("@RUN@", os.path.join(self.tmp, "run"))), key=os.path.getsize)
        command = [word.replace("@OUTPUT@", output).replace("@PROGRAM@", self.program(workload, configuration))
                   for word in configuration.report]
        if not shutil.which(command[0]):
            self.skip(f"report of {configuration.name}", f"{command[0]} is missing")
            return
        begin = time.monotonic_ns()
        ran = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        seconds = (ended + time.monotonic_ns() - begin) / 1e9
        if ran.returncode != 0:
            self.fail(f"report of {configuration.name}: {(ran.stderr.splitlines() or [''])[-1]}")
            return
        self.reports[configuration.name] = {"wall_seconds": sample.wall, "output_bytes": sample.output_bytes,
                                            "end_to_report_seconds": seconds}
