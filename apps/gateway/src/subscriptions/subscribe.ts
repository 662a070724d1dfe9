import type { GovernedDeps } from '../governed.js';
import { inRounds } from '../interaction/in-rounds.js';
import type { Challenge, Failure, ListenInput, Subscription } from '../mcp/ports.js';
import { findResource } from '../resources/find-resource.js';
import { lookUpSeen } from '../taint/look-up.js';
import { admit } from '../tool-call/admit.js';
import { authenticate } from '../tool-call/authenticate.js';
import { decide } from '../tool-call/decide.js';
import { limitedBy, limitRequest } from '../tool-call/limit.js';
import { Refusal } from '../tool-call/refusal.js';
import { rpcError } from '../tool-call/rpc-errors.js';
import type { Caller } from '../tool-call/types.js';
import { checkSubscription, ResourceSubscription, SUBSCRIBE } from './resource-subscription.js';
import { watchAdmitted } from './watch-admitted.js';

/**
 * `resources/subscribe`, or one URI of `subscriptions/listen`: governed like a tool call, with a watch
 * in place of dispatch. Policies see `<slug>_resources/subscribe` with the upstream's URI. What was
 * allowed once is decided again before each event and whenever the workspace changes.
 */
export async function subscribe(
  deps: GovernedDeps,
  input: ListenInput & { uri: string },
): Promise<{ kind: 'subscribed'; subscription: Subscription } | Failure | Challenge> {
  let subscription: ResourceSubscription | undefined;
  const asked = { context: input.context, method: SUBSCRIBE };
  const answer = await inRounds(deps, asked, async () => {
    const caller = await authenticate(deps, input.context, SUBSCRIBE);
    const { connection, uri } = await findResource(deps, caller, input.uri, SUBSCRIBE);
    if (deps.watches.openOf(caller) >= MAX_OPEN) throw tooMany(caller);
    const checked = checkSubscription(caller, connection, uri);
    const allowed = decide(await lookUpSeen(deps, checked));
    const withinLimit = await limitRequest(deps, caller, allowed.tool.shownName, connection.slug);
    const admitted = await admit(deps, limitedBy(withinLimit, allowed));
    // Only a call with an idempotency key is attached to another one.
    if ('attachedTo' in admitted) return FAILED;

    return watchAdmitted(deps, admitted, () => {
      subscription = new ResourceSubscription(deps, input, caller, connection, uri);
      return subscription.answer;
    });
  });
  if (answer.kind === 'result' && subscription) {
    subscription.open();
    return { kind: 'subscribed', subscription };
  }
  subscription?.close();
  return answer.kind === 'result' ? FAILED : answer;
}

// Of one person in one gateway: each is decided again with every change of the workspace.
const MAX_OPEN = 1_000;

function tooMany(caller: Caller): Refusal {
  const sentence = 'Too many subscriptions are open. Close one to open another.';
  return new Refusal('rate_limited', sentence, {
    caller,
    toolName: SUBSCRIBE,
    retryAfterMs: 60_000,
  });
}

const FAILED: Failure = {
  kind: 'error',
  error: rpcError('internal_error', 'This subscription could not be opened. Try again.', undefined),
};
