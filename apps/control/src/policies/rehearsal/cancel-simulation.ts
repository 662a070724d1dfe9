import { cancelSimulation as cancel, findSimulation, recordControlEvent } from '@conducktor/db';
import type { Control } from '../../control.js';
import type { Caller } from '../../http/caller.js';
import { found } from '../../http/not-found.js';

/** Stops it before its next step; what it has found stays to be read. One that has ended stays as it is. */
export async function cancelSimulation(
  { db }: Pick<Control, 'db'>,
  caller: Caller,
  id: string,
): Promise<void> {
  await db.withTenant(caller.tenantId, async (tx) => {
    found(await findSimulation(tx, id), 'simulation');
    if (!(await cancel(tx, id))) return;
    await recordControlEvent(tx, {
      action: 'policy.simulation.cancel',
      memberId: caller.memberId,
      actor: caller.email,
      clientId: caller.clientId,
      simulation: id,
    });
  });
}
