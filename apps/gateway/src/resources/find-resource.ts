import type { GovernedDeps } from '../governed.js';
import { findLister } from '../lists/find-lister.js';
import type { EntryMethod } from '../tool-call/entries.js';
import { standing } from '../tool-call/standing.js';
import { Refusal } from '../tool-call/refusal.js';
import type { Caller } from '../tool-call/types.js';
import { viewFor } from '../tool-call/view-for.js';
import type { ConnectionEntry } from '../workspace/types.js';
import { ownerOfUri, untagged } from './uris.js';

export interface FoundResource {
  connection: ConnectionEntry;
  /** The upstream's own. */
  uri: string;
}

/**
 * The connection that a client's URI belongs to, for use by `method`. Throws the refusal
 * `unknown_resource` for a URI of nobody, and for one of a connection that the caller may not know of.
 */
export async function findResource(
  deps: GovernedDeps,
  caller: Caller,
  uri: unknown,
  method: EntryMethod,
): Promise<FoundResource> {
  if (typeof uri !== 'string' || uri === '')
    throw new Refusal('invalid_arguments', 'The URI of a resource must be a string.', {
      caller,
      toolName: method,
    });
  const view = viewFor(caller);
  const known = (connection: ConnectionEntry, upstreamUri = uri) =>
    standing(caller, connection, method, upstreamUri) !== 'unknown';
  const owner = ownerOfUri(view, uri);
  const found = owner
    ? known(owner.connection, owner.uri) && owner
    : await among(
        deps,
        caller,
        untagged(view, uri).filter((each) => known(each)),
        uri,
      );
  if (found) return found;
  throw new Refusal('unknown_resource', `Resource not found: ${uri}`, {
    caller,
    toolName: method,
    uri,
  });
}

async function among(
  deps: GovernedDeps,
  caller: Caller,
  candidates: ConnectionEntry[],
  uri: string,
): Promise<FoundResource | undefined> {
  const connection =
    candidates.length > 1
      ? await findLister(deps, caller, candidates, { kind: 'resource', uri })
      : candidates[0];
  return connection && { connection, uri };
}
