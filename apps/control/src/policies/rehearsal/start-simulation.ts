import {
  ConducktorError,
  newId,
  type NewSimulation,
  type SimulationView,
} from '@conducktor/contracts';
import {
  firstSeq,
  insertSimulation,
  lastSeq,
  liveSimulation,
  recordControlEvent,
  seqAt,
  type TenantTx,
} from '@conducktor/db';
import type { Control } from '../../control.js';
import type { Caller } from '../../http/caller.js';
import { found } from '../../http/not-found.js';
import { policyToTry } from '../policy-to-try.js';
import { readSimulation } from './read-simulation.js';

const DAY_MS = 86_400_000;
// Events of several gateways are in the order of time but for so much.
const OUT_OF_ORDER_MS = 10 * 60_000;

/**
 * Queues a policy to be tried on the calls recorded until now. Throws PolicyError for a draft that
 * cannot work, and `conflict` while another one of the workspace is queued or runs.
 */
export async function startSimulation(
  control: Control,
  caller: Caller,
  asked: NewSimulation,
): Promise<SimulationView> {
  const { version, document } = await policyToTry(control, caller, asked);
  const id = newId('sim');
  const since = new Date(Date.now() - asked.days * DAY_MS);
  await control.db.withTenant(caller.tenantId, async (tx) => {
    const { tool, connection, client } = asked;
    const filter = { tool, connection, client, memberId: await memberMeant(tx, asked.member) };
    const last = await lastSeq(tx);
    const first = await seqAt(tx, new Date(since.getTime() - OUT_OF_ORDER_MS), {
      first: (await firstSeq(tx)) ?? 1,
      last,
    });
    const made = {
      id,
      createdBy: caller.memberId,
      version,
      document,
      filter,
      days: asked.days,
      since,
      firstSeq: first,
      lastSeq: last,
    };
    if (!(await insertSimulation(tx, made))) throw await oneIsRunning(tx);
    await recordControlEvent(tx, {
      action: 'policy.simulate',
      memberId: caller.memberId,
      actor: caller.email,
      clientId: caller.clientId,
      simulation: id,
      version,
      rules: document.rules.length,
      days: asked.days,
      filter,
    });
  });
  control.simulations.kick();
  return readSimulation(control, caller, id);
}

async function memberMeant(tx: TenantTx, member: string | undefined): Promise<string | undefined> {
  if (member === undefined) return undefined;
  const { rows } = await tx.query<{ id: string }>(
    'select id from member where tenant_id = $1 and (id = $2 or lower(email) = lower($2)) limit 1',
    [tx.tenantId, member],
  );
  return found(rows[0], 'member').id;
}

async function oneIsRunning(tx: TenantTx): Promise<ConducktorError> {
  const id = await liveSimulation(tx);
  return new ConducktorError(
    'conflict',
    'Another simulation of this workspace is not finished. Wait for it, or cancel it.',
    { detail: { simulation: id ?? null } },
  );
}
