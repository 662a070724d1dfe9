/** Deeper JSON is refused: nothing that people or models send nests further. */
export const MAX_DEPTH = 64;

/** Why a text is not accepted although, or because, it is (not) JSON. */
export class JsonRefused extends Error {
  constructor(
    readonly reason: 'syntax' | 'depth' | 'duplicate_key' | 'number' | 'forbidden_key',
    message: string,
  ) {
    super(message);
    this.name = 'JsonRefused';
  }
}

/**
 * Parses JSON that means the same to every parser. Throws JsonRefused for anything but JSON
 * (RFC 8259), for more than 64 levels, an object with the same key twice at any depth, the key
 * `__proto__`, and numbers that a double would change (9007199254740993, 1e400).
 */
export function parseJsonStrict(text: string): unknown {
  const members = scan(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new JsonRefused('syntax', 'The text is not valid JSON.');
  }
  // A parser keeps one of two equal keys, so the value then has fewer members than the text.
  if (countMembers(value) !== members)
    throw new JsonRefused('duplicate_key', 'The JSON has an object with the same key twice.');
  return value;
}

const QUOTE = 34;
const MINUS = 45;
const COLON = 58;
const BACKSLASH = 92;
const OPEN = new Uint8Array(128);
OPEN[91] = OPEN[123] = 1;
const CLOSE = new Uint8Array(128);
CLOSE[93] = CLOSE[125] = 1;

/**
 * Counts the members of all objects, and checks depth and numbers, on the text itself. Only as
 * exact as it must be for valid JSON: of any other text the parser makes a syntax error afterwards.
 */
function scan(text: string): number {
  let members = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) {
      at = endOfString(text, at);
    } else if (char === COLON) {
      members++;
    } else if ((char >= 48 && char <= 57) || char === MINUS) {
      at = endOfNumber(text, at);
    } else if (OPEN[char] === 1) {
      if (++depth > MAX_DEPTH)
        throw new JsonRefused('depth', `The JSON is nested more than ${MAX_DEPTH} levels deep.`);
    } else if (CLOSE[char] === 1) {
      depth--;
    }
  }
  return members;
}

/** Position of the closing quote; the end of the text when there is none. */
function endOfString(text: string, start: number): number {
  let at = start;
  for (;;) {
    at = text.indexOf('"', at + 1);
    if (at < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at;
  }
}

/** Position of the number's last character. Up to 15 digits without exponent are always exact. */
function endOfNumber(text: string, start: number): number {
  let at = start + 1;
  let plain = true;
  for (; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char >= 48 && char <= 57) continue;
    // + - . E e
    if (char === 43 || char === MINUS || char === 46) continue;
    if (char === 69 || char === 101) plain = false;
    else break;
  }
  if (!plain || at - start > 15) requireExact(text.slice(start, at));
  return at - 1;
}

// The longest way of writing a double without superfluous digits has 326 characters.
const MAX_NUMBER = 350;
const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

function requireExact(source: string): void {
  // The parser will say that it is no number at all.
  if (NUMBER.test(source) && !isExactNumber(source))
    throw new JsonRefused(
      'number',
      `The number ${source.slice(0, 40)} cannot be kept exactly; send it as a string.`,
    );
}

/** Whether a double has the value of this JSON number. */
export function isExactNumber(source: string): boolean {
  const value = Number(source);
  return (
    source.length <= MAX_NUMBER &&
    Number.isFinite(value) &&
    decimalOf(source) === decimalOf(String(value))
  );
}

/** Digits and power of ten without superfluous zeros, so that equal values read equal. */
function decimalOf(source: string): string {
  const [, whole = '', fraction = '', exponent = '0'] = NUMBER.exec(source) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const part of value) if (typeof part === 'object') members += countMembers(part);
    return members;
  }
  for (const key in value) {
    if (key === '__proto__')
      throw new JsonRefused('forbidden_key', 'The key "__proto__" is not allowed.');
    members++;
    const part = (value as Record<string, unknown>)[key];
    if (typeof part === 'object') members += countMembers(part);
  }
  return members;
}
