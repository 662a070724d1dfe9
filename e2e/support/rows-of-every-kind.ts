// A workspace in which there is one of everything that has an id of its own, made as people make it. What
// else writes on its own account has come to rest when it is handed out.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { insertGrant } from '@conducktor/db';
import { newId } from '@conducktor/contracts';
import { rawCall } from '@conducktor/testing';
import { activatePolicy, ALLOW_ALL, eventually, type World } from './world.js';

/** A client that is answered by a task instead of being held. */
export const TAKES_TASKS = {
  'io.modelcontextprotocol/clientCapabilities': {
    extensions: { 'io.modelcontextprotocol/tasks': {} },
  },
};

/** Two approvals are wanted of the member's notes, and the owner gives one: the request stays open. */
const policyOf = ({ workspace }: World, canary: string) => ({
  ...ALLOW_ALL,
  rules: [
    { id: canary, when: { tools: ['nothing'] }, effect: 'deny', message: canary },
    {
      id: 'notes',
      when: { tools: ['*_add_note'], users: [workspace.member.email] },
      effect: 'require_approval',
      approvers: { users: [workspace.owner.email, workspace.contractor.email], count: 2 },
    },
  ],
});

/** `world`'s connection is called `canary`, and so is whatever in its rows is for its own people only. */
export async function makeRowsOfEveryKind(world: World, canary: string): Promise<void> {
  const { rest, workspace } = world;
  await rest.must('POST', '/api-keys', { name: canary, scopes: ['mcp:read'] });
  await rest.must('POST', '/initial-access-tokens', {});
  await rest.must('POST', '/toolsets', { slug: 'set', tools: [`${canary}_*`] });
  await rest.must('POST', '/limits', {
    scope: { kind: 'tool', id: `${canary}_echo` },
    allowances: [{ limit: 1_000, seconds: 60 }],
  });
  await capAndPrice(world, canary);
  await allowAnApp(world, canary);
  await tellOfUnusualDay(world, canary);
  await activatePolicy(rest, policyOf(world, canary));
  const token = workspace.owner.apiKey;
  await rawCall(world.mcp, `${canary}_echo`, { message: canary }, { token });
  await rest.must('POST', '/approval-delegations', {
    to: workspace.member.email,
    until: new Date(Date.now() + 86_400_000).toISOString(),
  });
  await askAndTellInVain(world, canary);
  await simulate(world);
  await atRest(world);
}

/** A budget and a price list that no call of the world comes to. */
async function capAndPrice({ rest }: World, canary: string): Promise<void> {
  await rest.must('POST', '/budgets', {
    name: canary,
    scope: { kind: 'tenant' },
    period: 'month',
    limitMicros: 100_000_000,
  });
  await rest.must('POST', '/price-lists', {
    name: canary,
    prices: [{ tools: ['nothing'], cost: { kind: 'flat', micros: 1 } }],
  });
}

async function allowAnApp({ admin, workspace }: World, canary: string): Promise<void> {
  const grant = {
    id: newId('grt'),
    memberId: workspace.owner.memberId,
    clientId: `client-of-${canary}`,
    clientName: canary,
    redirectHost: 'example.com',
    scopes: ['mcp:read'],
    resource: `${canary}/mcp`,
  };
  await admin.withTenant(workspace.tenantId, (tx) => insertGrant(tx, grant));
}

/** An alert of a kind that nothing changes afterwards: it takes days of calls to come by itself. */
async function tellOfUnusualDay({ admin, workspace }: World, canary: string): Promise<void> {
  await admin.withTenant(workspace.tenantId, (tx) =>
    tx.query(
      `insert into alert (tenant_id, id, kind, subject_id, key, detail)
       values ($1, $2, 'spend.unusual', $1, '2026-11-01', $3)`,
      [workspace.tenantId, newId('alr'), { name: canary }],
    ),
  );
}

/** A request with a vote, the event of it, and a message to a channel that wants none: a dead letter. */
async function askAndTellInVain({ rest, ...world }: World, canary: string): Promise<void> {
  const receiver = createServer((_request, response) => response.writeHead(410).end());
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  try {
    await rest.must('POST', '/notification-channels', {
      kind: 'slack',
      name: canary,
      url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/${canary}`,
    });
    const asked = await rawCall(
      world.mcp,
      `${canary}_add_note`,
      { note: canary },
      { token: world.workspace.member.apiKey, meta: TAKES_TASKS },
    );
    const id = asked.message?.result?._meta?.['conducktor/approvalId'];
    if (typeof id !== 'string') throw new Error(`Nothing was asked for: ${asked.text}`);
    await rest.must('POST', `/approvals/${id}/approve`, { reason: canary });
    await eventually('a message was given up', async () => {
      const dead = '/notification-deliveries?state=dead';
      const { items } = await rest.must<{ items: unknown[] }>('GET', dead);
      return items.length > 0;
    });
  } finally {
    receiver.close();
  }
}

async function simulate({ rest }: World): Promise<void> {
  const { id } = await rest.must<{ id: string }>('POST', '/policies/simulate', {
    document: ALLOW_ALL,
    days: 1,
  });
  await eventually('the simulation is done', async () => {
    const { state } = await rest.must('GET', `/policies/simulations/${id}`);
    return state === 'done';
  });
}

/** Calls are sealed and everybody was told before the rows are compared. */
async function atRest({ admin, workspace }: World): Promise<void> {
  await eventually('every event was spread, and a call is sealed', async () => {
    const { rows } = await admin.pool.query<{ rest: boolean }>(
      `select not exists (select from notification_event where tenant_id = $1 and spread_at is null)
              and exists (select from audit_event where tenant_id = $1 and call_id is not null) as rest`,
      [workspace.tenantId],
    );
    return rows[0]!.rest;
  });
}

/** Every id that a row of the workspace has, and those of its people's accounts. */
export async function idsOf({ admin, workspace }: World): Promise<string[]> {
  const { rows: tables } = await admin.pool.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
      where c.relkind = 'r' and c.relrowsecurity and a.attname = 'id'
        and a.atttypid = 'text'::regtype and c.relname <> 'tenant'`,
  );
  const ids = tables.map(({ name }) => `select id from ${name} where tenant_id = $1`);
  const { rows } = await admin.pool.query<{ id: string }>(
    `${ids.join(' union ')}
     union select call_id from audit_event where tenant_id = $1 and call_id is not null
     union select user_id from member where tenant_id = $1`,
    [workspace.tenantId],
  );
  return [workspace.tenantId, ...rows.map(({ id }) => id)];
}
