#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh: what HeapTracker shows, on two programs: the sample application, which has the
# tracker linked in, and sqlite3 as Debian ships it, tracked without being rebuilt.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "== Linked in: examples/azure_sphere (first and last lines of its log)"
"$build/examples/azure_sphere/azure_sphere" malloc >"$work/log" 2>&1
head -n 4 "$work/log"
echo "..."
tail -n 3 "$work/log"

echo
echo "== Preloaded: sqlite3, 20000 rows"
cat >"$work/input.sql" <<'END'
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, value REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO t SELECT i, printf('name-%d', i * 7919 % 20000), i * 0.5 FROM n;
CREATE INDEX by_name ON t(name);
SELECT count(*), sum(value) FROM t WHERE name LIKE 'name-1%';
END
"$build/bin/heaptracker" run --interval=2 -o "$work/sqlite3.ht" -- sqlite3 :memory: <"$work/input.sql"

echo
echo "== The same for scripts: heaptracker report --format=json (the first lines)"
"$build/bin/heaptracker" report --format=json -o "$work/sqlite3.json" "$work/sqlite3.ht"
head -n 45 "$work/sqlite3.json" | cut -c 1-100
echo "..."

echo
if "$build/bin/heaptracker" report --format=html -o "$build/sqlite3.html" "$work/sqlite3.ht"; then
    echo "== All of it, to look into, in a browser: $build/sqlite3.html"
fi
