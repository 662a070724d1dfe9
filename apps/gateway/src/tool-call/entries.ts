import type { EntryName, ToolLabel } from '@conducktor/contracts';
import type { ConnectionEntry } from '../workspace/types.js';
import type { Entry } from './types.js';

/** What reaches an upstream besides tools/call. */
export type EntryMethod = EntryName;

const entries = new WeakMap<ConnectionEntry, Map<EntryMethod, Entry>>();

/**
 * A method of a connection as policies and records know it: `github_resources/read`, class read. No
 * tool has such a name, because shown names have no slash. One object per connection and snapshot.
 */
export function entryOf(connection: ConnectionEntry, method: EntryMethod): Entry {
  let ofConnection = entries.get(connection);
  if (!ofConnection) entries.set(connection, (ofConnection = new Map()));
  let entry = ofConnection.get(method);
  if (!entry) {
    entry = {
      id: `${connection.id}/${method}`,
      shownName: `${connection.slug}_${method}`,
      upstreamName: method,
      connection,
      class: 'read',
      labels: labelsOf(connection, method),
      scopes: connection.scopesOf?.(method),
    };
    ofConnection.set(method, entry);
  }
  return entry;
}

/** What comes to a model by them as by a tool. Lists, names and completions are for the person. */
const GIVES: ReadonlySet<EntryMethod> = new Set(['resources/read', 'prompts/get']);

/**
 * Nobody labels a resource or a prompt: each may give what any tool of its connection gives, so it has
 * their `private` and `untrusted`.
 */
function labelsOf({ tools }: ConnectionEntry, method: EntryMethod): ToolLabel[] {
  if (!GIVES.has(method)) return [];
  const labels = new Set(tools.flatMap((tool) => tool.labels));
  return (['private', 'untrusted'] as const).filter((label) => labels.has(label));
}
