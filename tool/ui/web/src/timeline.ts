/* SPDX-License-Identifier: MIT
 *
 * timeline.ts - live bytes and resident memory over time, drawn by uPlot.
 */
import uPlot from "uplot";
import type { PageDocument, Point, Run } from "./document";
import { h } from "./dom";
import * as format from "./format";
import { colour, onTheme } from "./theme";
import { words } from "./words";

interface Series {
    name: string;
    colour: string;
    tip: string;
    run: Run;
    column: "live_bytes" | "rss_bytes";
    filled?: boolean;
    dashed?: boolean;
}

const HEIGHT = 260;

function seriesOf(read: PageDocument): Series[] {
    const has = (run: Run) => run.timeline.some((point) => point.rss_bytes > 0);
    const series: Series[] = [
        { name: read.old ? "live, after" : "live", colour: "--live", tip: words.live, run: read, column: "live_bytes", filled: true },
    ];
    if (read.old)
        series.push({ name: "live, before", colour: "--rss", tip: words.live, run: read.old, column: "live_bytes", dashed: true });
    else if (has(read))
        series.push({ name: "RSS", colour: "--rss", tip: words.rss, run: read, column: "rss_bytes" });
    return series;
}

/** The points, and what is known without one: how many bytes were live when it ended. */
function pointsOf(run: Run): Point[] {
    const { timeline, seconds, totals, ended } = run;
    const last = timeline[timeline.length - 1];
    if (last === undefined || (ended !== "exit" && ended !== "signal") || seconds * 1000 <= last.ms) return timeline;
    return [...timeline, { ms: seconds * 1000, live_bytes: totals.live_bytes, live_blocks: totals.live_blocks, rss_bytes: 0 }];
}

/** When the peak was: [from, to]. Where nobody noted it, it is near the highest point. */
function peakTime(run: Run): [number, number] | null {
    if (run.peak_seconds > 0) return [run.peak_from_seconds ?? run.peak_seconds, run.peak_seconds];
    const highest = run.timeline.reduce<Point | null>((best, point) => (best && best.live_bytes >= point.live_bytes ? best : point), null);
    return highest ? [highest.ms / 1000, highest.ms / 1000] : null;
}

/** uPlot wants one x for all series: the times of all, each once. */
function dataOf(series: Series[]): uPlot.AlignedData {
    const tables = series.map(({ run, column }) => [
        pointsOf(run).map((point) => point.ms / 1000),
        pointsOf(run).map((point) => (column === "rss_bytes" && point.rss_bytes === 0 ? null : point[column])),
    ] as uPlot.AlignedData);
    return tables.length > 1 ? uPlot.join(tables) : tables[0]!;
}

const STEPS = Array.from({ length: 61 }, (_, i) => 2 ** i);

class Timeline {
    readonly plot: uPlot;
    readonly readout = h("p", { class: "readout" });
    private readonly series: Series[];
    private readonly end: number;
    private readonly peak: [number, number] | null;
    readonly resetButton = h("button", { type: "button", class: "button", hidden: true }, "Reset zoom");

    /** Of series `index`; what is left takes the whole height. */
    toggle(index: number): boolean {
        const shown = !this.plot.series[index + 1]!.show;
        this.plot.setSeries(index + 1, { show: shown });
        return shown;
    }

    constructor(private readonly read: PageDocument, private readonly host: HTMLElement) {
        this.series = seriesOf(read);
        this.peak = peakTime(read);
        const data = dataOf(this.series);
        this.end = Math.max(read.seconds, read.old?.seconds ?? 0, data[0][data[0].length - 1] ?? 0, 1e-6);
        this.readout.setAttribute("aria-live", "polite");
        this.plot = new uPlot(this.options(), data, host);
        this.resetButton.addEventListener("click", () => this.reset());
        this.reset();
        new ResizeObserver(() => this.plot.setSize({ width: host.clientWidth, height: HEIGHT })).observe(host);
        onTheme(() => this.plot.redraw(true, true));
        this.keys();
        this.say(null);
    }

    reset(): void {
        this.plot.setScale("x", { min: 0, max: this.end });
    }

    private options(): uPlot.Options {
        const axis = { stroke: () => colour("--muted"), font: "11px system-ui, sans-serif",
            ticks: { show: false }, border: { show: false } };
        const grid = { stroke: () => colour("--line"), width: 1 };
        return {
            width: this.host.clientWidth || 600,
            height: HEIGHT,
            padding: [14, 22, 0, 0],
            legend: { show: false },
            cursor: { y: false, drag: { x: true, y: false, dist: 5 }, points: { size: 7 },
                bind: { dblclick: () => () => (this.reset(), null) } },
            scales: {
                x: { time: false, range: (_plot, min, max) => (min < max ? [Math.max(0, min), Math.min(this.end, max)] : [0, this.end]) },
                y: { range: (plot, _min, max) => [0, Math.max(1, 1.08 * this.highest(plot, max))] },
            },
            axes: [
                { ...axis, grid: { show: false }, size: 28, values: (_plot, splits) => splits.map((s) => format.seconds(s).replace("\u2013", "0")) },
                { ...axis, grid, size: 68, incrs: STEPS, values: (_plot, splits) => splits.map((n) => (n === 0 ? "0" : format.bytes(n))) },
            ],
            series: [
                {},
                ...this.series.map((item): uPlot.Series => ({
                    stroke: () => colour(item.colour),
                    width: 1.75,
                    ...(item.filled ? { fill: () => colour("--live-fill") } : {}),
                    ...(item.dashed ? { dash: [5, 4] } : {}),
                    spanGaps: true,
                    points: { show: item.run.timeline.length < 3 },
                })),
            ],
            hooks: {
                draw: [(plot) => this.drawMarks(plot)],
                setCursor: [(plot) => this.say(plot.cursor.idx ?? null)],
                setScale: [(plot, scale) => {
                    const { min, max } = plot.scales["x"]!;
                    const slack = this.end * 1e-6;
                    if (scale === "x") this.resetButton.hidden = (min ?? 0) <= slack && (max ?? this.end) >= this.end - slack;
                }],
            },
        };
    }

    /** The peak lies between two points, and above both; lines must be seen too. */
    private highest(plot: uPlot, max: number): number {
        const { min: left, max: right } = plot.scales["x"]!;
        const at = this.peak;
        const seen = left == null || right == null || at === null || (at[1] >= left && at[0] <= right);
        const lines = this.read.lines.map((line) => line.bytes).filter((n) => n < 4 * (max || this.read.totals.peak_bytes));
        return Math.max(max ?? 0, seen ? this.read.totals.peak_bytes : 0, ...lines);
    }

    private drawMarks(plot: uPlot): void {
        const { ctx, bbox } = plot;
        const scale = devicePixelRatio || 1;
        ctx.save();
        ctx.font = `${11 * scale}px system-ui, sans-serif`;
        ctx.textBaseline = "bottom";
        for (const line of this.read.lines) {
            const y = plot.valToPos(line.bytes, "y", true);
            if (y < bbox.top) continue;
            ctx.strokeStyle = ctx.fillStyle = colour("--warn");
            ctx.setLineDash([6 * scale, 4 * scale]);
            ctx.lineWidth = scale;
            ctx.beginPath();
            ctx.moveTo(bbox.left, y);
            ctx.lineTo(bbox.left + bbox.width, y);
            ctx.stroke();
            ctx.textAlign = "left";
            ctx.fillText(`${line.name} ${format.bytes(line.bytes)}`, bbox.left + 4 * scale, y - 2 * scale);
        }
        this.drawPeak(plot, scale);
        ctx.restore();
    }

    /** A point at the middle of when it was, and a line as long as that. */
    private drawPeak(plot: uPlot, scale: number): void {
        const { ctx, bbox } = plot;
        const { min, max } = plot.scales["x"]!;
        if (this.peak === null || min == null || max == null) return;
        const [from, to] = this.peak;
        const at = (from + to) / 2;
        if (at < min || at > max) return;
        const x = plot.valToPos(at, "x", true);
        const y = plot.valToPos(this.read.totals.peak_bytes, "y", true);
        ctx.strokeStyle = ctx.fillStyle = colour("--accent");
        ctx.lineWidth = 2 * scale;
        ctx.beginPath();
        ctx.moveTo(Math.max(bbox.left, plot.valToPos(from, "x", true)), y);
        ctx.lineTo(Math.min(bbox.left + bbox.width, plot.valToPos(to, "x", true)), y);
        ctx.stroke();
        ctx.setLineDash([2 * scale, 3 * scale]);
        ctx.lineWidth = scale;
        ctx.beginPath();
        ctx.moveTo(x, y);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        ctx.beginPath();
        ctx.arc(x, y, 4 * scale, 0, 2 * Math.PI);
        ctx.fill();
        ctx.textAlign = "center";
        ctx.textBaseline = "bottom";
        ctx.font = `600 ${11.5 * scale}px system-ui, sans-serif`;
        const label = `peak ${format.bytes(this.read.totals.peak_bytes)}`;
        const half = ctx.measureText(label).width / 2 + 4 * scale;
        const middle = Math.max(bbox.left + half, Math.min(x, bbox.left + bbox.width - half));
        const above = y - 6 * scale;
        ctx.lineWidth = 3 * scale; // a rim, where it stands on a line
        ctx.setLineDash([]);
        ctx.lineJoin = "round";
        ctx.strokeStyle = colour("--surface");
        ctx.strokeText(label, middle, above);
        ctx.fillText(label, middle, above);
    }

    private say(index: number | null): void {
        const { readout, series, plot, read } = this;
        if (index === null || !plot) {
            const last = read.timeline.length;
            readout.textContent = last > 0
                ? `${format.plural(last, "point")}. Drag to zoom, double-click to see all; with the keyboard: arrows, + and \u2212.` : "";
            return;
        }
        const parts = [`at ${format.seconds(plot.data[0][index] ?? 0).replace("\u2013", "0 s")}`];
        series.forEach((item, i) => {
            const value = plot.data[i + 1]?.[index];
            if (value != null) parts.push(`${item.name} ${format.bytes(value)}`);
        });
        const point = pointsOf(read)[index]; // with one run, its points are the plot's
        if (!read.old && point) parts.push(format.plural(point.live_blocks, "block"));
        readout.textContent = parts.join(" \u00b7 ");
    }

    private keys(): void {
        this.host.tabIndex = 0;
        this.host.setAttribute("role", "application");
        this.host.setAttribute("aria-label", "Timeline of live bytes. Arrow keys read points, plus and minus zoom, Escape shows all.");
        this.host.addEventListener("keydown", (event) => {
            const { plot } = this;
            const points = plot.data[0];
            const at = plot.cursor.idx ?? -1;
            const { min, max } = plot.scales["x"]!;
            const show = (index: number) => {
                const to = Math.max(0, Math.min(points.length - 1, index));
                plot.setCursor({ left: plot.valToPos(points[to]!, "x"), top: 10 });
            };
            const zoom = (factor: number) => {
                const middle = at >= 0 ? points[at]! : ((min ?? 0) + (max ?? this.end)) / 2;
                const half = (((max ?? this.end) - (min ?? 0)) / 2) * factor;
                plot.setScale("x", { min: Math.max(0, middle - half), max: Math.min(this.end, middle + half) });
            };
            if (event.key === "ArrowRight") show(at + 1);
            else if (event.key === "ArrowLeft") show(at < 0 ? points.length - 1 : at - 1);
            else if (event.key === "+" || event.key === "=") zoom(0.5);
            else if (event.key === "-") zoom(2);
            else if (event.key === "Escape") this.reset();
            else return;
            event.preventDefault();
        });
    }
}

export function timelinePanel(read: PageDocument): HTMLElement | null {
    if (read.timeline.length === 0 && !read.old?.timeline.length) return null;
    const host = h("div", { class: "plot" });
    const buttons = seriesOf(read).map((item) => {
        const key = h("span", { class: `key ${item.dashed ? "key-dashed" : ""}` });
        key.style.setProperty("--key", `var(${item.colour})`);
        return h("button", { class: "series", type: "button", pressed: true, tip: `${item.tip} Press to hide or show it.` },
            key, h("span", { class: "term" }, item.name));
    });
    const legend = h("div", { class: "legend" }, ...buttons);
    const head = h("div", { class: "panel-head" }, h("h2", {}, "Over time"), legend);
    const panel = h("section", { id: "timeline", class: "panel", label: "Over time" }, head, host);
    const start = () => {
        const timeline = new Timeline(read, host);
        head.append(timeline.resetButton);
        buttons.forEach((button, i) => button.addEventListener("click", () =>
            button.setAttribute("aria-pressed", String(timeline.toggle(i)))));
        panel.append(timeline.readout);
    };
    queueMicrotask(start); // it measures its place, which must be on the page first
    return panel;
}
