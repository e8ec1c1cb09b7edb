/* SPDX-License-Identifier: MIT
 *
 * browser.mjs TEST FILE.html - opens the page in Chromium and tries it. Fails on any error
 * or warning on the console, any request but for the file itself, any script not the page's.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const packages = createRequire(join(process.env.HT_PACKAGES, "package.json"));
const { chromium } = packages("playwright-core");
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"];
const DESKTOP = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

const [test, file] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGUMENTS });
const troubles = [];

async function open(path, options = {}) {
    const context = await browser.newContext({ ...DESKTOP, reducedMotion: "reduce", ...options });
    const page = await context.newPage();
    page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) troubles.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => troubles.push(`error: ${error.stack}`));
    page.on("dialog", (dialog) => troubles.push(`dialog: ${dialog.message()}`));
    page.on("request", (request) => {
        if (!request.isNavigationRequest() && !request.url().startsWith("data:")) troubles.push(`request: ${request.url()}`);
    });
    const start = Date.now();
    await page.goto(`file://${resolve(path)}`);
    await page.waitForFunction(() => window.heaptracker);
    await drawn(page);
    page.openMs = Date.now() - start;
    return page;
}

const drawn = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
const boxes = (page) => page.evaluate(() => window.heaptracker.flame.graph.boxesShown());
const state = (page) => page.evaluate(() => window.heaptracker.flame.state);
const documentOf = (path) => JSON.parse(readFileSync(path, "utf8").match(/id="document">(.*)<\/script>/)[1]);
const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);

async function shoot(page, name) {
    if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: true });
}

/** The same page with another document in it. */
function withDocument(path, to, change) {
    const html = readFileSync(path, "utf8");
    const read = documentOf(path);
    change(read);
    const text = JSON.stringify(read).replaceAll("<", "\\u003c");
    writeFileSync(to, html.replace(/(id="document">).*(<\/script>)/, (_, begin, end) => begin + text + end));
    return read;
}

async function point(page, box) {
    const place = await page.locator(".flame").boundingBox();
    await page.mouse.move(place.x + box.x + box.width / 2, place.y + box.y);
}

async function clickBox(page, box) {
    await point(page, box);
    await page.mouse.down();
    await page.mouse.up();
    await drawn(page);
}

const tests = {
    async controls() {
        const read = documentOf(file);
        const page = await open(file);
        const flame = page.locator("#flame");
        const radio = (name) => flame.getByRole("radio", { name, exact: true });

        // Tiles: exact numbers when pointed at, the meaning on the word.
        assert.equal(await page.locator(".tile").count(), 7);
        await page.locator("#tile-peak .tile-value").hover();
        assert.equal(await page.locator("#tip").textContent(), `${read.totals.peak_bytes.toLocaleString("en-US")} bytes`);
        for (const term of await page.locator(".tile .term").all()) {
            await term.hover();
            assert.ok((await page.locator("#tip").textContent()).length > 20, "each tile says what it means");
        }
        assert.match(await page.locator("#tile-live").textContent(), /Still live at exit/);

        // Colours: as the system, light, dark.
        const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
        const seen = new Set();
        for (let i = 0; i < 3; i++) {
            seen.add(await background());
            await page.locator("#theme").click();
        }
        assert.equal(seen.size, 2);

        // Timeline: drag zooms, the button and a double click show all again.
        const plot = page.locator(".plot .u-over");
        await plot.scrollIntoViewIfNeeded();
        const reset = page.locator("#timeline").getByRole("button", { name: "Reset zoom" });
        assert.equal(await reset.isVisible(), false);
        for (const back of [() => reset.click(), () => plot.dblclick()]) {
            const place = await plot.boundingBox();
            await page.mouse.move(place.x + place.width * 0.3, place.y + 50);
            await page.mouse.down();
            await page.mouse.move(place.x + place.width * 0.6, place.y + 60, { steps: 5 });
            await page.mouse.up();
            assert.equal(await reset.isVisible(), true, "drag zooms");
            assert.match(await page.locator("#timeline .readout").textContent(), /^at .* live .*B/);
            await back();
            assert.equal(await reset.isVisible(), false, "all is seen again");
        }

        // What is hidden leaves the height to the rest.
        const live = () => page.evaluate(() => document.querySelector(".plot canvas").toDataURL());
        const rss = page.locator("#timeline").getByRole("button", { name: "RSS" });
        const before = await live();
        await rss.click();
        assert.equal(await rss.getAttribute("aria-pressed"), "false");
        await drawn(page);
        assert.notEqual(await live(), before);
        await rss.click();
        await drawn(page);
        assert.equal(await live(), before);

        // Flame graph: each number is the report's.
        const total = { "At peak": "peak_bytes", "Still live": "live_bytes", "Total bytes": "bytes_allocated",
            Allocations: "allocs", Temporary: "temporary_allocs" };
        for (const direction of ["Callers", "Callees"]) {
            await radio(direction).click();
            for (const [name, column] of Object.entries(total)) {
                await radio(name).click();
                await drawn(page);
                const shown = await boxes(page);
                assert.equal((await state(page)).measure, column);
                const root = shown.find((box) => box.value === Math.max(...shown.map((other) => other.value)));
                assert.equal(root.value, sum(read.sites[column].map((n) => Math.max(0, n))), `${direction} of ${name}`);
                assert.ok(shown.length > 1);
            }
        }
        await radio("At peak").click();
        const frame = async (name) => (await boxes(page)).find((box) => box.name === name);
        const main = await frame("fill_buffers");
        const inner = await frame("make_buffer");
        assert.ok(inner.y > main.y, "an icicle hangs");
        await radio("Callers").click();
        assert.ok((await frame("make_buffer")).y < (await frame("fill_buffers")).y, "callers stand below the allocation");
        await radio("Callees").click();
        await radio("Flame").click();
        await drawn(page);
        assert.ok((await frame("make_buffer")).y < (await frame("fill_buffers")).y, "a flame stands");
        await radio("Icicle").click();

        // Pointing says what it is, a click zooms, the button zooms out.
        await flame.scrollIntoViewIfNeeded();
        await point(page, await frame("fill_buffers"));
        assert.match(await page.locator("#tip").textContent(), /fill_buffers.*phases\.c.*At peak: .*MiB/);
        await clickBox(page, await frame("make_buffer"));
        const zoomed = await frame("make_buffer");
        assert.equal(Math.round(zoomed.width), Math.round((await page.locator(".flame").boundingBox()).width));
        assert.match(await page.locator("#flame-detail").textContent(), /make_buffer/);
        await flame.getByRole("button", { name: "Reset zoom" }).click();
        assert.ok((await boxes(page)).length >= 4);

        // Search: the share that matches.
        await flame.getByRole("searchbox").fill("MAKE_buffer");
        assert.match(await flame.locator(".matches").textContent(), /MiB, \d+\.\d %$/);
        await flame.getByRole("searchbox").fill("nothing has this");
        assert.match(await flame.locator(".matches").textContent(), /^0 B, 0\.0 %$/);
        await flame.getByRole("searchbox").press("Escape");
        assert.equal(await flame.locator(".matches").textContent(), "");

        // Table: sorted by each column both ways, searched, opened.
        const sites = page.locator("#sites");
        const names = () => sites.locator(".site-name").allTextContents();
        for (const name of ["At peak", "Still live", "Total bytes", "Allocations", "Temporary", "Average"]) {
            const head = sites.locator("th", { hasText: name });
            for (const order of name === "At peak" ? ["ascending", "descending"] : ["descending", "ascending"]) {
                await head.getByRole("button").click();
                assert.equal(await head.getAttribute("aria-sort"), order);
            }
        }
        const column = await sites.locator("td.sorted").allTextContents();
        assert.ok(column.length > 3);
        await sites.locator("th", { hasText: "Temporary" }).getByRole("button").click();
        assert.equal((await names())[0], "use_temporaries");
        await sites.getByRole("searchbox").fill("fill_cache");
        assert.deepEqual(await names(), ["fill_cache"]);
        await sites.locator("td.site").first().click();
        const stack = await sites.locator(".stack li code").allTextContents();
        assert.deepEqual(stack.slice(0, 2), ["fill_cache", "work"]);
        assert.match(await sites.locator(".numbers").textContent(), /25,600 bytes in 400 blocks/);
        await sites.locator("td.site").first().click();
        assert.equal(await sites.locator(".stack").count(), 0);
        await sites.getByRole("searchbox").fill("nothing has this");
        assert.match(await sites.locator("tbody").textContent(), /No stack has this text/);
        await sites.getByRole("searchbox").press("Escape");

        // From a frame to its sites.
        await clickBox(page, await frame("make_buffer"));
        await flame.getByRole("button", { name: "its sites" }).click();
        assert.deepEqual(await names(), ["make_buffer"]);

        // What only shows: two threads with a slot, our module with its build-id, no losses.
        assert.ok(await page.locator("#threads-table tbody tr").count() >= 2);
        assert.match(await page.locator("#modules-table tbody tr").first().textContent(), /^phases/);
        assert.match(await page.locator("#modules-table .build-id").first().textContent(), /^[0-9a-f]{12}$/);
        assert.match(await page.locator("#tile-losses").textContent(), /none/);
        assert.match(await page.locator("#sizes").textContent(), /were not recorded/);
    },

    async keyboard() {
        const page = await open(file);
        const press = (key) => page.keyboard.press(key);
        const focused = () => page.evaluate(() => {
            const element = document.activeElement;
            return element.getAttribute("aria-label") ?? element.textContent;
        });
        // All that can be used is reached in the order in which it stands.
        const tops = [];
        const seen = new Set();
        for (let i = 0; i < 60; i++) {
            await press("Tab");
            const place = await page.evaluate(() => {
                const element = document.activeElement;
                // Below the table the page has two columns.
                return element === document.body || element.closest(".halves") ? null : element.getBoundingClientRect().top + scrollY;
            });
            if (place === null) break;
            tops.push(place);
            seen.add(await focused());
        }
        for (const name of ["Search the flame graph", "Search the sites", "At peak"]) assert.ok(seen.has(name), `Tab reaches ${name}`);
        assert.ok(tops.every((top, i) => i === 0 || top >= tops[i - 1] - 60), "the focus goes down the page");

        await page.locator("#tile-peak .term").focus();
        await press("Tab");
        await press("Shift+Tab");
        assert.match(await page.locator("#tip").textContent(), /^Peak: the highest live bytes/);
        await press("Escape");
        assert.equal(await page.locator("#tip").isVisible(), false);

        await page.locator(".plot").focus();
        await press("ArrowRight");
        await press("ArrowRight");
        assert.match(await page.locator("#timeline .readout").textContent(), /^at /);
        await press("+");
        const reset = page.locator("#timeline").getByRole("button", { name: "Reset zoom" });
        assert.equal(await reset.isVisible(), true);
        await press("Escape");
        assert.equal(await reset.isVisible(), false);

        const flame = page.locator("#flame");
        await flame.getByRole("radio", { name: "At peak" }).focus();
        await press("ArrowRight");
        assert.equal((await state(page)).measure, "live_bytes");
        await press("ArrowLeft");
        assert.equal((await state(page)).measure, "peak_bytes");
        await page.locator(".flame").focus();
        const all = (await boxes(page)).length;
        for (let i = 0; i < 3; i++) await press("ArrowDown");
        const third = (await state(page)).shown;
        await press("ArrowUp");
        assert.notEqual((await state(page)).shown, third);
        await press("ArrowDown");
        assert.equal((await state(page)).shown, third);
        await press("Enter");
        await drawn(page);
        const zoomed = (await boxes(page)).find((box) => box.name === third);
        assert.equal(Math.round(zoomed.width), await page.locator(".flame").evaluate((element) => element.clientWidth));
        for (let i = 0; i < 4; i++) await press("Escape");
        assert.equal((await boxes(page)).length, all);

        const first = page.locator("#sites .site-name").first();
        await first.focus();
        await press("Enter");
        assert.equal(await first.getAttribute("aria-expanded"), "true");
        assert.ok(await page.locator("#sites .stack").isVisible());
        assert.equal(await focused(), await first.textContent(), "the focus stays");
        await press("Enter");
        assert.equal(await page.locator("#sites .stack").count(), 0);
    },

    async looks() {
        const axe = readFileSync(packages.resolve("axe-core/axe.min.js"), "utf8");
        for (const [name, options] of Object.entries({
            light: { colorScheme: "light" }, dark: { colorScheme: "dark" }, phone: { ...PHONE, colorScheme: "light" },
        })) {
            const page = await open(file, options);
            await page.locator("#sites td.site").first().click();
            await page.evaluate(axe);
            const { violations, passes } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
            assert.deepEqual(violations.map((item) => [item.id, item.nodes.slice(0, 3).map((node) => node.html)]), [], name);
            assert.ok(passes.length > 10);
            await page.evaluate(() => scrollTo(0, 0));
            const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
            assert.ok(wide <= window, `${name}: ${wide} pixels wide in a window of ${window}`);
            if (name === "phone") {
                await page.locator("#sites select").selectOption("allocs");
                assert.equal(await page.locator("#sites th.sorted").textContent(), "Allocations");
            }
            await shoot(page, name);
        }
    },

    async hostile() {
        const page = await open(file);
        const names = await page.locator(".site-name").allTextContents();
        const wanted = ["</script><script>window.hacked=1</script>", '"><img/src=x/onerror=window.hacked=2>',
            "'\"`${window.hacked=3}<!--<b>&lt;\\", "u\u2028window.hacked=4//\u2029", `long${"x".repeat(10000)}`];
        for (const name of wanted) assert.ok(names.includes(name), `shown as it is: ${name.slice(0, 60)}`);
        assert.ok(names.some((name) => /^bad\ufffd+utf8$/.test(name)), "what is no UTF-8 is replaced");
        assert.match(await page.locator("h1").textContent(), /^program$/);
        assert.match(await page.locator(".command").textContent(), /window\.hacked=5<\/script>/);
        for (let i = 0; i < wanted.length; i++) await page.locator("td.site").nth(i).click();
        for (const box of await boxes(page)) await point(page, box);
        await page.locator("#flame").getByRole("searchbox").fill("<script>");
        await page.locator("#sites").getByRole("searchbox").fill("<img");
        assert.equal(await page.locator(".site-name").count(), 1);
        assert.equal(await page.evaluate(() => window.hacked), undefined, "no name ran");
        assert.equal(await page.locator("script").count(), 2);
        assert.equal(await page.locator("img").count(), 0);
        const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= window, "a long name does not widen the page");
    },

    async large() {
        const page = await open(file);
        console.log(`opened and drawn in ${page.openMs} ms`);
        const read = documentOf(file);
        assert.equal(await page.locator(".position").textContent(), `1\u201325 of ${read.sites.node.length.toLocaleString("en-US")}`);
        const time = async (name, act) => {
            const start = Date.now();
            await act();
            await drawn(page);
            console.log(`${name} in ${Date.now() - start} ms`);
        };
        await time("callers", () => page.getByRole("radio", { name: "Callers" }).click());
        assert.ok((await boxes(page)).length > 20);
        await time("sorted", () => page.locator("#sites").getByRole("button", { name: "Allocations" }).click());
        await time("searched", () => page.locator("#sites").getByRole("searchbox").fill("level_3_right"));
        const found = Number((await page.locator(".position").textContent()).split(" of ")[1].replaceAll(",", ""));
        assert.ok(found > 30000 && found < 70000, `about half of the sites: ${found}`);
        const next = page.getByRole("button", { name: "Next page" });
        await next.click();
        assert.match(await page.locator(".position").textContent(), /^26\u201350 of/);
        assert.match(await page.locator("#sites td.site").first().textContent(), /allocate/);
    },

    async changes() {
        const page = await open(file);
        const rows = await page.locator("#sites tbody tr").allTextContents();
        for (const [name, change] of Object.entries({ comes: "new", goes: "gone", grows: "grew", shrinks: "shrank", keeps: "same" }))
            assert.ok(rows.some((row) => row.startsWith(name + change)), `${name}: ${change} in ${rows}`);
        const shown = await boxes(page);
        assert.equal(shown.filter((box) => box.name === "main").length, 1, "both runs have one main");
        assert.ok(shown.some((box) => box.name === "comes") && !shown.some((box) => box.name === "goes"));
        await page.getByRole("radio", { name: "Before" }).click();
        assert.ok((await boxes(page)).some((box) => box.name === "goes"));
        assert.match(await page.locator("header").textContent(), /after: new\.ht . before: old\.ht/);
        await page.locator("#sites td.site").first().click();
        assert.match(await page.locator(".numbers").textContent(), /before [\d,]+, after [\d,]+/);
    },

    async diff() {
        // Before: make_buffer's site did not exist, fill_cache's had twice as much, another is gone.
        const read = withDocument(file, "diff.html", (it) => {
            const columns = ["live_bytes", "live_blocks", "peak_bytes", "peak_blocks", "bytes_allocated", "allocs", "temporary_allocs"];
            const name = (site) => it.strings[it.frames.function[it.nodes.frame[it.sites.who[site]]]];
            const factor = (site) => ({ make_buffer: 0, fill_cache: 2 })[name(site)] ?? 1;
            const old = Object.fromEntries(columns.map((column) => [column, it.sites[column].map((n, site) => n * factor(site))]));
            const gone = it.sites.node.findIndex((_, site) => name(site) === "use_temporaries");
            for (const column of columns) it.sites[column][gone] = 0;
            it.kind = "diff";
            it.old = { ...structuredClone(it), sites: old };
            delete it.old.old;
            for (const column of ["peak_bytes", "live_bytes", "bytes_allocated", "allocs", "temporary_allocs"]) {
                it.old.totals[column] = sum(old[column]);
                it.totals[column] = sum(it.sites[column]);
            }
        });
        const page = await open("diff.html");
        const sites = page.locator("#sites");
        const row = async (name) => (await sites.locator("tr", { hasText: name }).first().textContent());
        assert.match(await row("make_buffer"), /new.*\+2\.7 MiB/);
        assert.match(await row("fill_cache"), /shrank.*\u221225\.0 KiB/);
        await sites.getByRole("button", { name: "Temporary" }).click();
        assert.match(await row("use_temporaries"), /gone.*\u22124,000/);
        assert.match(await page.locator("#tile-peak").textContent(), /\+2\.\d MiB \(was /);
        const width = async (name) => (await boxes(page)).find((box) => box.name === name)?.width ?? 0;
        assert.ok(await width("make_buffer") > 100);
        assert.equal(await width("use_temporaries"), 0);
        const flame = page.locator("#flame");
        await flame.getByRole("radio", { name: "Before" }).click();
        assert.equal(await width("make_buffer"), 0);
        await flame.getByRole("radio", { name: "Temporary" }).click();
        assert.ok(await width("use_temporaries") > 100);
        const root = Math.max(...(await boxes(page)).map((box) => box.value));
        assert.equal(root, sum(read.old.sites.temporary_allocs));
        await flame.getByRole("radio", { name: "At peak" }).click();
        await flame.getByRole("radio", { name: "After" }).click();
        await shoot(page, "diff");
    },

    async sizes() {
        const read = documentOf(file);
        const page = await open(file);
        /** What a chart says of each power of two; 0 in between is not said. */
        const shown = async (chart) => {
            const counts = [];
            for (const row of await chart.locator(".histogram-row").all()) {
                await row.hover();
                const [, from, n] = (await page.locator("#tip").textContent()).match(/^([\d,]+) .*bytes?: ([\d,]+) allocation/);
                const [bytes, allocs] = [from, n].map((text) => Number(text.replaceAll(",", "")));
                if (allocs > 0) counts.push([bytes === 0 ? -1 : Math.log2(bytes), allocs]);
            }
            return counts;
        };
        assert.match(await page.locator("#sizes h2").textContent(), /^Sizes of blocks$/);
        assert.deepEqual(await shown(page.locator("#sizes .histogram")), read.sizes);
        assert.equal(sum(read.sizes.map(([, n]) => n)), read.totals.allocs);
        read.sites.sizes.forEach((sizes, site) => assert.equal(sum(sizes.map(([, n]) => n)), read.sites.allocs[site]));
        await page.locator("td.site").first().click();
        assert.deepEqual(await shown(page.locator(".details .histogram")), read.sites.sizes[0]);
        await page.locator("#tile-allocs .term").hover();
        assert.match(await page.locator("#tip").textContent(), new RegExp(`largest block had ${read.totals.largest_bytes.toLocaleString("en-US")} bytes`));
        await shoot(page, "sizes");
    },

    async optional() {
        withDocument(file, "sizes.html", (it) => {
            it.sizes = [[4, 4000], [6, 400]];
            it.sites.sizes = it.sites.node.map((_, site) => (site === 0 ? [[5, 12], [7, 1]] : []));
            it.lines = [{ name: "threshold", bytes: 1000000 }, { name: "limit", bytes: 2000000 }];
            it.lost.sites = 7;
            const grown = { bytes_per_second: 2048, confidence: 0.99995, from_bytes: 100, to_bytes: 4000 };
            it.growth = { ...grown, verdict: "growing", sites: [{ ...grown, bytes_per_second: 1024, id: 2 }] };
            it.peak_from_seconds = it.seconds / 4;
            it.peak_seconds = it.seconds / 2;
        });
        const page = await open("sizes.html");
        assert.match(await page.locator("#sizes h2").textContent(), /^Sizes of blocks$/);
        assert.match(await page.locator("#sizes .histogram").textContent(), /16\u201331 B4,000.*64\u2013127 B400$/);
        await page.locator("td.site").first().click();
        assert.match(await page.locator(".details .histogram").textContent(), /^32\u201363 B12.*128\u2013255 B1$/);
        assert.match(await page.locator("#tile-losses.warn").textContent(), /7see below/);
        assert.match(await page.locator("#losses").textContent(), /Allocations without a site7/);
        assert.match(await page.locator("#tile-peak").textContent(), / at \d+\u2013\d+ ms/);
        assert.match(await page.locator("#growth-table").textContent(), /the whole program\+2\.0 KiB\/s99\.99 %.*\+1\.0 KiB\/s/);
        const name = await page.locator("#growth .site-link").textContent();
        await page.locator("#growth .site-link").click();
        assert.equal(await page.locator(".site-name[aria-expanded=true]").textContent(), name);
        await shoot(page, "optional");
        withDocument(file, "none.html", (it) => {
            for (const part of [it.sites, it.nodes, it.frames])
                for (const column of Object.keys(part)) part[column] = [];
            it.timeline = [];
            it.threads_detail = [];
            it.ended = "running";
            delete it.growth;
        });
        const none = await open("none.html");
        for (const id of ["timeline", "growth", "flame", "sizes", "threads", "children"]) assert.equal(await none.locator(`#${id}`).count(), 0, id);
        assert.match(await none.locator("#sites").textContent(), /No sites were recorded/);
        assert.match(await none.locator("#tile-live").textContent(), /^Live now/);
        await shoot(none, "none");
    },
};

try {
    await tests[test]();
    assert.deepEqual(troubles, []);
} catch (error) {
    console.error(troubles.join("\n"));
    throw error;
} finally {
    await browser.close();
}
