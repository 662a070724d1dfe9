import type { SimulatedEffect } from '@conducktor/contracts';
import type { RecordedCallRow } from '@conducktor/db';

export interface RecordedDecision {
  effect: SimulatedEffect;
  rule: string | null;
  /** How many equal refusals share the record. */
  calls: number;
}

/**
 * What policy decided then. Undefined where it was not policy that did (limits, freezing, names that are
 * nothing's), and for a call that an approval made: its request is a record of its own.
 */
export function recordedDecision({
  kind,
  code,
  detail,
}: Pick<RecordedCallRow, 'kind' | 'code' | 'detail'>): RecordedDecision | undefined {
  const effect = effectOf(kind, code);
  if (effect === undefined || (kind === 'call' && 'approval' in detail)) return undefined;
  const { rule, repeated } = detail;
  return {
    effect,
    rule: typeof rule === 'string' ? rule : null,
    calls: typeof repeated === 'number' && repeated > 0 ? repeated : 1,
  };
}

function effectOf(kind: RecordedCallRow['kind'], code: string | null): SimulatedEffect | undefined {
  if (kind === 'call') return 'allow';
  if (code === 'policy_denied') return 'deny';
  return code?.startsWith('approval_') ? 'require_approval' : undefined;
}
