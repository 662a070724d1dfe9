import type { Redact } from '@conducktor/contracts';
import { compilePattern, firstLine } from '../condition/environment.js';
import type { Redaction } from '../types.js';
import { readFieldPath } from './field-path.js';

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
    if (!compilePattern(source).test('')) return undefined;
    return 'matches the empty text, which is everywhere';
  } catch (error) {
    return `is not a regular expression of RE2: ${firstLine(error)}`;
  }
}
