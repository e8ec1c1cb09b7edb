/* SPDX-License-Identifier: MIT
 *
 * tree.ts - call trees for the flame graph: equal functions under one caller become
 * one group. A group's children are made when they are first asked for, so that of
 * 100,000 sites only what can be seen costs anything.
 */
import type { Profile } from "./profile";
import type { SiteColumn } from "./document";

export interface Group {
    frame: number; // index of a frame, -1: the root
    value: number; // what the width shows
    other: number; // the same in the other run; with a report 0
    depth: number;
    parent: Group | null;
    items: number[]; // nodes, or positions in the inverted tree's work list
    children: Group[] | null;
}

export interface Tree {
    readonly root: Group;
    childrenOf(group: Group): Group[];
}

function group(parent: Group | null, frame: number): Group {
    return { frame, value: 0, other: 0, depth: parent ? parent.depth + 1 : 0, parent, items: [], children: null };
}

/** The most first; what shrank to nothing stands last. */
function sorted(groups: Iterable<Group>): Group[] {
    return [...groups].filter((item) => item.value > 0).sort((a, b) => b.value - a.value);
}

const positive = (column: number[], site: number) => Math.max(0, column[site]!);

/** From the program's start to the allocation. */
export class CalleeTree implements Tree {
    readonly root = group(null, -1);
    private readonly own: Float64Array;
    private readonly ownOther: Float64Array | null;
    private readonly firstChild: Int32Array;
    private readonly nextSibling: Int32Array;

    constructor(private readonly profile: Profile, measure: SiteColumn, widths: "new" | "old") {
        const count = profile.nodeCount;
        const isDiff = profile.document.kind === "diff";
        this.own = this.sums(profile.column(measure, widths));
        this.ownOther = isDiff ? this.sums(profile.column(measure, widths === "new" ? "old" : "new")) : null;
        this.firstChild = new Int32Array(count).fill(-1);
        this.nextSibling = new Int32Array(count).fill(-1);
        for (let node = count - 1; node >= 0; node--) {
            const parent = profile.parents[node]!;
            if (parent < 0) {
                this.root.items.push(node);
                this.root.value += this.own[node]!;
                this.root.other += this.ownOther?.[node] ?? 0;
            } else {
                this.nextSibling[node] = this.firstChild[parent]!;
                this.firstChild[parent] = node;
            }
        }
    }

    /** Of each node, with all below it. A caller stands before its callees. */
    private sums(column: number[]): Float64Array {
        const { profile } = this;
        const sums = new Float64Array(profile.nodeCount);
        const innermost = profile.document.sites.node;
        for (let site = 0; site < profile.siteCount; site++) sums[innermost[site]!]! += positive(column, site);
        for (let node = profile.nodeCount - 1; node >= 0; node--) {
            const parent = profile.parents[node]!;
            if (parent >= 0) sums[parent]! += sums[node]!;
        }
        return sums;
    }

    childrenOf(of: Group): Group[] {
        if (of.children !== null) return of.children;
        const found = new Map<number, Group>();
        const add = (node: number) => {
            const value = this.own[node]!;
            const other = this.ownOther ? this.ownOther[node]! : 0;
            if (value <= 0 && other <= 0) return;
            const frame = this.profile.nodeFrames[node]!;
            const key = this.profile.functionOf[frame]!;
            let child = found.get(key);
            if (child === undefined) found.set(key, (child = group(of, frame)));
            child.items.push(node);
            child.value += value;
            child.other += other;
        };
        if (of === this.root) for (const node of of.items) add(node);
        else
            for (const item of of.items)
                for (let node = this.firstChild[item]!; node >= 0; node = this.nextSibling[node]!) add(node);
        return (of.children = sorted(found.values()));
    }
}

/** From the allocation outwards to its callers. */
export class CallerTree implements Tree {
    readonly root = group(null, -1);
    private readonly values: number[];
    private readonly others: number[] | null;
    /** Where each site stands on its way outwards, in each group it is in: pairs (site, node). */
    private readonly sites: number[] = [];
    private readonly nodes: number[] = [];

    constructor(private readonly profile: Profile, measure: SiteColumn, widths: "new" | "old") {
        const isDiff = profile.document.kind === "diff";
        this.values = profile.column(measure, widths);
        this.others = isDiff ? profile.column(measure, widths === "new" ? "old" : "new") : null;
        for (let site = 0; site < profile.siteCount; site++) {
            const value = positive(this.values, site);
            const other = this.others ? positive(this.others, site) : 0;
            if (value <= 0 && other <= 0) continue;
            this.root.items.push(this.sites.length);
            this.sites.push(site);
            this.nodes.push(profile.document.sites.node[site]!);
            this.root.value += value;
            this.root.other += other;
        }
    }

    childrenOf(of: Group): Group[] {
        if (of.children !== null) return of.children;
        const found = new Map<number, Group>();
        for (const item of of.items) {
            const node = this.nodes[item]!;
            const site = this.sites[item]!;
            if (node < 0) continue; // its outermost frame was the last
            const frame = this.profile.nodeFrames[node]!;
            const key = this.profile.functionOf[frame]!;
            let child = found.get(key);
            if (child === undefined) found.set(key, (child = group(of, frame)));
            child.items.push(this.sites.length);
            this.sites.push(site);
            this.nodes.push(this.profile.parents[node]!);
            child.value += positive(this.values, site);
            if (this.others) child.other += positive(this.others, site);
        }
        return (of.children = sorted(found.values()));
    }
}
