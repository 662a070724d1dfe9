import { isExactNumber } from './parse-strict.js';

/** What `JSON` can do since ECMAScript 2026; Node 22 has it, the compiler's library does not. */
const Json = JSON as unknown as {
  parse(
    text: string,
    revive: (key: string, value: unknown, at: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
};

/** Numbers of up to 15 digits without exponent are exact; most texts have no others. */
const MAYBE_INEXACT = /[\d.]{16}|\d[eE]/;

/**
 * As JSON.parse, but a number that a double would change (12345678901234567890, 1e400) is kept as it
 * was written and is written so again by JSON.stringify. For values that are passed on, not read.
 */
export function parseJsonExact(text: string): unknown {
  if (!MAYBE_INEXACT.test(text)) return JSON.parse(text);
  return Json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && !isExactNumber(source)
      ? Json.rawJSON(source)
      : value,
  );
}
