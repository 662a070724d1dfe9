import type { RedactionWork } from './work.js';

/** Called with the place of something found: `from` included, `to` not. */
export type Found = (from: number, to: number) => void;

/** Searches a text. What a hostile text can make dear is spent of the work, beside the price of the kind. */
export type Find = (text: string, found: Found, work: RedactionWork) => void;

/** As `text.matchAll`, which copies the expression each time, also to find nothing. */
export function matchesIn(text: string, shape: RegExp): Iterable<RegExpExecArray> {
  return text.search(shape) < 0 ? NONE : text.matchAll(shape);
}
const NONE: readonly RegExpExecArray[] = [];
