import { randomUUID } from 'node:crypto';
import { isExactNumber, JsonRefused } from './parse-strict.js';

/** ECMAScript 2026; Node 22 has it, the compiler's library does not. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

/** Most texts have nothing that looks like a number with many digits or an exponent. */
const MAYBE_INEXACT = /[\d.]{16}|\d[eE]/;
/** Doubles have so many decimal digits without loss. */
const SAFE_DIGITS = 15;
/** Smaller doubles lose digits, down to none. */
const SMALLEST = 1e-290;
/** Each is an object in memory, and no list of measurements has numbers that no double has. */
const MAX_INEXACT = 50_000;
/** Begins a string that stands for a number; nobody outside of this process can write it. */
const MARK = `${randomUUID()} `;

/**
 * As JSON.parse, but a number that a double would change (12345678901234567890, 1e400) is kept as it
 * was written and is written so again by JSON.stringify. For values that are passed on, not read.
 * Linear, and for texts without such numbers hardly dearer than JSON.parse: they come from strangers.
 * Throws SyntaxError, and JsonRefused for more than 50,000 such numbers.
 */
export function parseJsonExact(text: string): unknown {
  if (!MAYBE_INEXACT.test(text)) return JSON.parse(text);
  const marked = markInexact(text);
  if (marked === undefined) return JSON.parse(text);
  return restored(JSON.parse(marked));
}

/** The text with such numbers as marked strings; undefined where there are none. */
function markInexact(text: string): string | undefined {
  const pieces: string[] = [];
  let copied = 0;
  let found = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (isDigit(code)) {
      const from = text.charCodeAt(at - 1) === MINUS ? at - 1 : at;
      let plain = true;
      for (at++; at < text.length; at++) {
        const next = text.charCodeAt(at);
        if (isDigit(next) || next === POINT) continue;
        if (next !== LOWER_E && next !== UPPER_E && next !== PLUS && next !== MINUS) break;
        plain = false;
      }
      if (!(plain && at - from <= SAFE_DIGITS) && !isExact(text.slice(from, at))) {
        if (++found > MAX_INEXACT) throw new JsonRefused('number', TOO_MANY);
        pieces.push(text.slice(copied, from), `"${MARK}${text.slice(from, at)}"`);
        copied = at;
      }
      at--;
    }
  }
  return found === 0 ? undefined : pieces.join('') + text.slice(copied);
}

const TOO_MANY = 'There are too many numbers that cannot be kept exactly.';
const [QUOTE, BACKSLASH, MINUS, PLUS, POINT] = [34, 92, 45, 43, 46];
const [UPPER_E, LOWER_E] = [69, 101];

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** RFC 8259; what is not a number stays as it is, and JSON.parse says so. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The common case without the cost of the full comparison. */
function isExact(source: string): boolean {
  if (!NUMBER.test(source)) return true;
  const value = Number(source);
  if (String(value) === source) return true;
  if (source.length > SAFE_DIGITS) return isExactNumber(source);
  if (value === 0) return /^-?[0.]+(?:[eE]|$)/.test(source);
  return Number.isFinite(value) && (Math.abs(value) > SMALLEST || isExactNumber(source));
}

/** Where the string that begins at `at` ends; the end of the text where it does not. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = end - 1;
    while (text.charCodeAt(slashes) === BACKSLASH) slashes--;
    if ((end - slashes) % 2 === 1) return end;
  }
  return text.length;
}

/** In place. */
function restored(value: unknown): unknown {
  if (typeof value === 'string')
    return value.startsWith(MARK) ? rawJSON(value.slice(MARK.length)) : value;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const part: unknown = value[at];
      if (typeof part === 'string' || typeof part === 'object') value[at] = restored(part);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, part] of Object.entries(value)) {
      if (typeof part !== 'string' && typeof part !== 'object') continue;
      const now = restored(part);
      // Not by assignment: the name may be `__proto__`.
      if (now !== part) Object.defineProperty(value, name, { value: now });
    }
  }
  return value;
}
