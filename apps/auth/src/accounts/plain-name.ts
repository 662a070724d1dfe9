const MAX_NAME = 100;
// Controls, and characters that change how a name reads: bidirectional marks, invisible ones.
const MISLEADING = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

/** A name as it may be shown: one line, no invisible characters, at most 100 characters. */
export function plainName(name: string): string {
  const clean = name.normalize('NFKC').replace(/\s+/g, ' ').replace(MISLEADING, '').trim();
  return [...clean].slice(0, MAX_NAME).join('');
}
