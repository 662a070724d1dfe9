import type { ToolClass } from '@conducktor/contracts';

const STRICTNESS: readonly ToolClass[] = ['read', 'write', 'destructive'];

/** The one that policies treat with more care. */
export const stricter = (one: ToolClass, other: ToolClass): ToolClass =>
  STRICTNESS.indexOf(one) > STRICTNESS.indexOf(other) ? one : other;

/**
 * The class that a tool's own annotations suggest; an admin's override wins over it. Annotations are
 * the upstream's word, hence a proposal only.
 *
 * MCP's defaults are "not read-only" and, if so, "destructive". They are followed where a server
 * annotates at all: `readOnlyHint: false` alone is destructive. A tool without either hint is a
 * write: calling all tools of servers that never annotate destructive would make the word useless.
 */
export function proposeClass(definition: { annotations?: unknown }): ToolClass {
  const annotations = definition.annotations;
  if (typeof annotations !== 'object' || annotations === null) return 'write';
  const { readOnlyHint, destructiveHint } = annotations as Record<string, unknown>;
  // A tool that claims both is not believed to be harmless.
  if (destructiveHint === true) return 'destructive';
  if (readOnlyHint === true) return 'read';
  if (destructiveHint === false) return 'write';
  return readOnlyHint === false ? 'destructive' : 'write';
}
