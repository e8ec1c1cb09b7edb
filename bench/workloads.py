# SPDX-License-Identifier: MIT
"""What is run: one entry a workload. README.md says what each stands for."""
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass


@dataclass
class Workload:
    name: str
    command: list  # @WORKLOADS@: the program of our own workloads; @INPUT@: the folder of the inputs
    kind: str = "own"  # own, frame pointers, short, real, original, startup, memory, report
    calls: int = 0  # calls (pairs) of a run, where a time for each makes sense
    input: str = ""  # a file of the inputs, as standard input
    need: tuple = ()  # (program or path, remedy)
    quick: bool = False  # measured by QUICK=1 too
    slow: bool = False  # measured under the slow tools too
    metric: str = ""  # the run's time is what this pattern finds in its output, in seconds

    def missing(self):
        if not self.need:
            return None
        what, remedy = self.need
        return None if (os.path.exists(what) if "/" in what else shutil.which(what)) else remedy


def own(name, shape, millions, width, scale, **more):
    """millions: what the program's first number is at SCALE=100, in millions."""
    count = max(1, int(millions * 10000 * scale))
    calls = 0 if shape in ("factor", "tree", "cover") else count
    given = count // width if shape in ("threads", "server") else count
    return Workload(name, ["@WORKLOADS@", shape, str(given), str(width)], calls=calls, **more)


def own_workloads(scale):
    shapes = [
        ("tight", "tight", 50, 1, dict(quick=True)),
        ("live_1600", "live", 30, 1600, dict(quick=True)),
        ("factor", "factor", 0.6, 1, dict(quick=True)),
        ("tree", "tree", 0.02, 30, dict(quick=True)),
        ("cover", "cover", 0.00003, 24, dict(quick=True)),
        ("threads_2", "threads", 80, 2, dict(quick=True)),
    ]
    cpus = os.cpu_count() or 1
    rows = [own(name, shape, millions, width, scale, **more) for name, shape, millions, width, more in shapes]
    rows += [own("threads_1", "threads", 40, 1, scale, quick=True),
             own(f"threads_{2 * cpus}", "threads", 80, 2 * cpus, scale, quick=True)]
    rows += [own(f"mixed_{blocks}", "mixed", 10, blocks, scale) for blocks in (100, 10000, 1000000)]
    rows += [own(f"deep_{depth}", "deep", 30, depth, scale, quick=depth == 30) for depth in (10, 30, 60)]
    rows += [own("changing_30", "changing", 8, 30, scale), own("pipe", "pipe", 20, 1, scale),
             own("server", "server", 20, 2, scale), own("grow", "grow", 4, 1, scale),
             own("large", "large", 0.2, 1, scale)]
    for name, shape, millions, width, more in shapes:
        quick = more.get("quick") and name in ("tight", "tree")
        row = own(name + "_fp", shape, millions, width, scale, kind="frame pointers", quick=quick)
        row.command[0] += "_fp"
        rows.append(row)
    # For the slow tools; of one length at any scale.
    for shape, first, second in (("tight", 2000000, 1), ("factor", 20000, 1), ("tree", 400, 30), ("cover", 1, 22)):
        rows.append(Workload(shape + "_short", ["@WORKLOADS@", shape, str(first), str(second)], kind="short", slow=True,
                             calls=first if shape == "tight" else 0, quick=shape == "tight"))
    rows.append(Workload("nothing", ["@WORKLOADS@", "nothing", "0"], kind="startup", quick=True))
    rows.append(Workload("sites", ["@WORKLOADS@", "sites", "100000", "1000"], kind="memory", quick=True))
    return rows


# --- Real programs, with input that is made here, the same on every machine -------------

def compiler_part(name):
    path = subprocess.run(["gcc", "-print-prog-name=" + name], capture_output=True, text=True).stdout.strip() \
        if shutil.which("gcc") else ""
    return path if os.path.isabs(path) else "/usr/lib/" + name


def real_workloads():
    jq = "group_by(.kind)|map({kind:.[0].kind,sum:(map(.value)|add),names:(map(.name)|sort|.[0:3])})"
    # The interpreter itself, not a script that starts it.
    python = os.path.realpath(sys.executable)
    cc1, cc1plus = compiler_part("cc1"), compiler_part("cc1plus")

    def real(name, package, command, need=None, **more):
        return Workload(name, command, kind="real",
                        need=(need or command[0], f"{name} is missing (apt-get install {package})"), **more)

    return [
        real("sqlite3", "sqlite3", ["sqlite3", ":memory:"], input="input.sql", quick=True),
        real("perl", "perl", ["perl", "@INPUT@/input.pl"], quick=True),
        real("python3", "python3", [python, "-I", "@INPUT@/input.py"], quick=True),
        real("jq", "jq", ["jq", "-c", jq, "@INPUT@/input.json"], quick=True),
        real("git", "git", ["git", "-C", "@INPUT@/repository", "--no-pager", "log", "-p", "--stat"], quick=True),
        real("cc1", "gcc", [cc1, "-quiet", "-O2", "@INPUT@/input.c", "-o", "/dev/null"], quick=True),
        real("cc1plus", "g++", [cc1plus, "-quiet", "-O1", "@INPUT@/input.cpp", "-o", "/dev/null"]),
        real("cmake", "cmake", ["cmake", "-P", "@INPUT@/input.cmake"], quick=True),  # the program in C++
    ]


SQL = """CREATE TABLE item(id INTEGER PRIMARY KEY, kind INTEGER, name TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
  INSERT INTO item SELECT i, i * 7919 % 1009, 'item ' || (i * 104729 % 1000003) FROM n;
CREATE INDEX item_name ON item(name);
SELECT kind, count(*), max(name) FROM item GROUP BY kind ORDER BY 2, 1 LIMIT 5;
SELECT group_concat(name, ',') FROM (SELECT name FROM item ORDER BY name DESC LIMIT 1000);
"""
PERL = """use strict;
my (%count, @lists);
for my $i (1 .. {rows} * 2) {{
    my $word = 'w' . ($i * 7919 % 50021);
    $count{{$word}} .= chr(97 + $i % 26);
    push @{{ $lists[$i % 977] }}, [ $i, "$word-$i" ];
}}
my $sum = 0;
$sum += length join ',', map {{ $_->[1] }} sort {{ $b->[1] cmp $a->[1] }} @$_ for @lists;
print $sum, ' ', scalar(keys %count), "\\n";
"""
PYTHON = """import json
rows = [{{"id": i, "name": "item %d" % (i * 7919 % 50021), "tags": [str(i % 7), str(i % 11)]}} for i in range({rows})]
text = json.dumps(rows)
back = json.loads(text)
index = {{}}
for row in back:
    index.setdefault(row["name"], []).append(row["id"])
print(len(text), max(len(ids) for ids in index.values()), sorted(index)[:3])
"""
CMAKE = """set(list "")
foreach(i RANGE 1 {count})
    math(EXPR key "${{i}} * 7919 % 1009")
    list(APPEND list "item-${{key}}")
    string(REGEX REPLACE "([0-9]+)" "<\\\\1>" text_${{key}} "item-${{key}}-${{i}}")
endforeach()
list(SORT list)
list(REMOVE_DUPLICATES list)
list(LENGTH list length)
message(STATUS "${{length}}")
"""
C_UNIT = """struct node_{n} {{ struct node_{n} *next; int key[{size}]; }};
static int sum_{n}(const struct node_{n} *at, int limit) {{
    int sum = 0;
    for (; at; at = at->next)
        for (int i = 0; i < {size}; i++)
            if (at->key[i] < limit) sum += at->key[i] * {n}; else sum ^= at->key[{size} - 1 - i];
    return sum;
}}
int use_{n}(struct node_{n} *at) {{ return sum_{n}(at, {n}) + sum_{n}(at->next, {size}); }}
"""
CPP_UNIT = """template <int N> struct row_{n} {{ row_{n}<N - 1> inner; int value = N * {n};
    template <class F> int visit(F f) const {{ return f(value) + inner.visit(f); }} }};
template <> struct row_{n}<0> {{ template <class F> int visit(F) const {{ return 0; }} }};
int use_{n}(int x) {{ return row_{n}<20>().visit([x](int v) {{ return v ^ x; }}); }}
"""


def make_repository(folder, commits):
    if not shutil.which("git"):
        return
    subprocess.run(["git", "init", "-q", folder], check=True)
    stream = []
    for n in range(1, commits + 1):
        text = "".join(f"line {i} {(i + n) * 7919 % 1009 if i % 37 == n % 37 else i}\n" for i in range(300))
        stream.append(f"commit refs/heads/main\ncommitter A <a@example.com> {1600000000 + n} +0000\n"
                      f"data 10\nchange {n % 1000:03}\nM 644 inline file{n % 20}\ndata {len(text)}\n{text}\n")
    subprocess.run(["git", "-C", folder, "fast-import", "--quiet"], input="".join(stream).encode(), check=True)
    subprocess.run(["git", "-C", folder, "symbolic-ref", "HEAD", "refs/heads/main"], check=True)


def make_inputs(folder, scale):
    rows = 1500 * scale

    def write(name, text):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)

    write("input.sql", SQL.format(rows=rows))
    write("input.pl", PERL.format(rows=rows))
    write("input.py", PYTHON.format(rows=rows))
    write("input.cmake", CMAKE.format(count=max(50, rows // 15)))
    write("input.json", json.dumps([{"kind": i * 31 % 97, "value": i * 7919 % 1009, "name": f"item {i * 104729 % 1000003}"}
                                    for i in range(rows // 3)]))
    write("input.c", "".join(C_UNIT.format(n=n, size=n % 13 + 3) for n in range(1, 3 * scale + 2)))
    write("input.cpp", "".join(CPP_UNIT.format(n=n) for n in range(1, scale + 2)))
    make_repository(os.path.join(folder, "repository"), 8 * scale)


# --- The originals, from a checkout of mimalloc-bench that was built ---------------------

def original_workloads(checkout):
    """Their command lines are those of its bench.sh."""
    def original(name, *arguments, **more):
        path = os.path.join(checkout, "out", "bench", name)
        return Workload("original_" + name.replace("-", "_"), [path, *arguments], kind="original", quick=True,
                        need=(path, f"{path} was not built (see the checkout's build-bench-env.sh)"), **more)

    cpus = str(os.cpu_count() or 1)
    return [
        original("cfrac", "17545186520507317056371138836327483792789528"),
        original("espresso", os.path.join(checkout, "bench", "espresso", "largest.espresso")),
        original("glibc-simple"),
        original("glibc-thread", cpus),
        # It runs for 5 s whatever it achieves; the time is for as many operations.
        original("larson", "5", "8", "1000", "5000", "100", "4141", cpus, metric=r"relative time: ([0-9.]+)s"),
    ]
