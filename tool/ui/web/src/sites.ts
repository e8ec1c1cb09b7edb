/* SPDX-License-Identifier: MIT
 *
 * sites.ts - the table of sites: sorted by any number, searched by any frame, page by
 * page; a row opens to its whole stack.
 */
import type { SiteColumn } from "./document";
import { bar, h, setTip } from "./dom";
import * as format from "./format";
import { locationOf, type Frame, type Profile } from "./profile";
import { sizesChart } from "./sizes";
import { blocksOf, measures, words, type MeasureWords } from "./words";

const PAGE = 25;
const NARROW = matchMedia("(max-width: 760px)"); // as in style.css
const CALLERS_SHOWN = 3; // as many of them as fit

interface Column {
    key: string;
    label: string;
    tip: string;
    value: (site: number) => number;
    text: (n: number) => string;
    exact: (site: number) => string;
    total: number; // of which a bar shows the share; 0: none
}

export class SitesPanel {
    readonly element: HTMLElement;
    private readonly columns: Column[];
    private readonly order: Int32Array;
    private shown: Int32Array;
    private sortKey: string;
    private descending = true;
    private page = 0;
    private open = -1; // a site
    private readonly byDesign: Set<number>;
    private readonly body = h("tbody");
    private readonly head = h("tr");
    private readonly position = h("span", { class: "position" });
    private readonly previous = h("button", { type: "button", class: "button", label: "Previous page" }, "\u2039");
    private readonly next = h("button", { type: "button", class: "button", label: "Next page" }, "\u203A");
    private readonly search = h("input", { type: "search", class: "search", label: "Search the sites" });
    private readonly select = h("select", { label: "Sort by" });

    constructor(private readonly profile: Profile) {
        this.columns = profile.document.old ? this.diffColumns() : this.reportColumns();
        this.byDesign = new Set(profile.document.sites.by_design);
        this.sortKey = this.columns[0]!.key;
        this.order = Int32Array.from({ length: profile.siteCount }, (_, i) => i);
        this.shown = this.order;
        this.position.setAttribute("aria-live", "polite");
        this.search.placeholder = "Search all frames of all stacks";
        this.search.addEventListener("input", () => this.filter());
        this.search.addEventListener("keydown", (event) => {
            if (event.key === "Escape") this.find("");
        });
        this.previous.addEventListener("click", () => this.turn(-1));
        this.next.addEventListener("click", () => this.turn(1));
        for (const column of this.columns) {
            const option = h("option", {}, column.label);
            option.value = column.key;
            this.select.append(option);
        }
        this.select.addEventListener("change", () => this.sortBy(this.select.value));
        this.element = h("section", { id: "sites", class: "panel", label: "Sites" },
            h("div", { class: "panel-head" }, h("h2", {}, profile.document.old ? "What changed" : "Sites"),
                h("button", { type: "button", class: "term", tip: words.site }, format.plural(profile.siteCount, "call stack"))),
            h("div", { class: "controls" }, h("span", { class: "search-box" }, this.search),
                h("label", { class: "sort-select" }, "Sort by ", this.select),
                h("span", { class: "pager" }, this.previous, this.position, this.next)),
            h("table", { class: "sites" }, h("thead", {}, this.head), this.body));
        NARROW.addEventListener("change", () => this.render());
        this.sort();
    }

    /** Shows the sites whose stacks have the text. */
    find(text: string): void {
        this.search.value = text;
        this.filter();
    }

    /** Opens one site, on the page of the table that it is on. */
    show(site: number): void {
        this.search.value = "";
        this.open = site;
        this.filter();
        this.page = Math.floor(this.shown.indexOf(site) / PAGE);
        this.render();
        this.body.querySelectorAll<HTMLElement>("button.site-name")[this.indexOnPage(site)]?.focus();
    }

    // --- Columns --------------------------------------------------------------------

    private blocksText(item: MeasureWords, site: number): string {
        const n = this.profile.column(item.column)[site]!;
        const blocks = blocksOf[item.column];
        if (item.unit === "count") return format.plural(n, item.column === "allocs" ? "allocation" : "temporary allocation");
        return `${format.exactBytes(n)} in ${format.plural(blocks ? this.profile.column(blocks)[site]! : 0, "block")}`;
    }

    private reportColumns(): Column[] {
        const { totals } = this.profile.document;
        const columns = measures(this.profile.document.ended).map((item): Column => {
            const values = this.profile.column(item.column);
            return { key: item.column, label: item.label, tip: item.tip, value: (site) => values[site]!,
                text: item.unit === "bytes" ? format.bytes : format.shortCount,
                exact: (site) => this.blocksText(item, site), total: totals[item.column] };
        });
        const total = this.profile.column("bytes_allocated");
        const allocs = this.profile.column("allocs");
        const average = (site: number) => (allocs[site]! > 0 ? total[site]! / allocs[site]! : 0);
        columns.push({ key: "average", label: "Average", tip: words.average, value: average, text: format.bytes,
            exact: (site) => `${format.oneDecimal(average(site))} bytes a block`, total: 0 });
        return columns;
    }

    private diffColumns(): Column[] {
        return measures("exit").map((item): Column => {
            const after = this.profile.column(item.column);
            const before = this.profile.column(item.column, "old");
            const text = item.unit === "bytes" ? format.bytes : format.shortCount;
            return { key: item.column, label: item.label, tip: `${words.change} ${item.tip}`,
                value: (site) => after[site]! - before[site]!, text: (n) => format.signed(n, text),
                exact: (site) => `before ${format.count(before[site]!)}, after ${format.count(after[site]!)}`, total: 0 };
        });
    }

    /** "new", "gone", "grew" or "shrank", by the number that is sorted by. */
    private change(site: number): string {
        const column = this.sortKey as SiteColumn;
        const after = this.profile.column(column)[site]!;
        const before = this.profile.column(column, "old")[site]!;
        if (before === after) return "same";
        if (before === 0) return "new";
        return after === 0 ? "gone" : after > before ? "grew" : "shrank";
    }

    // --- Order ----------------------------------------------------------------------

    private column(): Column {
        return this.columns.find((item) => item.key === this.sortKey)!;
    }

    private sort(): void {
        const { value } = this.column();
        const isDiff = this.profile.document.kind === "diff";
        const keys = Float64Array.from(this.order, (_, site) => (isDiff ? Math.abs(value(site)) : value(site)));
        const sign = this.descending ? -1 : 1;
        this.order.sort((a, b) => sign * (keys[a]! - keys[b]!) || a - b);
        this.filter();
    }

    private sortBy(key: string): void {
        this.descending = key === this.sortKey ? !this.descending : true;
        this.sortKey = key;
        this.sort();
    }

    private filter(): void {
        const text = this.search.value.trim();
        if (text === "") this.shown = this.order;
        else {
            const has = this.profile.matches(text);
            this.shown = this.order.filter((site) => has[site] === 1);
        }
        this.page = 0;
        this.render();
    }

    private turn(step: number): void {
        this.page += step;
        this.render();
    }

    // --- Elements ---------------------------------------------------------------------

    private render(): void {
        const pages = Math.max(1, Math.ceil(this.shown.length / PAGE));
        this.page = Math.max(0, Math.min(this.page, pages - 1));
        const first = this.page * PAGE;
        const sites = [...this.shown.subarray(first, first + PAGE)];
        this.select.value = this.sortKey;
        this.previous.disabled = this.page === 0;
        this.next.disabled = this.page >= pages - 1;
        this.position.textContent = this.shown.length === 0 ? "none"
            : `${format.count(first + 1)}\u2013${format.count(first + sites.length)} of ${format.count(this.shown.length)}`;
        this.head.replaceChildren(h("th", { scope: "col" }, "Site"), ...this.columns.map((column) => this.headCell(column)));
        this.body.replaceChildren(...sites.flatMap((site) => this.rows(site)));
        if (sites.length === 0)
            this.body.append(h("tr", {}, h("td", { class: "muted", colspan: this.span() },
                this.profile.siteCount > 0 ? "No stack has this text." : "No sites were recorded (--stacks=none).")));
    }

    private headCell(column: Column): HTMLElement {
        const isSorted = column.key === this.sortKey;
        const button = h("button", { type: "button", class: "sort", tip: column.tip }, column.label);
        const cell = h("th", { scope: "col", class: isSorted ? "number sorted" : "number" }, button);
        cell.setAttribute("aria-sort", isSorted ? (this.descending ? "descending" : "ascending") : "none");
        button.addEventListener("click", () => {
            this.sortBy(column.key);
            // The head was made anew; the focus stays where it was.
            [...this.head.querySelectorAll("button")].find((other) => other.textContent === column.label)?.focus();
        });
        return cell;
    }

    private rows(site: number): HTMLElement[] {
        const isOpen = site === this.open;
        const frame = this.profile.deciding(site);
        const button = h("button", { type: "button", class: frame.note ? "site-name note" : "site-name" }, frame.function);
        button.setAttribute("aria-expanded", String(isOpen));
        const row = h("tr", { class: isOpen ? "open" : "" }, h("td", { class: "site" }, button, this.under(site, frame)));
        for (const column of this.columns) {
            const n = column.value(site);
            const cell = h("td", { class: column.key === this.sortKey ? "number sorted" : "number" },
                h("span", { class: n === 0 ? "zero" : "" }, n === 0 ? "0" : column.text(n)));
            setTip(cell, column.exact(site));
            cell.removeAttribute("aria-description");
            if (column.total > 0 && column.key === this.sortKey) cell.append(bar(n / column.total));
            row.append(cell);
        }
        row.addEventListener("click", (event) => {
            if ((event.target as Element).closest("td.site") === null || getSelection()?.toString()) return;
            this.open = isOpen ? -1 : site;
            this.render();
            // The button was made anew; where a key pressed it (detail 0), the focus stays on it.
            if (event.detail === 0) this.body.querySelectorAll<HTMLElement>("button.site-name")[this.indexOnPage(site)]?.focus();
        });
        return isOpen ? [row, this.details(site)] : [row];
    }

    /** On a narrow screen the style sheet shows one number only. */
    private span(): number {
        return NARROW.matches ? 2 : this.columns.length + 1;
    }

    private indexOnPage(site: number): number {
        return this.shown.indexOf(site) - this.page * PAGE;
    }

    private under(site: number, frame: Frame): HTMLElement {
        const where = locationOf(frame, this.profile.document.program);
        const line = h("span", { class: "where" });
        if (this.profile.document.kind === "diff") {
            const change = this.change(site);
            line.append(h("span", { class: `change change-${change}`, tip: words.changed }, change));
        }
        if (this.byDesign.has(site)) line.append(h("span", { class: "tag", tip: words.by_design }, "by design"));
        const callers = this.profile.callers(site, CALLERS_SHOWN).map((caller) => ` \u2190 ${caller.function}`);
        line.append(where, ...callers);
        return line;
    }

    private details(site: number): HTMLElement {
        const list = h("ol", { class: "stack", label: "Call stack, innermost first" });
        const who = this.profile.document.sites.who[site]!;
        for (const node of this.profile.stack(site)) {
            const frame = this.profile.frame(this.profile.nodeFrames[node]!);
            const where = locationOf(frame, "");
            list.append(h("li", { class: node === who ? "deciding" : frame.passesOn || frame.note ? "passes-on" : "" },
                h("code", {}, frame.function), frame.inlined && h("span", { class: "tag" }, "inlined"),
                where !== "" && h("span", { class: "where" }, where)));
        }
        const numbers = h("dl", { class: "numbers" });
        for (const column of this.columns)
            numbers.append(h("dt", { tip: column.tip }, column.label), h("dd", {}, column.exact(site)));
        const sizes = this.profile.document.sites.sizes?.[site];
        return h("tr", { class: "details" }, h("td", { colspan: this.span() },
            h("div", { class: "detail-grid" }, list,
                h("div", {}, numbers, sizes && sizes.length > 0 ? sizesChart(sizes, "Sizes of this site's blocks") : null))));
    }
}
