/* SPDX-License-Identifier: MIT
 *
 * panels.ts - the parts of the page that only show: head, tiles, modules, threads,
 * losses, children.
 */
import type { Growth, PageDocument, Run } from "./document";
import { bar, h, term, type Content } from "./dom";
import * as format from "./format";
import { callersText, type Profile } from "./profile";
import { themeButton } from "./theme";
import { words } from "./words";

function endOf(run: Run): string {
    switch (run.ended) {
        case "exit": return `exit status ${run.status}`;
        case "signal": return `killed by signal ${run.status}`;
        case "running": return "running";
        case "exec": return "went on with another program";
        default: return "ended, how is not known";
    }
}

function commandOf(run: Run): string {
    return run.command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}

export function header(read: PageDocument): HTMLElement {
    const name = format.baseName(read.program) || "a program";
    const other = read.heaps?.length === 1 && read.heaps[0]!.name !== "C" ? `heap ${read.heaps[0]!.name}` : "";
    const facts = [other, endOf(read), read.seconds > 0 ? format.seconds(read.seconds) : "", `pid ${read.pid}`, read.file ?? ""];
    return h("header", {},
        h("div", { class: "brand" }, h("span", {}, "HeapTracker"), themeButton()),
        h("h1", {}, name, read.old ? h("span", { class: "muted" }, " \u2013 what changed") : null),
        read.command.length > 0 && h("p", { class: "command" }, h("code", {}, commandOf(read).slice(0, 2000))),
        h("p", { class: "facts" }, facts.filter((fact) => fact !== "").join(" \u00b7 ")),
        read.old ? h("p", { class: "facts" }, `after: ${read.paths?.[1] ?? commandOf(read)} \u00b7 before: ${read.paths?.[0] ?? commandOf(read.old)} (${endOf(read.old)} \u00b7 pid ${read.old.pid})`) : null);
}

// --- Tiles ------------------------------------------------------------------------

function tile(id: string, label: string, tip: string, value: string, exact: string, under: string, kind = ""): HTMLElement {
    return h("div", { class: `tile ${kind}`, id: `tile-${id}` }, term(label, tip),
        h("span", { class: "tile-value", tip: exact }, value), h("span", { class: "tile-under" }, under));
}

function lossesOf(run: Run): number {
    return run.lost.blocks + run.lost.sites + run.lost.frames + run.lost.events + (run.lost.sizes ?? 0) + (run.lost.processes ?? 0);
}

/** As near as it is known. */
function peakTime(run: Run): string {
    const from = run.peak_from_seconds ?? run.peak_seconds;
    if (from === run.peak_seconds && from === run.seconds) return run.ended === "running" ? "now" : "at the end";
    const [first, last] = [format.seconds(from), format.seconds(run.peak_seconds)];
    if (first === last) return `at ${last}`;
    const [number, unit] = first.split(" ");
    return last.endsWith(` ${unit}`) ? `at ${number}\u2013${last}` : `at ${first.replace("\u2013", "0 s")}\u2013${last}`;
}

export function tiles(read: PageDocument): HTMLElement {
    const { totals, old } = read;
    const isRunning = read.ended === "running";
    const lost = lossesOf(read);
    const deep = read.lost.deep ?? 0;
    const change = (n: number, before: number, text: (n: number) => string) =>
        old ? `${format.signed(n - before, text)} (was ${text(before)})` : null;
    const under = (column: "peak_bytes" | "live_bytes", text: string) =>
        old ? change(totals[column], old.totals[column], format.bytes)! : text;
    const keptByDesign = (read.sites.by_design ?? []).reduce((sum, site) => sum + read.sites.live_bytes[site]!, 0);
    const kept = keptByDesign > 0 ? `, ${format.bytes(keptByDesign)} by design` : "";
    const at = read.peak_seconds > 0 ? `, ${peakTime(read)}` : "";
    const largest = totals.largest_bytes === undefined ? "" : ` The largest block had ${format.exactBytes(totals.largest_bytes)}.`;
    const share = (run: Run) => format.percent(run.totals.temporary_allocs, run.totals.allocs);
    return h("section", { class: "tiles", id: "summary", label: "Summary" },
        tile("peak", "Peak", `${words.peak}${totals.peak_error_bytes > 0 ? ` ${words.peak_error}` : ""}`, format.bytes(totals.peak_bytes),
            format.exactBytes(totals.peak_bytes), under("peak_bytes", `${format.plural(totals.peak_blocks, "block")}${at}`), "main"),
        tile("live", isRunning ? "Live now" : "Still live at exit", `${isRunning ? words.live : words.live_at_exit}${kept ? ` ${words.by_design}` : ""}`,
            format.bytes(totals.live_bytes), format.exactBytes(totals.live_bytes),
            under("live_bytes", `${format.plural(totals.live_blocks, "block")}${kept}`), "main"),
        tile("allocs", "Allocations", `${words.allocs}${largest}`, format.shortCount(totals.allocs), format.plural(totals.allocs, "allocation"),
            change(totals.allocs, old?.totals.allocs ?? 0, format.shortCount) ?? `${format.bytes(totals.bytes_allocated)} in total`),
        tile("temporary", "Temporary", words.temporary, share(read), format.plural(totals.temporary_allocs, "temporary allocation"),
            old ? `was ${share(old)}` : `${format.shortCount(totals.temporary_allocs)} allocations`),
        tile("threads", "Threads", words.threads, format.count(totals.threads), format.plural(totals.threads, "thread"),
            old ? `was ${format.count(old.totals.threads)}` : "used the heap"),
        tile("time", "Time", words.time, format.seconds(read.seconds), read.seconds > 0 ? `${read.seconds} s` : "its end was not seen",
            old ? `was ${format.seconds(old.seconds)}` : endOf(read)),
        tile("losses", "Losses", words.losses, lost === 0 ? "none" : format.shortCount(lost), lost === 0 ? "No number is missing." : `${format.count(lost)} in all`,
            lost > 0 ? "see below" : deep > 0 ? `${format.shortCount(deep)} stacks cut at --depth` : "all was recorded", lost === 0 ? "" : "warn"));
}

// --- Tables -----------------------------------------------------------------------

interface ColumnHead {
    label: string;
    tip?: string;
    number?: boolean;
}

function table(id: string, heads: ColumnHead[], rows: Content[][]): HTMLElement {
    const cell = (content: Content, i: number) => h("td", { class: heads[i]?.number ? "number" : "" }, content);
    return h("div", { class: "scroll" }, h("table", { id }, h("thead", {}, h("tr", {}, ...heads.map((head) =>
        h("th", { scope: "col", class: head.number ? "number" : "" }, head.tip ? term(head.label, head.tip) : head.label)))),
        h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map(cell))))));
}

function panel(id: string, title: string, ...content: Content[]): HTMLElement {
    return h("section", { id, class: "panel", label: title }, h("div", { class: "panel-head" }, h("h2", {}, title)), ...content);
}

function bytesCell(n: number, total = 0): HTMLElement {
    return h("span", { tip: format.exactBytes(n), class: n === 0 ? "zero" : "" }, n === 0 ? "0" : format.bytes(n),
        total > 0 ? bar(n / total) : null);
}

function countCell(n: number): HTMLElement {
    return h("span", { class: n === 0 ? "zero" : "" }, format.count(n));
}

/** A cell's number has its exact form when it is pointed at; it is no stop of the keyboard. */
export function modulesPanel(profile: Profile): HTMLElement | null {
    const read = profile.document;
    const sums = new Map<string, { peak: number; live: number; total: number; allocs: number }>();
    for (let site = 0; site < profile.siteCount; site++) {
        const frame = profile.deciding(site);
        const name = frame.note ? "" : frame.module;
        const sum = sums.get(name) ?? { peak: 0, live: 0, total: 0, allocs: 0 };
        sum.peak += read.sites.peak_bytes[site]!;
        sum.live += read.sites.live_bytes[site]!;
        sum.total += read.sites.bytes_allocated[site]!;
        sum.allocs += read.sites.allocs[site]!;
        sums.set(name, sum);
    }
    const ids = new Map(read.modules.path.map((path, i) => [read.strings[path]!, read.strings[read.modules.build_id[i]!]!]));
    for (const path of ids.keys()) if (path !== "" && !sums.has(path)) sums.set(path, { peak: 0, live: 0, total: 0, allocs: 0 });
    if (sums.size === 0) return null;
    const rows = [...sums].sort(([, a], [, b]) => b.peak - a.peak || b.live - a.live || b.total - a.total);
    return panel("modules", "Modules", table("modules-table", [
        { label: "Module", tip: words.module },
        { label: "At peak", tip: words.peak, number: true },
        { label: read.ended === "running" ? "Live now" : "Still live", tip: words.live, number: true },
        { label: "Total bytes", tip: words.total, number: true },
        { label: "Build-id", tip: words.build_id },
    ], rows.map(([path, sum]) => [
        h("span", { class: "module", tip: path || "Sites without a frame that is known." }, path ? format.baseName(path) : "(not known)"),
        bytesCell(sum.peak, read.totals.peak_bytes), bytesCell(sum.live), bytesCell(sum.total),
        h("code", { class: "build-id", tip: ids.get(path) || "It has none." }, (ids.get(path) ?? "").slice(0, 12) || "\u2013"),
    ])));
}

/** Sites whose live bytes rose steadily; a name shows the site in the table. */
export function growthPanel(profile: Profile, show: (site: number) => void): HTMLElement | null {
    const { growth, old } = profile.document;
    if (old || !growth || (growth.verdict !== "growing" && growth.sites.length === 0)) return null;
    const row = (name: Content, of: Growth): Content[] =>
        [name, format.slope(of.bytes_per_second), format.confidence(of.confidence), bytesCell(of.from_bytes), bytesCell(of.to_bytes)];
    const rows = growth.sites.filter(({ id }) => id >= 1 && id <= profile.siteCount).map((site) =>
        row(h("span", {}, h("button", { type: "button", class: "site-link", onclick: () => show(site.id - 1) }, profile.deciding(site.id - 1).function),
            h("span", { class: "where" }, callersText(profile, site.id - 1, 2))), site));
    if (growth.verdict === "growing") rows.unshift(row("the whole program", growth));
    return panel("growth", "Growing", h("p", { class: "note" }, "Live bytes that rose steadily over the run."), table("growth-table", [
        { label: "Site", tip: words.growing }, { label: "Slope", tip: words.slope, number: true },
        { label: "Confidence", tip: words.confidence, number: true },
        { label: "From", tip: words.live, number: true }, { label: "To", tip: words.live, number: true },
    ], rows));
}

const THREADS_SHOWN = 100;

export function threadsPanel(read: PageDocument): HTMLElement | null {
    const threads = [...read.threads_detail].sort((a, b) => b.bytes_allocated - a.bytes_allocated || a.slot - b.slot);
    if (threads.length === 0) return null;
    const rows = threads.slice(0, THREADS_SHOWN).map((thread): Content[] => [
        thread.slot === 0 ? term("shared", words.shared) : thread.thread_id > 0 ? String(thread.thread_id) : "\u2013",
        countCell(thread.allocs), bytesCell(thread.bytes_allocated, read.totals.bytes_allocated),
        countCell(thread.frees), bytesCell(thread.bytes_freed),
        format.percent(thread.temporary_allocs, thread.allocs),
    ]);
    return panel("threads", "Threads", table("threads-table", [
        { label: "Thread", tip: words.thread_id },
        { label: "Allocations", tip: words.allocs, number: true },
        { label: "Bytes", tip: words.total, number: true },
        { label: "Frees", tip: words.frees, number: true },
        { label: "Bytes freed", tip: words.bytes_freed, number: true },
        { label: "Temporary", tip: words.temporary, number: true },
    ], rows), threads.length > THREADS_SHOWN &&
        h("p", { class: "note" }, `and ${format.plural(threads.length - THREADS_SHOWN, "thread")} that allocated less`));
}

export function lossesPanel(read: PageDocument): HTMLElement {
    const { totals, lost, inherited } = read;
    const all: [string, number, string, "bytes" | "count"][] = [
        ["Lost blocks", lost.blocks, words.lost_blocks, "count"],
        ["Lost bytes", lost.bytes, words.lost_bytes, "bytes"],
        ["Allocations without a site", lost.sites, words.lost_sites, "count"],
        ["Stacks without their outermost callers", lost.frames, words.lost_frames, "count"],
        ["Stacks deeper than was kept", lost.deep ?? 0, words.lost_deep, "count"],
        ["Sizes without a site", lost.sizes ?? 0, words.lost_sizes, "count"],
        ["Lost events", lost.events, words.lost_events, "count"],
        ["Lost processes", lost.processes ?? 0, words.lost_processes, "count"],
        ["Peak may be short by", totals.peak_error_bytes, words.peak_error, "bytes"],
        ["Failed allocations", totals.failed_allocs, words.failed, "count"],
        ["Foreign frees", totals.foreign_frees, words.foreign, "count"],
        ["Invalid frees", totals.invalid_frees, words.invalid, "count"],
        ["Unmatched frees", totals.unmatched_frees, words.unmatched, "count"],
        ["Calls in progress", read.calls_in_progress, words.in_progress, "count"],
        ["Inherited at the fork", inherited.live_bytes, words.inherited, "bytes"],
    ];
    return panel("losses", "Losses and errors", table("losses-table", [{ label: "What" }, { label: "How much", number: true }],
        all.map(([label, n, tip, unit]) => [term(label, tip), unit === "bytes" ? bytesCell(n) : countCell(n)])));
}

const CHILDREN_SHOWN = 100;

export function childrenPanel(read: PageDocument): HTMLElement | null {
    if (read.children.length === 0) return null;
    const shown = [...read.children].sort((a, b) => b.peak_bytes - a.peak_bytes).slice(0, CHILDREN_SHOWN);
    return panel("children", "Other processes", table("children-table", [
        { label: "Program" }, { label: "pid", number: true }, { label: "Peak", tip: words.peak, number: true },
        { label: "Live", tip: words.live, number: true }, { label: "Allocations", tip: words.allocs, number: true }, { label: "End" },
    ], shown.map((child) => [
        h("span", { tip: child.program }, format.baseName(child.program)), String(child.pid), bytesCell(child.peak_bytes),
        bytesCell(child.live_bytes), countCell(child.allocs), child.ended,
    ])), read.children.length > shown.length && h("p", { class: "note" }, `and ${read.children.length - shown.length} with a lower peak`));
}
