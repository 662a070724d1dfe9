import type { ToolLabel } from '@conducktor/contracts';
import { answersOf, seqAt, type AuditRow } from '@conducktor/db';
import type { CompiledPolicy } from '@conducktor/policy';
import type { Control } from '../../control.js';
import { SeenSoFar, windowMs } from './seen-so-far.js';
import type { World } from './world.js';

// What one question may look through; a window that holds more is looked through from its end.
const MOST_EVENTS = 100_000;

/** What the client of a recorded call had been given within the policy's window before it. */
export async function seenBefore(
  { db }: Pick<Control, 'db'>,
  tenantId: string,
  about: { world: World; recorded: AuditRow; policy: CompiledPolicy },
): Promise<ReadonlySet<ToolLabel>> {
  const { world, recorded, policy } = about;
  const { memberId, client, seq, at } = recorded;
  if (memberId === null || world.tainting.size === 0) return new Set();
  const since = new Date(at.getTime() - windowMs(policy));
  const answers = await db.withTenant(tenantId, async (tx) => {
    const first = await seqAt(tx, since, { first: Math.max(1, seq - MOST_EVENTS), last: seq });
    return answersOf(tx, [...world.tainting.keys()], { after: first - 1, upTo: seq });
  });
  const seen = new SeenSoFar(windowMs(policy));
  for (const answer of answers)
    for (const label of world.tainting.get(answer.tool) ?? [])
      seen.note(answer.memberId, answer.clientId, label, answer.at.getTime());
  return seen.at(memberId, client ?? '', at.getTime());
}
