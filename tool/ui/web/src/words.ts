/* SPDX-License-Identifier: MIT
 *
 * words.ts - what each number means. The same words as in the project's design and docs.
 */
import type { SiteColumn } from "./document";

export const words = {
    peak: "Peak: the highest live bytes of the whole program, with the live bytes of every site at that same moment.",
    live: "Live: allocated and not yet freed.",
    live_at_exit: "Still live at exit: allocated, and not freed when the program ended. Some of it is kept on purpose, by the program and by its libraries.",
    total: "Total: all that was ever allocated, in bytes that the caller asked for. A realloc counts its whole new size.",
    allocs: "Allocations: how often a block was given. A realloc that gives a block counts one allocation and one free.",
    temporary: "Temporary: freed by the thread that allocated it, with no other allocation of that thread in between.",
    threads: "Threads that ever used the heap.",
    time: "From the tracker's start to the program's end.",
    losses: "Lost: anything that the tracker could not record (a full table, a cut stack). Counted, and shown in every report.",
    size: "Size: the bytes that the caller asked for.",
    average: "Bytes allocated divided by allocations: the average size of this site's blocks.",
    site: "Site: one distinct call stack that allocated. Its name is that of the frame that decides: the innermost that is neither a library that everybody uses nor a wrapper of malloc.",
    rss: "Resident memory (RSS): pages of the whole process that are in RAM, as the system counts them: code, stacks and what the allocator keeps, too.",
    peak_blocks: "Blocks that were live at the peak.",
    peak_error: "With several threads the peak may be higher than stated, by at most this.",
    failed: "Failed: allocations that gave no block.",
    foreign: "Foreign: a block freed or resized that no hook saw being allocated.",
    invalid: "Invalid: frees of blocks that were freed already.",
    unmatched: "Unmatched: frees of unknown blocks, while some blocks are lost.",
    lost_blocks: "Blocks that found no place in the tracker's table. Live and peak are then too high, by at most the lost bytes.",
    lost_bytes: "Sizes of the lost blocks: live and peak are too high by at most this.",
    lost_sites: "Allocations whose stack found no place in the tracker's table; they are counted as the site (other).",
    lost_frames: "Stacks that could not be unwound to their end. The frames inside are kept.",
    lost_deep: "Stacks with more callers than were kept (run --depth=N).",
    lost_processes: "Processes of the run that could make no state file: they ran, and nobody counted.",
    lost_sizes: "Allocations whose size found no place at their site; they count in the sizes of all blocks.",
    lost_events: "Reports and notifications that could not be delivered; calls before the program began.",
    in_progress: "Calls that were inside malloc or free when the numbers were taken: those may be half counted.",
    inherited: "Live at the fork: what this process got from its parent.",
    thread_id: "The kernel's number of the thread that used these counters last. When a thread ends, the next one counts on in its place.",
    shared: "Shared counters: calls from inside the tracker's own calls, of threads on their way out, and of threads beyond the table.",
    frees: "Frees: blocks given back, by this thread.",
    bytes_freed: "Sizes of the blocks that this thread freed. Another thread may have allocated them.",
    build_id: "Build-id: names the exact build of this file; debug information is found by it.",
    module: "A program or library. Its bytes are those of the sites whose deciding frame lies in it.",
    by_design: "Held by design: blocks that libc, the loader or the C++ runtime keep for as long as the process lives, such as buffers of standard streams and thread-local storage. The program could not give them back.",
    growing: "Growing: live bytes rose steadily over the run, tested with Mann and Kendall's test for a trend on what was never given back. Growing is not the same as forgotten.",
    slope: "How fast: the median of the slopes between all pairs of moments (Theil and Sen).",
    confidence: "One minus the one-sided p of the test: how clear the order of the moments is.",
    changed: "new: did not allocate before; gone: does not any more; grew, shrank: by the number that the table is sorted by.",
    change: "After minus before.",
} as const;

export type Measure = "peak_bytes" | "live_bytes" | "bytes_allocated" | "allocs" | "temporary_allocs";

export interface MeasureWords {
    column: Measure;
    label: string;
    unit: "bytes" | "count";
    tip: string;
}

export function measures(ended: string): MeasureWords[] {
    const running = ended === "running";
    return [
        { column: "peak_bytes", label: "At peak", unit: "bytes", tip: words.peak },
        {
            column: "live_bytes",
            label: running ? "Live now" : "Still live",
            unit: "bytes",
            tip: running ? words.live : words.live_at_exit,
        },
        { column: "bytes_allocated", label: "Total bytes", unit: "bytes", tip: words.total },
        { column: "allocs", label: "Allocations", unit: "count", tip: words.allocs },
        { column: "temporary_allocs", label: "Temporary", unit: "count", tip: words.temporary },
    ];
}

/** The blocks that go with a column of bytes. */
export const blocksOf: Partial<Record<SiteColumn, SiteColumn>> = {
    peak_bytes: "peak_blocks",
    live_bytes: "live_blocks",
    bytes_allocated: "allocs",
};
