import type { RE2JS } from 're2js';
import type { Redaction } from '../types.js';
import { findCards } from './kinds/card.js';
import { findEmails } from './kinds/email.js';
import { findIbans } from './kinds/iban.js';
import { findPhones } from './kinds/phone.js';
import { findSecrets } from './kinds/secret.js';
import type { Find, Found } from './search.js';
import type { RedactionWork } from './work.js';

interface Span {
  readonly from: number;
  to: number;
  readonly with: string;
}

/** A text without what is to be taken out of it; the same string where that is nothing. */
export type RedactText = (text: string, work: RedactionWork) => string;

interface Kind {
  readonly find: Find;
  /** Nothing of the kind is shorter. */
  readonly shortest: number;
  /** Units of work of a character. */
  readonly price: number;
}
const KINDS: Record<Redaction['kinds'][number], Kind> = {
  email: { find: findEmails, shortest: 6, price: 0.25 },
  card: { find: findCards, shortest: 13, price: 0.5 },
  iban: { find: findIbans, shortest: 15, price: 0.5 },
  phone: { find: findPhones, shortest: 7, price: 1 },
  secret: { find: findSecrets, shortest: 8, price: 1.5 },
};
/** Of beginning a search, however short the text. */
const BEGINNING = 20;

/**
 * Everything is searched for in the text as it came and taken out at once, so that no redaction hides from
 * another what it is to find. What overlaps becomes one gap, filled as the rule says whose find begins first.
 */
export function textRedactor(redactions: readonly Redaction[]): RedactText | undefined {
  const kinds = redactions.flatMap((each) =>
    each.kinds.map((kind) => ({ kind: KINDS[kind], each })),
  );
  const patterns = redactions.flatMap((each) =>
    each.patterns.map((pattern) => ({ pattern, each })),
  );
  if (kinds.length === 0 && patterns.length === 0) return undefined;

  return (text, work) => {
    const spans: Span[] = [];
    work.spend(1);
    for (const { kind, each } of kinds) {
      if (text.length < kind.shortest) continue;
      work.spend(BEGINNING + text.length * kind.price);
      kind.find(text, (from, to) => spans.push({ from, to, with: each.with }), work);
    }
    for (const { pattern, each } of patterns)
      search(pattern, text, work, (from, to) => spans.push({ from, to, with: each.with }));
    return spans.length === 0 ? text : without(text, spans);
  };
}

function search(pattern: RE2JS, text: string, work: RedactionWork, found: Found): void {
  const size = pattern.programSize();
  work.spend(BEGINNING + text.length * size);
  // The quick way to say no, which is the usual answer.
  if (!pattern.test(text)) return;
  let start = performance.now();
  const matcher = pattern.matcher(text);
  let searched = 0;
  while (matcher.find()) {
    const [from, to] = [matcher.start(), matcher.end()];
    work.spend((to - searched) * size);
    searched = to;
    // Nothing is nothing to take out.
    if (to > from) found(from, to);
    start = work.searchedSince(start);
  }
  work.searchedSince(start);
}

function without(text: string, spans: Span[]): string {
  spans.sort((a, b) => a.from - b.from);
  const gaps: Span[] = [];
  for (const span of spans) {
    const last = gaps.at(-1);
    // Neighbours too: else a pattern for one digit would write many times what it takes out.
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else gaps.push(span);
  }
  let written = '';
  let at = 0;
  for (const gap of gaps) {
    written += text.slice(at, gap.from) + gap.with;
    at = gap.to;
  }
  return written + text.slice(at);
}
