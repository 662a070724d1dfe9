import type { CallMethod } from '@conducktor/contracts';
import type { ConnectionEntry } from '../workspace/types.js';
import type { Entry } from './types.js';

export type EntryMethod = Exclude<CallMethod, 'tools/call'> | 'resources/subscribe';

/** All of them. */
export const ENTRY_METHODS: readonly EntryMethod[] = [
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'prompts/list',
  'prompts/get',
  'completion/complete',
];

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
      labels: [],
    };
    ofConnection.set(method, entry);
  }
  return entry;
}
