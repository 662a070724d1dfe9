import { visibility } from '@conducktor/policy';
import type { ConnectionEntry } from '../workspace/types.js';
import { entryOf, type EntryMethod } from './entries.js';
import { policyCaller, policyTool } from './policy-input.js';
import type { Caller } from './types.js';
import { decidedOn, viewFor } from './view-for.js';

/**
 * `listed`: this caller may use it, subject to conditions; `unlisted`: it is refused by name;
 * `unknown`: this caller may use nothing of the connection, or the path does not show this of it, so
 * the answer is that of what does not exist. `uri`, the upstream's own: the resource that is meant.
 */
export function standing(
  caller: Caller,
  connection: ConnectionEntry,
  method: EntryMethod,
  uri?: string,
): 'listed' | 'unlisted' | 'unknown' {
  if (!viewFor(caller).offers(connection, method, uri)) return 'unknown';
  return visibility(
    caller.workspace.policy,
    policyCaller(caller),
    policyTool(entryOf(connection, method)),
    decidedOn(connection),
  );
}
