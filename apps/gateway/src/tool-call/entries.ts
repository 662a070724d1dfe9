import type { CallMethod } from '@conducktor/contracts';
import { visibility } from '@conducktor/policy';
import type { ConnectionEntry } from '../workspace/types.js';
import { policyCaller, policyTool } from './policy-input.js';
import type { Caller, Entry } from './types.js';

export type EntryMethod = Exclude<CallMethod, 'tools/call'> | 'resources/subscribe';

const METHODS: readonly EntryMethod[] = [
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

/**
 * `listed`: this caller may use it, subject to conditions; `unlisted`: it is refused by name;
 * `unknown`: this caller may use nothing of the connection, so the answer is that of what does not exist.
 */
export function standing(caller: Caller, entry: Entry): 'listed' | 'unlisted' | 'unknown' {
  return visibility(
    caller.workspace.policy,
    policyCaller(caller),
    policyTool(entry),
    siblings(entry.connection),
  );
}

/** One by one: they are only looked at for an entry that is refused. */
function* siblings(connection: ConnectionEntry) {
  for (const tool of connection.tools) yield policyTool(tool);
  for (const method of METHODS) yield policyTool(entryOf(connection, method));
}
