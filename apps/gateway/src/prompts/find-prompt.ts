import type { GovernedDeps } from '../governed.js';
import { findListers, undecided } from '../lists/find-listers.js';
import { ownerOfPrompt } from '../resources/uris.js';
import type { EntryMethod } from '../tool-call/entries.js';
import { standing } from '../tool-call/standing.js';
import { Refusal } from '../tool-call/refusal.js';
import type { Caller } from '../tool-call/types.js';
import { viewFor } from '../tool-call/view-for.js';
import type { ConnectionEntry } from '../workspace/types.js';

/**
 * The connection that a client's prompt name belongs to, and the upstream's own name. Throws the
 * refusal `unknown_prompt` for a name of nobody, for one of a connection that the caller may not know
 * of, and for one that may be several connections'.
 */
export async function findPrompt(
  deps: GovernedDeps,
  caller: Caller,
  name: unknown,
  method: EntryMethod,
): Promise<{ connection: ConnectionEntry; name: string }> {
  if (typeof name !== 'string' || name === '')
    throw new Refusal('invalid_arguments', 'The name of a prompt must be a string.', {
      caller,
      toolName: method,
    });
  const view = viewFor(caller);
  const known = (connection: ConnectionEntry) => standing(caller, connection, method) !== 'unknown';
  const unknown = (sentence: string) =>
    new Refusal('unknown_prompt', sentence, { caller, toolName: method });

  const owner = ownerOfPrompt(view, name);
  if (owner) {
    if (known(owner.connection)) return owner;
    throw unknown(`Unknown prompt: ${name}`);
  }
  const candidates = view.connections.filter((each) => !view.isPrefixed(each)).filter(known);
  const listers = await findListers(deps, caller, candidates, { kind: 'prompt', name });
  const why = undecided(listers, name);
  if (why) throw unknown(why);
  const [connection] = listers.found;
  if (connection) return { connection, name };
  throw unknown(`Unknown prompt: ${name}`);
}
