import type { EntryName } from '@conducktor/contracts';
import { entryLabels } from '@conducktor/policy';
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
      labels: entryLabels(method, connection.labels ?? []),
      scopes: connection.scopesOf?.(method),
    };
    ofConnection.set(method, entry);
  }
  return entry;
}
