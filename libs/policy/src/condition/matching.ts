import type { RE2JS } from 're2js';

/**
 * Instructions of patterns times characters of texts that one decision may cost. RE2 is linear in both;
 * at worst, where a pattern such as `(a|b)*a(a|b){100}` makes its automaton explode, each costs some 35 ns.
 */
export const MAX_STEPS = 1_250_000;

/** What is left of them to the evaluation that runs now: the CEL library hands no context to its functions. */
export const matching = { left: MAX_STEPS };

/** Whether the pattern is found in the text; undefined: that would be too much work. */
export function foundIn(pattern: RE2JS, text: string): boolean | undefined {
  const steps = pattern.programSize() * text.length;
  if (steps > matching.left) return undefined;
  matching.left -= steps;
  return pattern.test(text);
}
