import { createDb } from '@conducktor/db';
import type { SeededMember, SeededWorkspace } from '@conducktor/testing';
import type { ControlService } from './harness.js';

/** One call as a gateway journals it. */
export interface JournaledCall {
  id: string;
  by?: SeededMember;
  at?: string;
  client?: string;
  connection?: string;
  tool?: string;
  /** Refused with this code. */
  denied?: string;
  /** Equal refusals that this record stands for. */
  repeated?: number;
  /** Absent: still running. */
  outcome?: string;
  durationMs?: number;
  costMicros?: number;
  /** More fields of the call's record. */
  record?: Record<string, unknown>;
}

/** Writes calls and their outcomes as a gateway does and has them sealed and posted, in this order. */
export async function journal(
  service: ControlService,
  workspace: SeededWorkspace,
  calls: readonly JournaledCall[],
): Promise<void> {
  const { admin } = service;
  const epoch = (await admin.pool.query("select open_epoch('test') as id")).rows[0].id as number;
  for (const [index, call] of calls.entries()) {
    const by = call.by ?? workspace.member;
    const at = call.at ?? new Date().toISOString();
    await admin.pool.query(
      'insert into call (epoch, tick, ordinal, tenant_id, call_id, admitted, reserved_micros, record) values ($1, 1, $2, $3, $4, $5, 0, $6)',
      [
        epoch,
        index + 1,
        workspace.tenantId,
        call.id,
        call.denied === undefined,
        JSON.stringify({
          at,
          memberId: by.memberId,
          actor: by.email,
          clientId: call.client ?? 'chatgpt',
          connection: call.connection ?? 'crm',
          tool: call.tool ?? 'crm_find',
          decision: call.denied === undefined ? 'allow' : 'deny',
          ...(call.denied === undefined ? {} : { code: call.denied }),
          ...(call.repeated === undefined ? {} : { repeated: call.repeated }),
          argumentsHash: 'ab'.repeat(32),
          ...call.record,
        }),
      ],
    );
    if (call.outcome === undefined) continue;
    await admin.pool.query(
      `insert into outcome (epoch, tick, ordinal, call_epoch, call_tick, call_ordinal, tenant_id, call_id, cost_micros, record)
       values ($1, 2, $2, $1, 1, $2, $3, $4, $5, $6)`,
      [
        epoch,
        index + 1,
        workspace.tenantId,
        call.id,
        call.costMicros ?? 0,
        JSON.stringify({ at, outcome: call.outcome, durationMs: call.durationMs ?? 1 }),
      ],
    );
  }
  await seal(service);
}

export async function seal(service: ControlService): Promise<void> {
  const sealer = createDb(service.databaseUrlFor('conducktor_audit'), { max: 1 });
  await sealer.pool.query('select seal(100000)');
  await sealer.end();
  await post(service);
}

/** Takes what is sealed into the ledger and the usage figures, as billing-usage does. */
export async function post(service: ControlService): Promise<void> {
  const poster = createDb(service.databaseUrlFor('conducktor_billing'), { max: 1 });
  await poster.pool.query('select post_money(100000)');
  await poster.end();
}

/** A key with the scope `admin` for this person. */
export async function adminKey(
  service: ControlService,
  workspace: SeededWorkspace,
  { memberId }: SeededMember,
): Promise<string> {
  const { body } = await service.call(workspace.owner.apiKey, 'POST', '/api/v1/api-keys', {
    name: 'for tests',
    memberId,
    scopes: ['admin'],
  });
  return body['key'] as string;
}

/** An admin key of the workspace's member, who from now on has this role and no other. */
export async function keyOfRole(
  service: ControlService,
  workspace: SeededWorkspace,
  role: string,
): Promise<string> {
  const key = await adminKey(service, workspace, workspace.member);
  await service.admin.pool.query('update member set roles = array[$2] where id = $1', [
    workspace.member.memberId,
    role,
  ]);
  return key;
}
