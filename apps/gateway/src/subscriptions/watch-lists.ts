import type { GovernedDeps } from '../governed.js';
import type { Challenge, Failure, ListenInput, Subscription } from '../mcp/ports.js';
import { authenticate } from '../tool-call/authenticate.js';
import { limitRequest } from '../tool-call/limit.js';
import { rpcError } from '../tool-call/rpc-errors.js';
import { refuse } from '../tool-call/refuse.js';
import { ListWatch } from './list-watch.js';

/**
 * Tells a client when a list would show something else than before, whatever the cause: the catalogue,
 * a policy, a role, or the upstream itself. Nothing of an upstream is read, so there is no call and no
 * record; who may list nothing of a connection hears nothing of it.
 */
export async function watchLists(
  deps: GovernedDeps,
  input: ListenInput,
): Promise<{ kind: 'watching'; subscription: Subscription } | Failure | Challenge> {
  try {
    const caller = await authenticate(deps, input.context, METHOD);
    await limitRequest(deps, caller, METHOD);
    return { kind: 'watching', subscription: new ListWatch(deps, input, caller) };
  } catch (error) {
    const answer = await refuse(deps, error, input.context, METHOD);
    if (answer.kind !== 'result') return answer;
    const sentence = 'Changes of lists cannot be watched right now. Try again.';
    return { kind: 'error', error: rpcError('internal_error', sentence, undefined) };
  }
}

const METHOD = 'subscriptions/listen';
