/* SPDX-License-Identifier: MIT
 *
 * main.ts - puts the page together from the document that it carries.
 */
import { readDocument } from "./document";
import { byId, h, startTips } from "./dom";
import { FlamePanel } from "./flame_panel";
import { baseName } from "./format";
import { childrenPanel, growthPanel, header, lossesPanel, modulesPanel, threadsPanel, tiles } from "./panels";
import { Profile } from "./profile";
import { SitesPanel } from "./sites";
import { sizesPanel } from "./sizes";
import { timelinePanel } from "./timeline";

declare global {
    interface Window {
        heaptracker: { flame: FlamePanel | null; profile: Profile };
    }
}

function start(): void {
    const read = readDocument();
    const profile = new Profile(read);
    document.title = `${baseName(read.program) || "a program"} \u2013 HeapTracker`;
    const sites = new SitesPanel(profile);
    const flame = profile.siteCount > 0 ? new FlamePanel(profile, (text) => {
        sites.find(text);
        sites.element.scrollIntoView({ behavior: "smooth" });
    }) : null;
    const half = h("div", { class: "halves" });
    for (const panel of [sizesPanel(read, profile), modulesPanel(profile), threadsPanel(read), lossesPanel(read), childrenPanel(read)])
        if (panel) half.append(panel);
    const content = [header(read), tiles(read), timelinePanel(read),
        growthPanel(profile, (site) => sites.show(site)), flame?.element, sites.element, half,
        h("footer", {}, `Written by heaptracker ${read.tool}. Underlined words say what they mean. Sizes are the bytes that the caller asked for; KiB, MiB and GiB are powers of 1024.`)];
    byId("page").replaceChildren(...content.filter((item): item is HTMLElement => item instanceof HTMLElement));
    startTips();
    window.heaptracker = { flame, profile };
}

try {
    start();
} catch (error) {
    byId("page").replaceChildren(h("p", { class: "failed", role: "alert" }, `This page cannot be shown: ${String(error)}`));
    throw error;
}
