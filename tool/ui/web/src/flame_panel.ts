/* SPDX-License-Identifier: MIT
 *
 * flame_panel.ts - the flame graph with its controls: which number, which way, what
 * to look for, and what the frame that is pointed at says.
 */
import type { Profile } from "./profile";
import { locationOf } from "./profile";
import { choices, h, hideTip, showTip } from "./dom";
import { FlameGraph, type FlameOwner } from "./flame";
import * as format from "./format";
import { CalleeTree, CallerTree, type Group } from "./tree";
import { blocksOf, measures, type Measure, type MeasureWords } from "./words";

type Direction = "callees" | "callers";
type Widths = "new" | "old";

/** Shades of one hue, so that neighbours can be told apart; which one, the name decides. */
const SHADES = 4;

function shadeOf(text: string): number {
    let hash = 0;
    for (let i = 0; i < text.length && i < 64; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
    return Math.abs(hash) % SHADES;
}

/** Blue where it shrank, orange where it grew: told apart with any kind of colour-blindness. */
function changeColour(before: number, after: number): string {
    const larger = Math.max(before, after);
    const share = larger > 0 ? (after - before) / larger : 0;
    const step = Math.abs(share) < 0.01 ? 0 : Math.ceil(Math.abs(share) * 3);
    return step === 0 ? "--same" : `--${share > 0 ? "grown" : "shrunk"}-${step}`;
}

export class FlamePanel implements FlameOwner {
    readonly element: HTMLElement;
    readonly graph: FlameGraph;
    private measure: MeasureWords;
    private direction: Direction = "callees";
    private widths: Widths = "new";
    private matching: Uint8Array | null = null;
    private matched = 0;
    private total = 0;
    private shownGroup: Group | null = null;
    private readonly names = new Map<number, string>();
    private readonly detail = h("div", { class: "flame-detail", id: "flame-detail" });
    private readonly resetButton = h("button", { type: "button", class: "button", hidden: true }, "Reset zoom");
    private readonly search = h("input", { type: "search", class: "search", label: "Search the flame graph" });
    private readonly matches = h("span", { class: "matches" });

    constructor(private readonly profile: Profile, private readonly showSites: (text: string) => void) {
        const all = measures(profile.document.ended);
        const isEmpty = (item: MeasureWords) => !profile.column(item.column).some((n) => n > 0) &&
            !profile.column(item.column, "old").some((n) => n > 0);
        this.measure = all.find((item) => !isEmpty(item)) ?? all[0]!;
        this.graph = new FlameGraph(this, "Flame graph. Arrow keys move between frames, Enter zooms, Escape zooms out.");
        this.detail.setAttribute("aria-live", "polite");
        this.search.placeholder = "Search functions, files, modules";
        this.search.addEventListener("input", () => this.find(this.search.value.trim()));
        this.search.addEventListener("keydown", (event) => {
            if (event.key === "Escape") this.find((this.search.value = ""));
        });
        this.resetButton.addEventListener("click", () => this.graph.reset());
        this.element = h("section", { id: "flame", class: "panel", label: "Flame graph" },
            h("div", { class: "panel-head" }, h("h2", {}, "Who holds it"), this.legend()),
            this.controls(all), this.graph.element, this.detail);
        queueMicrotask(() => this.rebuild());
    }

    private controls(all: MeasureWords[]): HTMLElement {
        const isDiff = this.profile.document.kind === "diff";
        return h("div", { class: "controls" },
            choices<Measure>("Number", all.map((item) => ({ value: item.column, label: item.label, tip: item.tip })),
                this.measure.column, (column) => {
                    this.measure = all.find((item) => item.column === column)!;
                    this.rebuild();
                }),
            isDiff && choices<Widths>("Widths", [
                { value: "new", label: "After", tip: "Widths show the run after; colours the change." },
                { value: "old", label: "Before", tip: "Widths show the run before: what is gone is here." },
            ], "new", (widths) => {
                this.widths = widths;
                this.rebuild();
            }),
            choices<Direction>("Direction", [
                { value: "callees", label: "Callees", tip: "From the start of the program to the allocation: below each function what it calls." },
                { value: "callers", label: "Callers", tip: "Inverted: from the functions that allocate to those that call them." },
            ], "callees", (direction) => {
                this.direction = direction;
                this.rebuild();
            }),
            choices<"icicle" | "flame">("Shape", [
                { value: "icicle", label: "Icicle", tip: "The first function stands at the top." },
                { value: "flame", label: "Flame", tip: "The first function stands at the bottom." },
            ], "icicle", (shape) => this.graph.setUpwards(shape === "flame")),
            h("span", { class: "search-box" }, this.search, this.matches),
            this.resetButton);
    }

    private legend(): HTMLElement {
        const item = (colour: string, label: string) => {
            const key = h("span", { class: "key key-box" });
            key.style.setProperty("--key", `var(${colour})`);
            return h("span", {}, key, label);
        };
        const keys = this.profile.document.kind === "diff"
            ? [item("--grown-3", "grew"), item("--same", "same"), item("--shrunk-3", "shrank")]
            : [item("--own-1", "program"), item("--library-1", "libraries"), item("--runtime-1", "libc, wrappers of malloc")];
        return h("div", { class: "legend" }, ...keys);
    }

    private rebuild(): void {
        const Kind = this.direction === "callees" ? CalleeTree : CallerTree;
        const tree = new Kind(this.profile, this.measure.column, this.widths);
        this.total = tree.root.value;
        this.countMatches();
        this.graph.setTree(tree);
    }

    private find(text: string): void {
        this.matching = text === "" ? null : this.profile.matchingFrames(text);
        this.countMatches();
        this.graph.setSearching(this.matching !== null);
    }

    private countMatches(): void {
        if (this.matching === null) {
            this.matches.textContent = "";
            return;
        }
        const sites = this.profile.matches(this.search.value.trim());
        const column = this.profile.column(this.measure.column, this.widths);
        this.matched = column.reduce((sum, n, site) => sum + (sites[site] ? Math.max(0, n) : 0), 0);
        this.matches.textContent = `${this.value(this.matched)}, ${format.percent(this.matched, this.total)}`;
    }

    private value(n: number): string {
        return this.measure.unit === "bytes" ? format.bytes(n) : format.plural(n, "allocation");
    }

    // --- What the graph asks -----------------------------------------------------------

    nameOf(group: Group): string {
        if (group.frame < 0) {
            const title = `${format.baseName(this.profile.document.program) || "all"} \u2013 ${this.measure.label.toLowerCase()}`;
            return `${title}, ${this.value(group.value)}`;
        }
        let name = this.names.get(group.frame);
        if (name === undefined) this.names.set(group.frame, (name = this.profile.frame(group.frame).function.slice(0, 400)));
        return name;
    }

    colourOf(group: Group): string {
        if (this.profile.document.kind === "diff")
            return this.widths === "new" ? changeColour(group.other, group.value) : changeColour(group.value, group.other);
        if (group.frame < 0) return "--runtime-0";
        const frame = this.profile.frame(group.frame);
        if (frame.passesOn || frame.note) return `--runtime-${shadeOf(frame.function)}`;
        return `--${frame.module === this.profile.document.program ? "own" : "library"}-${shadeOf(frame.function)}`;
    }

    isMatch(group: Group): boolean {
        return group.frame >= 0 && this.matching !== null && this.matching[group.frame] === 1;
    }

    private lines(group: Group): string[] {
        const zoom = this.total;
        const lines = [this.nameOf(group)];
        if (group.frame >= 0) {
            const frame = this.profile.frame(group.frame);
            const where = locationOf(frame, "");
            if (where) lines.push(`${where}${frame.inlined ? " (inlined)" : ""}`);
        }
        lines.push(`${this.measure.label}: ${this.value(group.value)}, ${format.percent(group.value, zoom)} of all`);
        if (this.profile.document.kind === "diff") {
            const [before, after] = this.widths === "new" ? [group.other, group.value] : [group.value, group.other];
            lines.push(`before ${this.value(before)}, after ${this.value(after)}: ${format.signed(after - before, (n) => this.value(n))}`);
        }
        return lines;
    }

    shown(group: Group | null): void {
        this.shownGroup = group;
        if (group === null) {
            this.detail.replaceChildren(h("span", { class: "muted" }, "Click a frame to zoom. With the keyboard: arrows move, Enter zooms, Escape goes back."));
            return;
        }
        const [name, ...rest] = this.lines(group);
        this.detail.replaceChildren(h("code", {}, name), h("span", { class: "muted" }, rest.join(" \u00b7 ")));
        if (group.frame >= 0) {
            const text = this.profile.frame(group.frame).function;
            this.detail.append(h("button", { type: "button", class: "link", onclick: () => this.showSites(text) }, "its sites"));
        }
    }

    zoomed(group: Group): void {
        this.resetButton.hidden = group.parent === null;
    }

    hover(group: Group | null, x: number, top: number, bottom: number): void {
        if (group === null) hideTip();
        else showTip(this.lines(group), x, top, bottom);
    }

    /** For tests. */
    get state(): { measure: string; direction: string; shown: string | null; blocks: string | undefined } {
        return { measure: this.measure.column, direction: this.direction, blocks: blocksOf[this.measure.column],
            shown: this.shownGroup ? this.nameOf(this.shownGroup) : null };
    }
}
