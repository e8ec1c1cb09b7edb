/* SPDX-License-Identifier: MIT
 *
 * sizes.ts - how large the blocks were: allocations by the power of two of their size.
 */
import type { PageDocument, Sizes } from "./document";
import { bar, h, setTip } from "./dom";
import * as format from "./format";
import type { Profile } from "./profile";

/** "16\u201331 B", "1\u20132 KiB": the second is not reached. -1 is size 0. */
function rangeOf(exponent: number): string {
    if (exponent <= 0) return `${exponent + 1} B`;
    if (exponent < 10) return `${2 ** exponent}\u2013${2 ** (exponent + 1) - 1} B`;
    const [number, unit] = format.bytes(2 ** exponent).replace(".0", "").split(" ");
    return `${number}\u2013${2 * Number(number)} ${unit}`;
}

export function sizesChart(sizes: Sizes, label: string): HTMLElement {
    const known = new Map(sizes);
    const exponents = [...known.keys()];
    const first = Math.min(...exponents);
    const last = Math.max(...exponents);
    const all = sizes.reduce((sum, [, n]) => sum + n, 0);
    const most = Math.max(...known.values(), 1);
    const chart = h("div", { class: "histogram", role: "table", label });
    for (let exponent = first; exponent <= last; exponent++) {
        const n = known.get(exponent) ?? 0;
        const row = h("div", { class: "histogram-row", role: "row" },
            h("span", { class: "histogram-range", role: "rowheader" }, rangeOf(exponent)), bar(n / most),
            h("span", { class: "histogram-count", role: "cell" }, n === 0 ? "" : format.shortCount(n)));
        const [from, to] = [Math.floor(2 ** exponent), 2 ** (exponent + 1) - 1];
        setTip(row, `${from === to ? format.plural(to, "byte") : `${format.count(from)} to ${format.count(to)} bytes`}: ` +
            `${format.plural(n, "allocation")}, ${format.percent(n, all)}`);
        chart.append(row);
    }
    return chart;
}

/** Where sizes themselves were not recorded: each site's average size, and its allocations. */
function averages(profile: Profile): Sizes {
    const counts = new Map<number, number>();
    const bytes = profile.column("bytes_allocated");
    profile.column("allocs").forEach((n, site) => {
        if (n <= 0) return;
        const exponent = bytes[site] === 0 ? -1 : Math.max(0, Math.floor(Math.log2(bytes[site]! / n)));
        counts.set(exponent, (counts.get(exponent) ?? 0) + n);
    });
    return [...counts].sort((a, b) => a[0] - b[0]);
}

export function sizesPanel(read: PageDocument, profile: Profile): HTMLElement | null {
    const sizes = read.sizes ?? averages(profile);
    if (sizes.length === 0) return null;
    const [title, note] = read.sizes
        ? ["Sizes of blocks", "Allocations by size in bytes. Each row is a power of two."]
        : ["Average sizes", "Allocations by the average block size of their site, in bytes: the sizes of single blocks were not recorded."];
    return h("section", { id: "sizes", class: "panel", label: title },
        h("div", { class: "panel-head" }, h("h2", {}, title)), h("p", { class: "note" }, note), sizesChart(sizes, title));
}
