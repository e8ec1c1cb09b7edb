# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # a part of run.sh
#
# The two tables of the bench: add a row, and everything else follows.

# --- Configurations: how a workload is run ----------------------------------
#
# environment  settings of the run, separated by spaces; @RUN@ is a folder for this run alone
# program      what @WORKLOADS@ stands for; real programs are run by preloaded configurations only
# need         FILE|reason: skipped where the file is missing
# evidence     a file that a tracked run must leave behind
# rounds       at most so many (a slow one)
configurations=()
declare -A configuration_environment configuration_program configuration_need configuration_evidence configuration_rounds

plain_program=$programs/bench_workloads

configuration() { # NAME ENVIRONMENT [PROGRAM]
    configurations+=("$1")
    configuration_environment[$1]=$2
    configuration_program[$1]=${3:-$plain_program}
}

configuration bare ""

configuration forward "LD_PRELOAD=$programs/bench_forward.so"
configuration_need[forward]="$programs/bench_forward.so|it was not built"

preload=$BUILD/lib/libheaptracker-preload.so
configuration count "LD_PRELOAD=$preload HEAPTRACKER_OPTIONS=stacks=none:quiet=1:state_dir=@RUN@"
configuration_need[count]="$preload|the preload library was not built"
configuration_evidence[count]="@RUN@/*.ht"

configuration full "LD_PRELOAD=$preload HEAPTRACKER_OPTIONS=stacks=full:quiet=1:state_dir=@RUN@"
configuration_need[full]="$preload|the preload library was not built"
configuration_evidence[full]="@RUN@/*.ht"

configuration wrap "" "$programs/bench_workloads_wrap"
configuration_need[wrap]="$programs/bench_workloads_wrap|it was not built"

heaptrack=/usr/lib/heaptrack/libheaptrack_preload.so
configuration heaptrack "LD_PRELOAD=$heaptrack DUMP_HEAPTRACK_OUTPUT=@RUN@/heaptrack.raw"
configuration_need[heaptrack]="$heaptrack|heaptrack is missing (apt-get install heaptrack)"
configuration_evidence[heaptrack]=@RUN@/heaptrack.raw
configuration_rounds[heaptrack]=3

# --- Workloads: what is run ---------------------------------------------------
#
# command  split at spaces; @TMP@ is the folder of the inputs
# input    a file of that folder, as standard input
# calls    calls (pairs) of a run, where a time for each makes sense
# need     PROGRAM|reason: skipped where the program is missing
workloads=()
declare -A workload_command workload_input workload_calls workload_need

own() { # NAME KIND MILLIONS-OF-CALLS [WIDTH]; threads: the calls of all
    local calls=$(($3 * 10000 * scale))
    workloads+=("$1")
    workload_calls[$1]=$calls
    [ "$2" != threads ] || calls=$((calls / $4))
    workload_command[$1]="@WORKLOADS@ $2 $calls ${4:-}"
}

program() { # NAME PACKAGE COMMAND [INPUT]
    workloads+=("$1")
    workload_command[$1]=$3
    workload_input[$1]=${4:-}
    workload_need[$1]="${3%% *}|$1 is missing (apt-get install $2)"
}

own tight tight 60
own live_1600 live 40 1600
own live_100000 live 40 100000
own threads_2 threads 80 2
own mixed mixed 20 10000

# The interpreter itself, not a script that starts it.
python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null || echo python3)

program sqlite3 sqlite3 "sqlite3 :memory:" input.sql
program perl perl "perl @TMP@/input.pl"
program python3 python3 "$python -I @TMP@/input.py"
program jq jq "jq -c group_by(.kind)|map({kind:.[0].kind,sum:(map(.value)|add),names:(map(.name)|sort|.[0:3])}) @TMP@/input.json"

# The inputs of the real programs, the same on every machine.
make_inputs() {
    local rows=$((2000 * scale))

    cat >"$tmp/input.sql" <<SQL
CREATE TABLE item(id INTEGER PRIMARY KEY, kind INTEGER, name TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
  INSERT INTO item SELECT i, i * 7919 % 1009, 'item ' || (i * 104729 % 1000003) FROM n;
CREATE INDEX item_name ON item(name);
SELECT kind, count(*), max(name) FROM item GROUP BY kind ORDER BY 2, 1 LIMIT 5;
SELECT group_concat(name, ',') FROM (SELECT name FROM item ORDER BY name DESC LIMIT 1000);
SQL
    cat >"$tmp/input.pl" <<PERL
use strict;
my (%count, @lists);
for my \$i (1 .. $rows * 2) {
    my \$word = 'w' . (\$i * 7919 % 50021);
    \$count{\$word} .= chr(97 + \$i % 26);
    push @{ \$lists[\$i % 977] }, [ \$i, "\$word-\$i" ];
}
my \$sum = 0;
\$sum += length join ',', map { \$_->[1] } sort { \$b->[1] cmp \$a->[1] } @\$_ for @lists;
print \$sum, ' ', scalar(keys %count), "\n";
PERL
    cat >"$tmp/input.py" <<PYTHON
import json
rows = [{"id": i, "name": "item %d" % (i * 7919 % 50021), "tags": [str(i % 7), str(i % 11)]} for i in range($rows)]
text = json.dumps(rows)
back = json.loads(text)
index = {}
for row in back:
    index.setdefault(row["name"], []).append(row["id"])
print(len(text), max(len(ids) for ids in index.values()), sorted(index)[:3])
PYTHON
    awk -v rows=$((rows / 4)) 'BEGIN {
        printf "["
        for (i = 1; i <= rows; i++)
            printf "%s{\"kind\":%d,\"value\":%d,\"name\":\"item %d\"}", (i > 1 ? "," : ""), i * 31 % 97, i * 7919 % 1009, i * 104729 % 1000003
        print "]"
    }' >"$tmp/input.json"
}
