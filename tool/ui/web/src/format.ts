/* SPDX-License-Identifier: MIT
 *
 * format.ts - numbers as people read them.
 */
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

const tenths = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export function oneDecimal(n: number): string {
    return tenths.format(n);
}

export function bytes(n: number): string {
    let unit = 0;
    // 1023.95 would be shown as 1024.0
    while (Math.abs(n) >= 1023.95 && unit + 1 < UNITS.length) {
        n /= 1024;
        unit++;
    }
    return `${n.toFixed(unit === 0 ? 0 : 1)} ${UNITS[unit]}`.replace("-", "\u2212");
}

export function count(n: number): string {
    return whole.format(n).replace("-", "\u2212");
}

/** "1,234 bytes", beside the rounded form. */
export function exactBytes(n: number): string {
    return `${count(n)} ${Math.abs(n) === 1 ? "byte" : "bytes"}`;
}

export function shortCount(n: number): string {
    const size = Math.abs(n);
    if (size < 100_000) return count(n);
    const [divisor, unit] = size < 1e9 ? (size < 1e6 ? [1e3, "k"] : [1e6, "M"]) : [1e9, "G"];
    return `${(n / divisor).toFixed(size / divisor < 100 ? 1 : 0)} ${unit}`.replace("-", "\u2212");
}

export function percent(part: number, total: number): string {
    if (total <= 0) return "\u2013";
    const share = (100 * part) / total;
    if (share !== 0 && Math.abs(share) < 0.05) return share < 0 ? "> \u22120.1 %" : "< 0.1 %";
    return `${share.toFixed(1)} %`.replace("-", "\u2212");
}

/** With a sign: of differences. */
export function signed(n: number, format: (n: number) => string): string {
    return n > 0 ? `+${format(n)}` : format(n);
}

export function seconds(s: number): string {
    if (s <= 0) return "\u2013";
    if (s < 0.001) return `${(s * 1e6).toFixed(0)} \u00b5s`;
    if (s < 1) return `${(s * 1e3).toFixed(s < 0.01 ? 1 : 0)} ms`;
    if (s < 120) return `${s.toFixed(s < 10 ? 2 : 1)} s`;
    const minutes = Math.floor(s / 60);
    if (minutes < 120) return `${minutes} min ${Math.round(s % 60)} s`;
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function baseName(path: string): string {
    return path.slice(path.lastIndexOf("/") + 1);
}

/** "1 block", "2 blocks" */
export function plural(n: number, noun: string): string {
    return `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** "+1.2 MiB/s" */
export function slope(bytesPerSecond: number): string {
    return `${signed(bytesPerSecond, bytes)}/s`;
}

/** Nothing is certain, so at most 99.99 %. */
export function confidence(share: number): string {
    return `${Math.min(99.99, 100 * share).toFixed(2)} %`;
}
