import { FREE, quote } from '@conducktor/budget';
import type { PriceQuote } from '@conducktor/contracts';
import { isManagement } from '../management/connection.js';
import { aboutCall, policyInput } from '../tool-call/decide.js';
import { Refusal } from '../tool-call/refusal.js';
import type { LimitedCall } from '../tool-call/types.js';

/**
 * What the call costs at most, by the price that its tool has at this moment: known before anybody is asked to
 * approve it, and before it is admitted. Pure but for the clock. A price that cannot be worked out refuses: a
 * call of unknown cost could go over any budget.
 */
export function price<Call extends LimitedCall>(call: Call): Call & { quote: PriceQuote } {
  return { ...call, quote: quoteOf(call) };
}

function quoteOf(call: LimitedCall): PriceQuote {
  const { caller, tool } = call;
  const { prices } = caller.workspace;
  // Conducktor's own tools reach no service.
  if (!prices || isManagement(tool.connection)) return FREE;
  const found = prices.of(tool, Date.now());
  if (!found) return FREE;
  const quoted = 'error' in found ? found : quote(found.price, () => policyInput(call));
  if (!('error' in quoted)) return quoted;
  throw new Refusal(
    'price_unknown',
    `Operation blocked: the price of ${tool.shownName} cannot be worked out for this call (${quoted.error}). Ask an owner, an admin or billing of your workspace to correct it.`,
    aboutCall(call, call.decision.ruleId),
  );
}
