import type { Redact } from '@conducktor/contracts';
import { compilePattern, firstLine, TOO_LARGE } from '../condition/environment.js';
import type { Redaction } from '../types.js';
import { readFieldPath } from './field-path.js';

// Every character of a text may cost so many steps.
const MAX_INSTRUCTIONS = 200;

/** Prepares a rule's `redact`. Throws Error for what `redactProblems` names. */
export function compileRedaction(ruleId: string, redact: Redact): Redaction {
  return {
    ruleId,
    from: new Set(redact.from),
    paths: (redact.fields ?? []).map((field) => {
      const read = readFieldPath(field);
      if ('error' in read) throw new Error(read.error);
      return read.path;
    }),
    kinds: redact.kinds ?? [],
    patterns: (redact.patterns ?? []).map(compilePattern),
    with: redact.with,
  };
}

/** What of a rule's `redact` cannot be prepared: field of the rule, and a sentence. */
export function* redactProblems({
  fields = [],
  patterns = [],
}: Redact): Generator<{ field: string; problem: string }> {
  for (const [index, field] of fields.entries()) {
    const read = readFieldPath(field);
    if ('error' in read) yield { field: `redact.fields[${index}]`, problem: read.error };
  }
  for (const [index, source] of patterns.entries()) {
    const problem = problemOf(source);
    if (problem !== undefined) yield { field: `redact.patterns[${index}]`, problem };
  }
}

function problemOf(source: string): string | undefined {
  try {
    const pattern = compilePattern(source);
    if (pattern.test('')) return 'matches the empty text, which is everywhere';
    if (pattern.programSize() <= MAX_INSTRUCTIONS) return undefined;
    return TOO_LARGE;
  } catch (error) {
    const why = firstLine(error);
    return why === TOO_LARGE ? why : `is not a regular expression of RE2: ${why}`;
  }
}

/** Of its patterns that can be compiled, together. */
export function redactInstructions({ patterns = [] }: Partial<Redact> = {}): number {
  return patterns
    .filter((source) => problemOf(source) === undefined)
    .reduce((sum, source) => sum + compilePattern(source).programSize(), 0);
}
