import type { GovernedDeps } from '../governed.js';
import { findListers, undecided } from '../lists/find-listers.js';
import type { EntryMethod } from '../tool-call/entries.js';
import { Refusal } from '../tool-call/refusal.js';
import { standing } from '../tool-call/standing.js';
import type { Caller } from '../tool-call/types.js';
import { viewFor } from '../tool-call/view-for.js';
import type { ConnectionEntry } from '../workspace/types.js';
import { ownerOfUri, untagged } from './uris.js';

/**
 * The connection that a client's URI belongs to, and the upstream's own form of it, for use by `method`.
 * Throws the refusal `unknown_resource` for a URI of nobody, for one of a connection that the caller may
 * not know of, and for one that does not say whose it is and may be several connections'.
 */
export async function findResource(
  deps: GovernedDeps,
  caller: Caller,
  uri: unknown,
  method: EntryMethod,
): Promise<{ connection: ConnectionEntry; uri: string }> {
  if (typeof uri !== 'string' || uri === '')
    throw new Refusal('invalid_arguments', 'The URI of a resource must be a string.', {
      caller,
      toolName: method,
    });
  const view = viewFor(caller);
  const known = (connection: ConnectionEntry, upstreamUri: string) =>
    standing(caller, connection, method, upstreamUri) !== 'unknown';
  const unknown = (sentence: string) =>
    new Refusal('unknown_resource', sentence, { caller, toolName: method, uri });

  const owner = ownerOfUri(view, uri);
  if (owner) {
    if (known(owner.connection, owner.uri)) return owner;
    throw unknown(`Resource not found: ${uri}`);
  }
  const candidates = untagged(view, uri).filter((each) => known(each, uri));
  const listers = await findListers(deps, caller, candidates, { kind: 'resource', uri });
  const why = undecided(listers, uri);
  if (why) throw unknown(why);
  const [connection] = listers.found;
  if (connection) return { connection, uri };
  throw unknown(`Resource not found: ${uri}`);
}
