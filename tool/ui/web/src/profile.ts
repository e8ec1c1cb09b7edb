/* SPDX-License-Identifier: MIT
 *
 * profile.ts - the document's tables with their questions: whose frame, which site,
 * what matches a text. No elements here.
 */
import {
    FRAME_INLINED, FRAME_NOTE, FRAME_PASSES_ON, type PageDocument, type SiteColumn, type SiteColumns,
} from "./document";
import { baseName } from "./format";

export interface Frame {
    function: string;
    file: string;
    line: number;
    module: string;
    inlined: boolean;
    passesOn: boolean;
    note: boolean;
}

/** Stacks deeper than this are shown up to here. */
const STACK_SHOWN = 1024;

export class Profile {
    readonly nodeCount: number;
    readonly siteCount: number;
    /** Of each node its caller's, -1 for none. */
    readonly parents: Int32Array;
    readonly nodeFrames: Int32Array;
    /** Frames of one function in one module have one number. */
    readonly functionOf: Int32Array;

    constructor(readonly document: PageDocument) {
        const { nodes, frames, sites } = document;
        this.nodeCount = nodes.up.length;
        this.siteCount = sites.node.length;
        this.nodeFrames = Int32Array.from(nodes.frame);
        this.parents = Int32Array.from(nodes.up, (up, i) => (up > 0 ? i - up : -1));
        const numbers = new Map<number, number>();
        this.functionOf = Int32Array.from(frames.function, (name, i) => {
            const key = name * (document.strings.length + 1) + (frames.module[i] ?? 0);
            let number = numbers.get(key);
            if (number === undefined) numbers.set(key, (number = numbers.size));
            return number;
        });
    }

    frame(index: number): Frame {
        const { frames, strings } = this.document;
        const flags = frames.flags[index]!;
        return {
            function: strings[frames.function[index]!]!,
            file: strings[frames.file[index]!]!,
            line: frames.line[index]!,
            module: strings[frames.module[index]!]!,
            inlined: (flags & FRAME_INLINED) !== 0,
            passesOn: (flags & FRAME_PASSES_ON) !== 0,
            note: (flags & FRAME_NOTE) !== 0,
        };
    }

    deciding(site: number): Frame {
        return this.frame(this.nodeFrames[this.document.sites.who[site]!]!);
    }

    /** Nodes of a site's stack, innermost first. */
    stack(site: number): number[] {
        const stack: number[] = [];
        for (let node = this.document.sites.node[site]!; node >= 0 && stack.length < STACK_SHOWN; node = this.parents[node]!)
            stack.push(node);
        return stack;
    }

    /** The program's own frames outside the deciding one, the nearest first. */
    callers(site: number, count: number): Frame[] {
        const callers: Frame[] = [];
        let last = this.document.sites.who[site]!;
        for (let node = this.parents[last]!, steps = 0; node >= 0 && callers.length < count && steps < STACK_SHOWN; node = this.parents[node]!, steps++) {
            const frame = this.frame(this.nodeFrames[node]!);
            if (frame.passesOn || frame.note || this.functionAt(node) === this.functionAt(last)) continue;
            callers.push(frame);
            last = node;
        }
        return callers;
    }

    private functionAt(node: number): number {
        return this.functionOf[this.nodeFrames[node]!]!;
    }

    column(name: SiteColumn, of: "new" | "old" = "new"): number[] {
        const sites: SiteColumns = of === "old" && this.document.old ? this.document.old.sites : this.document.sites;
        return sites[name];
    }

    /** For each site 1 where a frame of its stack has the text in its function, file or module. */
    matches(text: string): Uint8Array {
        const found = this.matchingFrames(text);
        const nodes = new Uint8Array(this.nodeCount);
        for (let node = 0; node < this.nodeCount; node++) {
            const parent = this.parents[node]!;
            nodes[node] = found[this.nodeFrames[node]!]! | (parent >= 0 ? nodes[parent]! : 0);
        }
        return Uint8Array.from(this.document.sites.node, (node) => nodes[node]!);
    }

    matchingFrames(text: string): Uint8Array {
        const { frames, strings } = this.document;
        const wanted = text.toLowerCase();
        const has = Uint8Array.from(strings, (string) => (string.toLowerCase().includes(wanted) ? 1 : 0));
        return Uint8Array.from(
            frames.function,
            (name, i) => has[name]! | has[frames.file[i]!]! | has[frames.module[i]!]!
        );
    }
}

/** "file.c:12", "libx.so" or both, where the module is not the expected one. */
export function locationOf(frame: Frame, program: string): string {
    const file = frame.file ? `${baseName(frame.file)}${frame.line > 0 ? `:${frame.line}` : ""}` : "";
    if (frame.module === "" || frame.module === program) return file;
    return file ? `${file} \u00b7 ${baseName(frame.module)}` : baseName(frame.module);
}
