/* SPDX-License-Identifier: MIT
 *
 * dom.ts - elements made from text, never from markup: a name that a stranger's
 * program chose is always only text. And the tooltips: any element with `tip` has one.
 */
export interface Properties {
    class?: string;
    tip?: string;
    label?: string; // aria-label
    role?: string;
    type?: string;
    id?: string;
    pressed?: boolean;
    hidden?: boolean;
    colspan?: number;
    scope?: string;
    onclick?: (event: MouseEvent) => void;
}

export type Content = Node | string | null | undefined | false;

export function h<K extends keyof HTMLElementTagNameMap>(
    tag: K, properties: Properties = {}, ...content: Content[]
): HTMLElementTagNameMap[K] {
    const element = document.createElement(tag);
    if (properties.class) element.className = properties.class;
    if (properties.tip) setTip(element, properties.tip);
    if (properties.label) element.setAttribute("aria-label", properties.label);
    if (properties.role) element.setAttribute("role", properties.role);
    if (properties.type) element.setAttribute("type", properties.type);
    if (properties.id) element.id = properties.id;
    if (properties.pressed !== undefined) element.setAttribute("aria-pressed", String(properties.pressed));
    if (properties.hidden) element.hidden = true;
    if (properties.colspan) element.setAttribute("colspan", String(properties.colspan));
    if (properties.scope) element.setAttribute("scope", properties.scope);
    if (properties.onclick) element.addEventListener("click", properties.onclick as EventListener);
    for (const item of content) if (item) element.append(item);
    return element;
}

export function byId<T extends HTMLElement>(id: string): T {
    const element = document.getElementById(id);
    if (element === null) throw new Error(`no element #${id}`);
    return element as T;
}

/** A bar of `share` (0 to 1) of its place. */
export function bar(share: number, kind = ""): HTMLElement {
    const fill = h("span", { class: `bar-fill ${kind}` });
    fill.style.width = `${(100 * Math.max(0, Math.min(1, share))).toFixed(2)}%`;
    const element = h("span", { class: "bar" }, fill);
    element.setAttribute("aria-hidden", "true");
    return element;
}

/** A word that explains itself when it is pointed at, focused or tapped. */
export function term(label: string, tip: string): HTMLElement {
    return h("button", { class: "term", type: "button", tip }, label);
}

export interface Choice<T extends string> {
    value: T;
    label: string;
    tip?: string;
}

/** Buttons of which one is pressed; arrow keys move among them, as among radio buttons. */
export function choices<T extends string>(
    label: string, items: Choice<T>[], initial: T, chosen: (value: T) => void
): HTMLElement {
    const group = h("div", { class: "choices", role: "radiogroup", label });
    const select = (button: HTMLElement) => {
        for (const other of group.children as HTMLCollectionOf<HTMLElement>) {
            other.setAttribute("aria-checked", String(other === button));
            other.tabIndex = other === button ? 0 : -1;
        }
    };
    for (const item of items) {
        const button = h("button", { type: "button", role: "radio", ...(item.tip ? { tip: item.tip } : {}) }, item.label);
        button.dataset["value"] = item.value;
        button.addEventListener("click", () => {
            select(button);
            chosen(item.value);
        });
        group.append(button);
    }
    select(group.children[items.findIndex((item) => item.value === initial)] as HTMLElement);
    group.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (step === undefined) return;
        const buttons = [...group.children] as HTMLElement[];
        const at = buttons.indexOf(document.activeElement as HTMLElement);
        const next = buttons[(at + step + buttons.length) % buttons.length];
        next?.focus();
        next?.click();
        event.preventDefault();
    });
    return group;
}

// --- Tooltips -----------------------------------------------------------------

export function setTip(element: HTMLElement, tip: string): void {
    element.dataset["tip"] = tip;
    element.setAttribute("aria-description", tip);
}

const tipBox = h("div", { id: "tip", role: "tooltip", hidden: true });
const GAP = 8;

/** Shows lines of text beside a place of the window; the first is the heading. */
export function showTip(lines: string[], left: number, top: number, bottom: number): void {
    tipBox.replaceChildren(...lines.map((line, i) => h("div", { class: lines.length > 1 && i === 0 ? "tip-head" : "" }, line)));
    tipBox.hidden = false;
    const box = tipBox.getBoundingClientRect();
    const room = document.documentElement.clientWidth - box.width - GAP;
    tipBox.style.left = `${Math.max(GAP, Math.min(left, room))}px`;
    const below = bottom + GAP + box.height <= window.innerHeight;
    tipBox.style.top = `${below ? bottom + GAP : Math.max(GAP, top - GAP - box.height)}px`;
}

export function hideTip(): void {
    tipBox.hidden = true;
}

function showTipOf(target: EventTarget | null): void {
    const element = target instanceof Element ? target.closest<HTMLElement>("[data-tip]") : null;
    if (element === null) return hideTip();
    const box = element.getBoundingClientRect();
    showTip([element.dataset["tip"] ?? ""], box.left, box.top, box.bottom);
}

export function startTips(): void {
    byId("page").append(tipBox);
    document.addEventListener("pointerover", (event) => showTipOf(event.target));
    document.addEventListener("focusin", (event) => {
        if ((event.target as Element).matches(":focus-visible")) showTipOf(event.target);
    });
    document.addEventListener("focusout", hideTip);
    document.addEventListener("click", (event) => showTipOf(event.target));
    document.addEventListener("scroll", hideTip, { capture: true, passive: true });
    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape") hideTip();
    });
}
