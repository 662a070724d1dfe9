import type { EntryName, ToolLabel } from '@conducktor/contracts';

/** What comes to a model by them as by a tool. Lists, names and completions are for the person. */
const GIVES: ReadonlySet<string> = new Set<EntryName>(['resources/read', 'prompts/get']);

/**
 * Nobody labels a resource or a prompt: each may give what any tool of its connection gives, so it has
 * their `private` and `untrusted`. `ofTools`: of all of them, also those that are not shown.
 */
export function entryLabels(method: string, ofTools: Iterable<string>): ToolLabel[] {
  if (!GIVES.has(method)) return [];
  const labels = new Set(ofTools);
  return (['private', 'untrusted'] as const).filter((label) => labels.has(label));
}
