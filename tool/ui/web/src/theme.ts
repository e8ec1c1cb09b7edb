/* SPDX-License-Identifier: MIT
 *
 * theme.ts - light, dark, or as the system says; and the style sheet's colours for
 * what is drawn on a canvas.
 */
import { h, setTip } from "./dom";

type Theme = "auto" | "light" | "dark";
const ORDER: Theme[] = ["auto", "light", "dark"];
const KEY = "heaptracker-theme";

const listeners: (() => void)[] = [];
const dark = matchMedia("(prefers-color-scheme: dark)");
const resolved = new Map<string, string>();
let probe: HTMLElement | null = null;

function changed(): void {
    resolved.clear();
    for (const listener of listeners) listener();
}

export function onTheme(listener: () => void): void {
    listeners.push(listener);
}

/** What the custom property `name` is at the moment, as a colour that a canvas takes. */
export function colour(name: string): string {
    let value = resolved.get(name);
    if (value === undefined) {
        if (probe === null) {
            probe = h("span", { hidden: true });
            document.body.append(probe);
        }
        probe.style.color = `var(${name})`;
        resolved.set(name, (value = getComputedStyle(probe).color));
    }
    return value;
}

// Where a page from a file may keep nothing, the choice holds until it is closed.
function stored(): Theme {
    try {
        const value = localStorage.getItem(KEY) as Theme | null;
        return value !== null && ORDER.includes(value) ? value : "auto";
    } catch {
        return "auto";
    }
}

function store(theme: Theme): void {
    try {
        localStorage.setItem(KEY, theme);
    } catch {
        return;
    }
}

const NAMES = { auto: "as the system", light: "light", dark: "dark" };
const ICONS = { auto: "\u25D0", light: "\u2600", dark: "\u263E" };

export function themeButton(): HTMLElement {
    let theme = stored();
    const button = h("button", { type: "button", class: "icon-button", id: "theme" });
    const apply = () => {
        document.documentElement.dataset["theme"] = theme;
        button.textContent = `${ICONS[theme]}\uFE0E`;
        button.setAttribute("aria-label", `Colours: ${NAMES[theme]}`);
        setTip(button, `Colours: ${NAMES[theme]}. Press for ${NAMES[ORDER[(ORDER.indexOf(theme) + 1) % 3]!]}.`);
        changed();
    };
    button.addEventListener("click", () => {
        theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length]!;
        store(theme);
        apply();
    });
    dark.addEventListener("change", changed);
    apply();
    return button;
}
