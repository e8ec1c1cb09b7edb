/* SPDX-License-Identifier: MIT
 *
 * document.ts - the JSON document that a page carries; ../README.md describes it.
 * Columns side by side, not objects: 100,000 sites are read in a moment.
 */

/** One number for each site; the names are those of `report --format=json`. */
export interface SiteColumns {
    live_bytes: number[];
    live_blocks: number[];
    peak_bytes: number[];
    peak_blocks: number[];
    bytes_allocated: number[];
    allocs: number[];
    temporary_allocs: number[];
}

export type SiteColumn = keyof SiteColumns;

/** Pairs of log2 of the size and allocations: [4, n] counts sizes from 16 to 31 bytes, [-1, n] size 0. */
export type Sizes = [number, number][];

export interface Point {
    ms: number;
    live_bytes: number;
    live_blocks: number;
    rss_bytes: number; // 0: not known
}

export type Totals = Record<
    | "allocs" | "frees" | "reallocs" | "bytes_allocated" | "live_bytes" | "live_blocks" | "peak_bytes"
    | "peak_blocks" | "temporary_allocs" | "failed_allocs" | "foreign_frees" | "invalid_frees"
    | "unmatched_frees" | "threads" | "peak_error_bytes",
    number
> & { largest_bytes?: number };

export interface Growth {
    bytes_per_second: number;
    confidence: number; // 0 to 1
    from_bytes: number;
    to_bytes: number;
}

/** What `report --format=json` says of one run, without its sites. */
export interface Run {
    program: string;
    pid: number;
    command: string[];
    ended: "exit" | "signal" | "running" | "exec" | "unknown";
    status: number;
    seconds: number;
    peak_seconds: number; // 0: not known
    peak_from_seconds?: number; // it was between this and peak_seconds
    file: string | null;
    totals: Totals;
    timeline: Point[];
    lost: Record<"blocks" | "bytes" | "sites" | "frames" | "events", number> & { deep?: number; sizes?: number; processes?: number };
    calls_in_progress: number;
    inherited: { live_bytes: number; live_blocks: number };
    children: Child[];
    threads_detail: Thread[];
    heaps?: { name: string }[]; // of a report of one heap that one
    growth?: Growth & { verdict: string; sites: (Growth & { id: number })[] }; // id: of a site, from 1
}

export interface Child {
    pid: number;
    program: string;
    ended: string;
    peak_bytes: number;
    live_bytes: number;
    allocs: number;
}

export interface Thread {
    slot: number; // 0: shared by calls that have none of their own
    thread_id: number;
    allocs: number;
    frees: number;
    bytes_allocated: number;
    bytes_freed: number;
    temporary_allocs: number;
    failed_allocs: number;
}

export const FRAME_INLINED = 1;
/** Passes allocations on and says nothing about who wanted them. */
export const FRAME_PASSES_ON = 2;
export const FRAME_NAMED = 4;
/** No code: says why there is none. */
export const FRAME_NOTE = 8;

export interface PageDocument extends Run {
    kind: "report" | "diff";
    tool: string;
    lines: { name: string; bytes: number }[]; // for the timeline: threshold, limit
    strings: string[];
    modules: { path: number[]; build_id: number[] }; // indices of strings
    frames: { function: number[]; file: number[]; line: number[]; module: number[]; flags: number[] };
    nodes: { up: number[]; frame: number[] }; // up: how many places before it its caller is; 0: none
    sites: SiteColumns & {
        node: number[]; // innermost
        who: number[]; // the deciding frame's
        by_design?: number[]; // sites whose blocks libc, the loader or the C++ runtime keep
        sizes?: Sizes[];
    };
    sizes?: Sizes;
    by?: SiteColumn; // with kind "diff": what to show first
    paths?: [string, string]; // with kind "diff": of both files, as the user named them
    old?: Run & { sites: SiteColumns }; // with kind "diff": the run before, the same sites
}

export function readDocument(): PageDocument {
    const text = document.getElementById("document")?.textContent ?? "";
    const read = JSON.parse(text) as PageDocument;
    if ((read.kind !== "report" && read.kind !== "diff") || (read.kind === "diff") !== (read.old !== undefined))
        throw new Error("this page carries no document that it knows");
    return read;
}
