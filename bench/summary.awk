# SPDX-License-Identifier: MIT
#
# summary.awk FACTS SAMPLES: the tables on standard output, and the same in the JSON
# file that -v json= names. A ratio is the median of each round's ratio to bare in
# that round. Times are CPU (user and system, all threads) and wall time.
BEGIN { FS = "\t" }

FILENAME == ARGV[1] { fact[$1] = $2; if ($1 ~ /^skipped /) skipped[++skips] = $1; next }

{
    key = $1 SUBSEP $2
    n = ++count[key]
    round[key, n] = $3
    wall[key, n] = $4
    cpu[key, n] = $5
    rss[key, n] = $6
    bare_wall[$1, $3] = $2 == "bare" ? $4 : bare_wall[$1, $3]
    bare_cpu[$1, $3] = $2 == "bare" ? $5 : bare_cpu[$1, $3]
}

# The median of list[1..n]; sorts it.
function median(n,    i, j, v) {
    for (i = 2; i <= n; i++) {
        v = list[i]
        for (j = i - 1; j >= 1 && list[j] > v; j--)
            list[j + 1] = list[j]
        list[j + 1] = v
    }
    return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

function median_of(values, key,    i) {
    for (i = 1; i <= count[key]; i++)
        list[i] = values[key, i]
    return median(count[key])
}

function ratio_of(values, bare, workload, key,    i) {
    for (i = 1; i <= count[key]; i++)
        list[i] = values[key, i] / bare[workload, round[key, i]]
    return median(count[key])
}

# Time of the bare program, for each call where the workload has calls.
function bare_text(workload, ns,    calls) {
    calls = fact["calls " workload]
    return calls ? sprintf("%.1f ns", ns / calls) : sprintf("%.3f s", ns / 1e9)
}

function table(title, values, bare,    w, c, key, line) {
    printf "\n%s\n%-14s", title, "workload"
    for (c = 1; c <= configurations; c++)
        printf "%12s", configuration[c]
    print ""
    for (w = 1; w <= workloads; w++) {
        printf "%-14s", workload[w]
        for (c = 1; c <= configurations; c++) {
            key = workload[w] SUBSEP configuration[c]
            if (!count[key])
                printf "%12s", "-"
            else if (configuration[c] == "bare")
                printf "%12s", bare_text(workload[w], median_of(values, key))
            else
                printf "%12.2f", ratio_of(values, bare, workload[w], key)
        }
        print ""
    }
}

function quoted(text) {
    gsub(/[\\"]/, "\\\\&", text)
    gsub(/[[:cntrl:]]/, " ", text)
    return "\"" text "\""
}

function write_json(    w, c, key, separator, i) {
    printf "{\"schema\":1,\"date\":%s,\"scale_percent\":%d,\"rounds\":%d,\n", quoted(fact["date"]), fact["scale"], fact["rounds"] >json
    printf " \"machine\":{\"processor\":%s,\"processors\":%d,\"kernel\":%s,\"architecture\":%s},\n", quoted(fact["processor"]),
        fact["processors"], quoted(fact["kernel"]), quoted(fact["machine"]) >json
    printf " \"skipped\":[" >json
    for (i = 1; i <= skips; i++)
        printf "%s{\"name\":%s,\"reason\":%s}", (i > 1 ? "," : ""), quoted(substr(skipped[i], 9)), quoted(fact[skipped[i]]) >json
    printf "],\n \"results\":[" >json
    for (w = 1; w <= workloads; w++)
        for (c = 1; c <= configurations; c++) {
            key = workload[w] SUBSEP configuration[c]
            if (!count[key])
                continue
            printf "%s\n  {\"workload\":%s,\"configuration\":%s,\"rounds\":%d,\"calls\":%s,\"cpu_seconds\":%.6f,\"wall_seconds\":%.6f," \
                "\"cpu_ratio\":%.4f,\"wall_ratio\":%.4f,\"peak_rss_kib\":%d}", separator, quoted(workload[w]), quoted(configuration[c]),
                count[key], (fact["calls " workload[w]] ? fact["calls " workload[w]] : "null"), median_of(cpu, key) / 1e9,
                median_of(wall, key) / 1e9, ratio_of(cpu, bare_cpu, workload[w], key), ratio_of(wall, bare_wall, workload[w], key),
                median_of(rss, key) >json
            separator = ","
        }
    print "\n ]}" >json
}

END {
    workloads = split(fact["workloads"], workload, " ")
    configurations = split(fact["configurations"], configuration, " ")
    printf "%s rounds, interleaved; %s, %s processors, %s\n", fact["rounds"], fact["processor"], fact["processors"], fact["kernel"]
    table("CPU time, as a ratio to bare", cpu, bare_cpu)
    table("Wall time, as a ratio to bare", wall, bare_wall)
    write_json()
}
