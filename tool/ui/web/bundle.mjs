/* SPDX-License-Identifier: MIT
 *
 * bundle.mjs OUTPUT.c - makes one page of page.html, style.css and src/, and writes it
 * as two C arrays: what stands before the document and what stands after it.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// The packages lie where the build installed them, which is not beside this file.
const output = process.argv[2];
const require = createRequire(join(process.env.HT_PACKAGES ?? dirname(fileURLToPath(import.meta.url)), "package.json"));
const { build } = require("esbuild");
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

async function bundle(entry, loader) {
    const result = await build({
        entryPoints: [here(entry)], bundle: true, minify: true, write: false, format: "iife", target: "es2022",
        charset: "ascii", legalComments: "inline", loader, logLevel: "error",
        nodePaths: [join(dirname(require.resolve("uplot/package.json")), "..")],
    });
    // The end tag of an element ends it, wherever it stands.
    return result.outputFiles[0].text.trim().replaceAll("</", "<\\/");
}

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const script = await bundle("src/main.ts", {});
const style = await bundle("style.css", { ".css": "css" });

// Nothing is fetched, and only these two texts count as script and style. Without
// trusted types no text can become markup either.
const policy = ["default-src 'none'", `script-src ${hash(script)}`, `style-src ${hash(style)}`, "img-src data:",
    "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"].join("; ");

const parts = { POLICY: policy, STYLE: style, SCRIPT: script };
const page = readFileSync(here("page.html"), "utf8").replace(/@(POLICY|STYLE|SCRIPT)@/g, (_, name) => parts[name]);
const halves = page.split("@DOCUMENT@");
if (halves.length !== 2) throw new Error("page.html has no one place for the document");

function array(name, text) {
    const bytes = Buffer.from(text, "utf8");
    const lines = [];
    for (let at = 0; at < bytes.length; at += 32) lines.push([...bytes.subarray(at, at + 32)].join(","));
    return `const unsigned char ${name}[] = {\n${lines.join(",\n")}};\nconst size_t ${name}_bytes = ${bytes.length};\n`;
}

writeFileSync(output, `/* Made by bundle.mjs. */\n#include "export/html_page.h"\n\n` +
    array("html_page_head", halves[0]) + array("html_page_tail", halves[1]));
