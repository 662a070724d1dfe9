// One tenant never sees another: every operation of the REST API and the gateway, asked by one
// workspace's owner with another's ids and thousands of mutations of them (`npm run soak`: 100,000). Nothing of
// the victim may come back, nothing of it may change, and no id that is not one's own may be found.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  bodyPositions,
  gatewayPositions,
  signInPositions,
  type Answer,
} from './support/id-positions.js';
import { bodyFor, operationsOf, type Operation } from './support/inventory.js';
import { idsOf, makeRowsOfEveryKind } from './support/rows-of-every-kind.js';
import { idKinds } from './support/id-kinds.js';
import { openWorld, type World } from './support/world.js';

const TOTAL = Number(process.env.FUZZ_IDS ?? 2_000);
const AT_ONCE = 24;
const CANARY = 'canary-7f3a91';

let victim: World;
let attacker: World;
let operations: Operation[];
let victimIds: string[];
let ownIds: string[];

beforeAll(async () => {
  [victim, attacker] = await Promise.all([
    openWorld({ slug: CANARY }),
    openWorld({ slug: 'mine' }),
  ]);
  operations = (await operationsOf(victim.stack.publicUrl)).filter((o) =>
    o.path.startsWith('/api/'),
  );
  await makeRowsOfEveryKind(victim, CANARY);
  victimIds = await idsOf(victim);
  ownIds = await idsOf(attacker);
  // Or the second permission would refuse before anything is looked for.
  await attacker.admin.pool.query(
    "update member set permissions = '{audit:payloads}' where id = $1",
    [attacker.workspace.owner.memberId],
  );
});
afterAll(async () => {
  await victim.close();
  await attacker.close();
});

test('the description names every resource of the contract', () => {
  const paths = new Set(operations.map((operation) => operation.path));
  for (const path of [
    '/api/v1/connections',
    '/api/v1/connections/{id}/test',
    '/api/v1/connections/{id}/tools',
    '/api/v1/tools',
    '/api/v1/toolsets',
    '/api/v1/policies',
    '/api/v1/api-keys',
    '/api/v1/members',
    '/api/v1/audit/events',
    '/api/v1/audit/events/{id}/payload',
    '/api/v1/audit/export',
    '/api/v1/activity',
    '/api/v1/usage',
    '/api/v1/tools/{id}/cost',
    '/api/v1/approvals/{id}/approve',
    '/api/v1/approval-delegations/{id}',
    '/api/v1/policies/simulations/{id}/changes',
    '/api/v1/limits/{id}',
    '/api/v1/budgets/{id}',
    '/api/v1/budgets/{id}/history',
    '/api/v1/price-lists/{id}',
    '/api/v1/held-calls/{callId}/reconcile',
    '/api/v1/notification-channels/{id}/test',
    '/api/v1/notification-deliveries/{id}/retry',
  ]) {
    expect(paths).toContain(path);
  }
});

test('the victim has an id of every kind that rows of a workspace have', () => {
  const elsewhere: Record<string, string> = {
    ins: 'of the installation',
    mai: 'of a letter, which no workspace can name',
    pak: 'of a person, at their own account',
  };
  const kinds = new Set(victimIds.map((id) => id.split('_')[0]));
  expect([...kinds, ...Object.keys(elsewhere)].sort()).toEqual(idKinds().sort());
});

test('every operation asks for a key', async () => {
  for (const operation of operations) {
    const response = await fetch(urlOf(operation, 'con_0000000000000000000000'), {
      method: operation.method,
      ...bodyInit(operation),
    });
    expect(response.status, `${operation.method} ${operation.path}`).toBe(401);
  }
});

test('every operation × every id position × ids of every kind of the victim: 404', async () => {
  const before = await fingerprint(victim);
  const ids = twoOfEachKind(victimIds);
  const pairs = operations
    .filter((operation) => idPositions(operation).length > 0)
    .flatMap((operation) => ids.map((id) => [operation, id] as const));
  await together(pairs, async ([operation, id]) => {
    const { status, text } = await ask(operation, id, false);
    const where = `${operation.method} ${operation.path} with ${id}`;
    expect(status, where).toBe(404);
    expectNoLeak(text, where, id);
  });
  expect(await fingerprint(victim)).toEqual(before);
});

test(
  `${TOTAL} fuzzed identifiers: 0 leaks, the victim's rows unchanged`,
  async () => {
    const before = await fingerprint(victim);
    const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1e9);
    const caller = {
      publicUrl: attacker.stack.publicUrl,
      mcp: attacker.mcp,
      token: attacker.workspace.owner.apiKey,
      own: 'mine',
      foreign: CANARY,
    };
    // A third of them at REST, where each costs a transaction, most of the rest at the gateway.
    const kinds = [
      { weight: 12, positions: operations.map((operation) => (id: string) => ask(operation, id)) },
      { weight: 2, positions: bodyPositions(caller) },
      { weight: 25, positions: gatewayPositions(caller) },
      { weight: 1, positions: signInPositions(caller) },
    ];
    const targets = kinds.flatMap(({ positions }) => positions);
    const target = fc.oneof(
      ...kinds.map(({ weight, positions }) => {
        const first = targets.indexOf(positions[0]!);
        return { weight, arbitrary: fc.nat({ max: positions.length - 1 }).map((n) => first + n) };
      }),
    );
    const probes = fc.sample(fc.tuple(target, bentId()), { numRuns: TOTAL, seed });
    const statuses = new Map<number, number>();
    let asked = 0;
    await together(probes, async ([target, id]) => {
      const { status, text, sent = id } = await targets[target]!(id);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const where = `target ${target} with ${JSON.stringify(id)} (FUZZ_SEED=${seed})`;
      expectNoLeak(text, where, sent);
      expect(status, where).not.toBe(500);
      if (++asked % Math.ceil(TOTAL / 10) === 0) console.log(`${asked} identifiers, seed ${seed}`);
    });
    console.log(`${probes.length} identifiers, seed ${seed}:`, Object.fromEntries(statuses));
    expect(await fingerprint(victim)).toEqual(before);
    // A refusal of everything would prove nothing: many must have got as far as looking.
    expect(statuses.get(404) ?? 0).toBeGreaterThan(TOTAL / 5);
  },
  120_000 + TOTAL * 10,
);

/** A second tool or event would be refused by the same lines of code as the first. */
function twoOfEachKind(ids: readonly string[]): string[] {
  const kinds = Map.groupBy(ids, (id) => id.split('_')[0]);
  return [...kinds.values()].flatMap((of) => of.slice(0, 2));
}

/** Works through a list, AT_ONCE at a time. */
async function together<Item>(items: Item[], work: (item: Item) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Ids as they are, and bent in the ways that have slipped past checks elsewhere. */
function bentId(): fc.Arbitrary<string> {
  const known = fc.constantFrom(...victimIds);
  return fc.oneof(
    { weight: 4, arbitrary: known },
    known.map((id) => id.toUpperCase()),
    known.map((id) => id.toLowerCase()),
    fc.tuple(known, fc.constantFrom(...ownIds)).map(([a, b]) => `${a},${b}`),
    fc.tuple(fc.constantFrom(...ownIds), known).map(([a, b]) => `${a}/../${b}`),
    fc
      .tuple(known, fc.constantFrom('%00', ' ', '\t', '%20', '.', '/', '%2f', ';', '?', '#'))
      .map(([id, tail]) => id + tail),
    fc.tuple(known, fc.integer({ min: 1, max: 26 })).map(([id, n]) => id.slice(0, n)),
    fc
      .tuple(known, fc.constantFrom('con_', 'tol_', 'key_', 'mem_', 'grt_', 'apr_', 'ndl_'))
      .map(([id, prefix]) => prefix + id.split('_').at(-1)),
    known.map((id) => `%25${id}`),
    known.map((id) => `${id}' or '1'='1`),
    known.map((id) => `${id}*`),
    known.map((id) => Buffer.from(id).toString('base64url')),
    known.map((id) => JSON.stringify({ id })),
    known.map((id) => `{"$ne":"${id}"}`),
    fc.string({ minLength: 1, maxLength: 40 }),
  );
}

async function ask(operation: Operation, id: string, withQuery = true): Promise<Answer> {
  const response = await fetch(urlOf(operation, id, withQuery), {
    method: operation.method,
    headers: {
      authorization: `Bearer ${attacker.workspace.owner.apiKey}`,
      'x-conducktor-workspace': victim.workspace.tenantId,
      ...bodyInit(operation).headers,
    },
    ...(bodyInit(operation).body !== undefined && { body: bodyInit(operation).body! }),
  });
  if (response.headers.get('content-type') === 'text/event-stream') {
    // It has begun, and would never end.
    await response.body?.cancel();
    return { status: response.status, text: '' };
  }
  return { status: response.status, text: await response.text() };
}

/** The id in every place of the address that takes one. */
function urlOf(operation: Operation, id: string, withQuery = false): string {
  const path = operation.path.replace(/\{(\w+)\}/g, encodeURIComponent(id));
  const query = new URLSearchParams();
  for (const name of withQuery ? operation.query : []) query.set(name, id);
  return `${attacker.stack.publicUrl}${path}?${query.toString()}`;
}

function idPositions(operation: Operation): string[] {
  return operation.parameters.filter((name) => name === 'id' || name.endsWith('Id'));
}

function bodyInit(operation: Operation): { headers?: Record<string, string>; body?: string } {
  const body = bodyFor(operation);
  return body === undefined
    ? {}
    : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/** Nothing that only the victim has. What was sent may be echoed; it is taken out first. */
function expectNoLeak(text: string, where: string, sent: string): void {
  const rest = text.replaceAll(sent, '').replaceAll(JSON.stringify(sent).slice(1, -1), '');
  const secrets = [
    CANARY,
    victim.workspace.slug,
    victim.upstream.url,
    ...victimIds.filter((id) => !sent.includes(id)),
  ];
  const found = secrets.filter((secret) => rest.includes(secret));
  expect(found, `${where} answered ${text.slice(0, 500)}`).toEqual([]);
}

/**
 * A digest of every row of the victim in every tenant table, but for those that are written behind: by
 * sealing and posting, and when gateways note what the victim's own clients did.
 */
async function fingerprint(world: World): Promise<Record<string, string>> {
  const { rows: tables } = await world.admin.pool.query<{ name: string; tenant: string }>(
    `select c.relname as name, a.attname as tenant from pg_class c join pg_attribute a on a.attrelid = c.oid
      where c.relkind = 'r' and c.relrowsecurity and not a.attisdropped
        and a.attname = case when c.relname = 'tenant' then 'id' else 'tenant_id' end
        and not c.relispartition
        and c.relname not in ('audit_outbox', 'audit_span', 'client_activity', 'money_cursor')
        and c.relname not like 'usage\\_%'`,
  );
  expect(tables.length).toBeGreaterThan(8);
  const digests: Record<string, string> = {};
  for (const { name, tenant } of tables) {
    const { rows } = await world.admin.pool.query<{ digest: string }>(
      `select md5(coalesce(string_agg(t::text, E'\\n' order by t::text), '')) as digest from ${name} t where t.${tenant} = $1`,
      [world.workspace.tenantId],
    );
    digests[name] = rows[0]!.digest;
  }
  return digests;
}
