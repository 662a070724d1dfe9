import { hash } from 'node:crypto';
import { canonicalJson } from '@conducktor/catalog';
import { newId, type Approvers, type KeptPreview, type PreviewSide } from '@conducktor/contracts';
import { mintApiKey } from '@conducktor/identity';
import type { SeededMember, SeededWorkspace } from '@conducktor/testing';
import { listed, type ControlService } from './harness.js';

/** A workspace with the tool `crm_refund`, an active policy, and people in the group `finance`. */
export interface Desk extends SeededWorkspace {
  connection: { id: string; revision: string };
  tool: { id: string; definitionHash: string; class: string };
  /** In the group `finance`. */
  ann: SeededMember;
  bob: SeededMember;
  /** In no group. */
  dan: SeededMember;
}

export async function openDesk(service: ControlService): Promise<Desk> {
  const workspace = await service.seed();
  const { tenantId, owner } = workspace;
  const ask = (method: string, path: string, body?: unknown) =>
    service.call(owner.apiKey, method, `/api/v1${path}`, body);
  const crm = { slug: 'crm', kind: 'mcp-http', url: 'https://crm.example/mcp' };
  const { id } = (await ask('POST', '/connections', crm)).body;
  service.worker.answer = () => ({ status: 'ACTIVE', ms: 1, tools: [listed('refund')] });
  await ask('POST', `/connections/${id}/test`);
  await ask('POST', '/policies', { document: { version: 1, default: 'allow' } });
  await ask('POST', '/policies/1/activate');
  const [row] = (
    await service.admin.pool.query(
      `select c.revision::text, o.id, encode(o.definition_hash, 'hex') as "definitionHash", o.proposed_class as class
         from tool o join connection c on c.tenant_id = o.tenant_id and c.id = o.connection_id
        where o.tenant_id = $1`,
      [tenantId],
    )
  ).rows;
  return {
    ...workspace,
    connection: { id, revision: row.revision },
    tool: row,
    ann: await addMember(service, tenantId, 'ann', { groups: ['finance'] }),
    bob: await addMember(service, tenantId, 'bob', { groups: ['finance'] }),
    dan: await addMember(service, tenantId, 'dan'),
  };
}

export async function addMember(
  service: ControlService,
  tenantId: string,
  name: string,
  { roles = ['member'], groups = [] }: { roles?: string[]; groups?: string[] } = {},
): Promise<SeededMember> {
  const [userId, memberId, key] = [newId('usr'), newId('mem'), mintApiKey()];
  const email = `${name}@${tenantId.slice(-8).toLowerCase()}.example`;
  await service.admin.withTenant(tenantId, async (tx) => {
    await tx.query('insert into user_account (id, email) values ($1, $2)', [userId, email]);
    await tx.query(
      'insert into member (tenant_id, id, user_id, email, roles) values ($1, $2, $3, $4, $5)',
      [tenantId, memberId, userId, email, roles],
    );
    await tx.query(
      `insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes)
       values ($1, $2, $3, 'k', $4, '{admin}')`,
      [tenantId, key.id, memberId, key.secretHash],
    );
    for (const group of groups) {
      await tx.query(
        'insert into workspace_group (tenant_id, id, name) values ($1, $2, $3) on conflict do nothing',
        [tenantId, newId('grp'), group],
      );
      await tx.query(
        `insert into group_membership (tenant_id, group_id, member_id)
         select $1, id, $3 from workspace_group where tenant_id = $1 and name = $2`,
        [tenantId, group, memberId],
      );
    }
  });
  return { userId, memberId, email, keyId: key.id, apiKey: key.key };
}

export interface WaitingCall {
  by?: SeededMember;
  args?: object;
  approvers?: Partial<Approvers>[];
  onApproval?: 'run' | 'wait';
  expiresInMs?: number;
  message?: string;
  costMicros?: number;
}

/** A request as a gateway writes it; returns its id. */
export async function waitingCall(
  service: ControlService,
  desk: Pick<Desk, 'tenantId' | 'member' | 'connection' | 'tool'>,
  {
    by = desk.member,
    args = { id: newId('call') },
    approvers = [{}],
    onApproval = 'run',
    expiresInMs = 3_600_000,
    message,
    costMicros = 0,
  }: WaitingCall = {},
): Promise<string> {
  const { tenantId, tool, connection } = desk;
  const id = newId('apr');
  const json = canonicalJson(args as Record<string, never>);
  const sealed = await service.control.vault.sealForSubject(
    tenantId,
    by.memberId,
    `approval/${id}`,
    json,
  );
  const demands = approvers.map((each, index) => ({
    ruleId: `rule-${index + 1}`,
    approvers: { group: 'finance', count: 1, ...each },
    expiresMs: expiresInMs,
    onApproval,
    ...(message === undefined ? {} : { message }),
  }));
  await service.admin.withTenant(tenantId, (tx) =>
    tx.query(
      `insert into approval_request (tenant_id, id, member_id, client_id, credential, scopes, tool_id, tool,
         connection_id, connection, connection_revision, definition_hash, tool_class, arguments_hash,
         arguments_sealed, policy_version, demands, on_approval, cost_micros, expires_at)
       values ($1, $2, $3, 'chatgpt', $4, '{mcp:write}', $5, 'crm_refund', $6, 'crm', $7, $8, $9, $10, $11, 1,
         $12, $13, $14, now() + $15 * interval '1 millisecond')`,
      [
        tenantId,
        id,
        by.memberId,
        `key:${by.keyId}`,
        tool.id,
        connection.id,
        connection.revision,
        tool.definitionHash,
        tool.class,
        hash('sha256', json, 'hex'),
        sealed,
        JSON.stringify(demands),
        onApproval,
        costMicros,
        expiresInMs,
      ],
    ),
  );
  return id;
}

/** What a gateway has kept of one side of a request; without `kept` it is still reading. */
export async function keepPreview(
  service: ControlService,
  { tenantId }: Pick<Desk, 'tenantId'>,
  request: string,
  side: PreviewSide,
  kept?: KeptPreview,
  labels: string[] = [],
): Promise<void> {
  const { rows } = await service.admin.pool.query(
    'select member_id from approval_request where id = $1',
    [request],
  );
  const sealed =
    kept &&
    (await service.control.vault.sealForSubject(
      tenantId,
      rows[0].member_id,
      `approval-preview/${request}/${side}`,
      JSON.stringify(kept),
    ));
  await service.admin.withTenant(tenantId, (tx) =>
    tx.query(
      `insert into approval_preview (tenant_id, request_id, side, tool, labels, at, sealed)
       values ($1, $2, $3, 'crm_get', $4, case when $5::bytea is not null then now() end, $5)`,
      [tenantId, request, side, labels, sealed ?? null],
    ),
  );
}
