/* SPDX-License-Identifier: MIT
 *
 * flame.ts - a flame graph on a canvas: only frames that are wide enough to be seen
 * are made, laid out and drawn, so that its cost is the screen's and not the data's.
 * It knows groups and colours; what they mean is its owner's business.
 */
import { h } from "./dom";
import { colour, onTheme } from "./theme";
import type { Group, Tree } from "./tree";

export interface FlameOwner {
    nameOf(group: Group): string;
    colourOf(group: Group): string; // of the style sheet
    isMatch(group: Group): boolean; // with a search on
    shown(group: Group | null): void; // pointed at or focused
    zoomed(group: Group): void;
    hover(group: Group | null, x: number, top: number, bottom: number): void;
}

interface Box {
    group: Group;
    x: number;
    width: number;
    row: number;
}

const ROW = 21;
const ROWS_MIN = 8;
const GAP = 1;
const TEXT_MIN = 30; // narrower boxes have no name
const WIDTH_MIN = 0.7; // narrower boxes are not drawn
const TEXT_PADDING = 5;
const FONT = '11.5px ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';
const ZOOM_MS = 180;

export class FlameGraph {
    readonly element: HTMLElement;
    private readonly canvas = h("canvas");
    private readonly spacer = h("div", { class: "flame-space" });
    private readonly context: CanvasRenderingContext2D;
    private tree: Tree | null = null;
    private zoom: Group | null = null;
    private focus: Group | null = null;
    private boxes: Box[] = [];
    private rows = 1;
    private upwards = false;
    private searching = false;
    private charWidth = 7;
    private frameRequest = 0;
    private from: { x: number; width: number; start: number } | null = null;

    constructor(private readonly owner: FlameOwner, label: string) {
        this.element = h("div", { class: "flame", label, role: "application" }, this.spacer, this.canvas);
        this.element.tabIndex = 0;
        this.element.setAttribute("aria-roledescription", "flame graph");
        this.element.setAttribute("aria-describedby", "flame-detail");
        this.context = this.canvas.getContext("2d")!;
        this.listen();
        onTheme(() => this.draw());
        new ResizeObserver(() => this.layout()).observe(this.element);
    }

    setTree(tree: Tree): void {
        this.tree = tree;
        this.zoom = this.focus = tree.root;
        this.from = null;
        this.layout();
        this.element.style.setProperty("--rows", String(Math.max(this.rows, ROWS_MIN)));
        this.layout();
        this.scrollToRoot();
        this.owner.zoomed(tree.root);
        this.owner.shown(null);
    }

    /** The root at the bottom, as flames stand. */
    setUpwards(upwards: boolean): void {
        this.upwards = upwards;
        this.layout();
        this.scrollToRoot();
    }

    setSearching(searching: boolean): void {
        this.searching = searching;
        this.draw();
    }

    zoomTo(group: Group): void {
        if (group === this.zoom) return;
        const box = this.boxes.find((item) => item.group === group);
        this.from = box && !matchMedia("(prefers-reduced-motion: reduce)").matches
            ? { x: box.x, width: box.width, start: performance.now() } : null;
        this.zoom = this.focus = group;
        this.layout();
        this.owner.zoomed(group);
        this.owner.shown(group);
    }

    reset(): void {
        if (this.tree) this.zoomTo(this.tree.root);
        this.scrollToRoot();
    }

    /** For tests: where the boxes are, in pixels of the element's window. */
    boxesShown(): { name: string; x: number; y: number; width: number; value: number }[] {
        return this.boxes.map((box) => ({
            name: this.owner.nameOf(box.group), x: box.x, y: this.top(box.row) - this.element.scrollTop + ROW / 2,
            width: box.width, value: box.group.value,
        }));
    }

    // --- Layout -------------------------------------------------------------------

    private layout(): void {
        if (this.tree === null || this.zoom === null || this.element.clientWidth === 0) return;
        const width = this.element.clientWidth;
        const boxes: Box[] = [];
        for (let group: Group | null = this.zoom.parent; group; group = group.parent)
            boxes.unshift({ group, x: 0, width, row: group.depth });
        const pending: Box[] = [{ group: this.zoom, x: 0, width, row: this.zoom.depth }];
        this.rows = 1;
        for (let box = pending.pop(); box; box = pending.pop()) {
            boxes.push(box);
            this.rows = Math.max(this.rows, box.row + 1);
            const scale = box.group.value > 0 ? box.width / box.group.value : 0;
            let x = box.x;
            for (const child of this.tree.childrenOf(box.group)) {
                const childWidth = child.value * scale;
                if (childWidth < WIDTH_MIN) break; // the rest is smaller still
                pending.push({ group: child, x, width: childWidth, row: box.row + 1 });
                x += childWidth;
            }
        }
        this.boxes = boxes;
        this.spacer.style.height = `${this.rows * ROW}px`;
        this.draw();
    }

    private top(row: number): number {
        const space = Math.max(this.rows * ROW, this.element.clientHeight);
        return this.upwards ? space - (row + 1) * ROW : row * ROW;
    }

    private scrollToRoot(): void {
        this.element.scrollTop = this.upwards ? this.element.scrollHeight : 0;
    }

    private draw(): void {
        cancelAnimationFrame(this.frameRequest);
        this.frameRequest = requestAnimationFrame((now) => this.drawNow(now));
    }

    private drawNow(now: number): void {
        const { canvas, context, element } = this;
        const width = element.clientWidth;
        const height = element.clientHeight;
        const scale = window.devicePixelRatio || 1;
        if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
            canvas.width = Math.round(width * scale);
            canvas.height = Math.round(height * scale);
            canvas.style.width = `${width}px`;
            canvas.style.height = `${height}px`;
        }
        context.setTransform(scale, 0, 0, scale, 0, 0);
        context.clearRect(0, 0, width, height);
        context.font = FONT;
        context.textBaseline = "middle";
        this.charWidth = context.measureText("M".repeat(20)).width / 20;

        // While a zoom goes on, all boxes grow out of the place of the one that was chosen.
        let grow = 1;
        let shift = 0;
        if (this.from) {
            const t = Math.min(1, (now - this.from.start) / ZOOM_MS);
            const eased = 1 - (1 - t) ** 3;
            const shownWidth = this.from.width + (width - this.from.width) * eased;
            grow = shownWidth / width;
            shift = this.from.x * (1 - eased);
            if (t >= 1) this.from = null;
            else this.draw();
        }
        for (const box of this.boxes) {
            const isOutside = box.row < this.zoom!.depth;
            this.drawBox(box, isOutside ? 0 : shift + box.x * grow, isOutside ? width : box.width * grow, isOutside);
        }
    }

    private drawBox(box: Box, x: number, width: number, isOutside: boolean): void {
        const { context, owner } = this;
        const y = this.top(box.row) - this.element.scrollTop;
        if (y + ROW < 0 || y > this.element.clientHeight) return;
        const inner = Math.max(width - (width > 3 ? GAP : 0), 0.5);
        const isDim = isOutside || (this.searching && !owner.isMatch(box.group));
        context.globalAlpha = isDim ? (this.searching ? 0.28 : 0.5) : 1;
        context.fillStyle = colour(owner.colourOf(box.group));
        context.fillRect(x, y, inner, ROW - GAP);
        context.globalAlpha = isDim ? 0.55 : 1;
        if (width >= TEXT_MIN) {
            context.fillStyle = colour("--flame-ink");
            context.fillText(this.fit(owner.nameOf(box.group), inner - 2 * TEXT_PADDING), x + TEXT_PADDING, y + ROW / 2);
        }
        context.globalAlpha = 1;
        if (box.group === this.focus && this.element.matches(":focus-visible")) {
            context.strokeStyle = colour("--ink");
            context.lineWidth = 2;
            context.strokeRect(x + 1, y + 1, Math.max(inner - 2, 1), ROW - GAP - 2);
        }
    }

    private fit(text: string, width: number): string {
        const room = Math.floor(width / this.charWidth);
        if (text.length <= room) return text;
        return room < 2 ? "" : `${text.slice(0, room - 1)}\u2026`;
    }

    // --- Pointer and keys -----------------------------------------------------------

    private boxAt(event: MouseEvent): Box | null {
        const place = this.element.getBoundingClientRect();
        const x = event.clientX - place.left;
        const y = event.clientY - place.top + this.element.scrollTop;
        for (const box of this.boxes) {
            const top = this.top(box.row);
            if (y >= top && y < top + ROW && x >= box.x && x < box.x + box.width) return box;
        }
        return null;
    }

    private listen(): void {
        const { element } = this;
        element.addEventListener("pointermove", (event) => {
            if (event.pointerType === "touch") return;
            const box = this.boxAt(event);
            const top = box ? this.top(box.row) - element.scrollTop + element.getBoundingClientRect().top : 0;
            element.classList.toggle("pointing", box !== null);
            this.owner.hover(box?.group ?? null, event.clientX + 12, top, top + ROW);
        });
        element.addEventListener("pointerleave", () => this.owner.hover(null, 0, 0, 0));
        element.addEventListener("click", (event) => {
            const box = this.boxAt(event);
            if (box === null) return;
            this.owner.hover(null, 0, 0, 0);
            this.zoomTo(box.group);
        });
        element.addEventListener("scroll", () => this.drawNow(performance.now()), { passive: true });
        element.addEventListener("focus", () => this.draw());
        element.addEventListener("blur", () => this.draw());
        element.addEventListener("keydown", (event) => {
            if (event.altKey || event.ctrlKey || event.metaKey || !this.key(event.key)) return;
            event.preventDefault();
            event.stopPropagation();
        });
    }

    private key(key: string): boolean {
        if (this.focus === null || this.zoom === null || this.tree === null) return false;
        const inwards = this.upwards ? "ArrowUp" : "ArrowDown";
        const outwards = this.upwards ? "ArrowDown" : "ArrowUp";
        let next: Group | null | undefined;
        if (key === "Enter" || key === " ") return this.zoomTo(this.focus), true;
        if (key === "Escape") {
            if (this.zoom.parent === null) return false;
            return this.zoomTo(this.zoom.parent), true;
        }
        if (key === "Home") return this.reset(), true;
        if (key === inwards) next = this.boxes.find((box) => box.group.parent === this.focus)?.group;
        else if (key === outwards) next = this.focus.parent;
        else if (key === "ArrowRight" || key === "ArrowLeft") next = this.beside(this.focus, key === "ArrowRight" ? 1 : -1);
        else return false;
        if (next) {
            this.focus = next;
            this.scrollTo(next);
            this.owner.shown(next);
            this.draw();
        }
        return true;
    }

    private beside(group: Group, step: number): Group | undefined {
        const row = this.boxes.filter((box) => box.row === group.depth).sort((a, b) => a.x - b.x);
        return row[row.findIndex((box) => box.group === group) + step]?.group;
    }

    private scrollTo(group: Group): void {
        const top = this.top(group.depth);
        const { scrollTop, clientHeight } = this.element;
        if (top < scrollTop) this.element.scrollTop = top;
        else if (top + ROW > scrollTop + clientHeight) this.element.scrollTop = top + ROW - clientHeight;
    }
}
