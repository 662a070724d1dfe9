import { newId } from '@conducktor/contracts';
import { mintApiKey } from '@conducktor/identity';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTE_INVENTORY, type InventoryEntry } from '../../src/inventory.js';
import { startControl, type Browser, type ControlService } from '../harness.js';
import { rolesGuide } from './guide.js';
import { MATRIX, rightsOf, ROLES, type RoleName } from './matrix.js';

interface Person {
  userId: string;
  key: string;
  browser: Browser;
}

let service: ControlService;
let ours: SeededWorkspace;
let connection: string;
/** A call that each of the roles may approve and that waits for more people than there are. */
let approval: string;
let alert: string;
let networks = 0;
let otherOwner: Person;
/** Each role alone, as it is and with every permission there is. */
const people = new Map<string, Person>();

const guarded = ROUTE_INVENTORY.filter(({ guards }) => guards.length > 0);
const operationOf = ({ method, path }: InventoryEntry) => `${method} ${path}`;

beforeAll(async () => {
  service = await startControl();
  ours = await service.seed();
  const theirs = await service.seed();
  otherOwner = {
    userId: theirs.owner.userId,
    key: theirs.owner.apiKey,
    browser: await service.browser(theirs.owner.userId),
  };
  for (const role of ROLES) {
    people.set(role, await personWith(role));
    people.set(`${role}+`, await personWith(role, { permissions: ['audit:payloads'] }));
  }
  people.set('frozen', await personWith('owner', { frozen: true }));
  people.set('disabled', await personWith('owner', { disabled: true }));
  people.set('removed', await personWith('owner', { disabled: true, removed: true }));
  const crm = { slug: 'crm', kind: 'mcp-http', url: 'https://crm.example/mcp' };
  const made = await service.call(ours.owner.apiKey, 'POST', '/api/v1/connections', crm);
  connection = made.body['id'] as string;
  approval = await waitingForAll();
  alert = newId('alr');
  await service.admin.pool.query(
    `insert into alert (tenant_id, id, kind, subject_id, key, detail) values ($1, $2, 'connection.recovered', $3, '', $4)`,
    [
      ours.tenantId,
      alert,
      connection,
      { connection: 'crm', trouble: alert, since: '2026-01-01T00:00:00.000Z' },
    ],
  );
});
afterAll(() => service.stop());

async function waitingForAll(): Promise<string> {
  const id = newId('apr');
  const demands = [{ ruleId: 'all', approvers: { roles: ROLES, count: 10 } }];
  await service.admin.withTenant(ours.tenantId, (tx) =>
    tx.query(
      `insert into approval_request (tenant_id, id, member_id, client_id, credential, scopes, tool_id, tool,
         connection_id, connection, connection_revision, definition_hash, tool_class, arguments_hash,
         arguments_sealed, policy_version, demands, on_approval, expires_at)
       values ($1, $2, $3, 'chatgpt', $4, '{}', 'conducktr_x', 'conducktr_x', 'conducktr', 'conducktr', 0, '',
         'write', '', '', 1, $5, 'run', now() + interval '1 hour')`,
      [
        ours.tenantId,
        id,
        ours.member.memberId,
        `key:${ours.member.keyId}`,
        JSON.stringify(demands),
      ],
    ),
  );
  await service.admin.withTenant(ours.tenantId, (tx) =>
    tx.query("insert into policy (tenant_id, version, document, source) values ($1, 1, '{}', '')", [
      ours.tenantId,
    ]),
  );
  await service.admin.withTenant(ours.tenantId, (tx) =>
    tx.query('update tenant set active_policy = 1 where id = $1', [ours.tenantId]),
  );
  return id;
}

/** A member of our workspace with this role, a key with the scope admin, and a browser. */
async function personWith(
  role: RoleName,
  has: { permissions?: string[]; frozen?: boolean; disabled?: boolean; removed?: boolean } = {},
): Promise<Person> {
  const [userId, memberId, key] = [newId('usr'), newId('mem'), mintApiKey()];
  const { tenantId } = ours;
  await service.admin.withTenant(tenantId, async (tx) => {
    const email = `${userId}@example.com`;
    await tx.query('insert into user_account (id, email) values ($1, $2)', [userId, email]);
    await tx.query(
      `insert into member (tenant_id, id, user_id, email, roles, permissions, disabled_at, removed_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        tenantId,
        memberId,
        userId,
        email,
        [role],
        has.permissions ?? [],
        has.disabled ? new Date() : null,
        has.removed ? new Date() : null,
      ],
    );
    await tx.query(
      `insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes)
       values ($1, $2, $3, 'k', $4, '{admin}')`,
      [tenantId, key.id, memberId, key.secretHash],
    );
    if (has.frozen)
      await tx.query(
        `insert into frozen (tenant_id, kind, subject_id, reason, created_by)
         values ($1, 'member', $2, 'Looks stolen', 'test')`,
        [tenantId, memberId],
      );
  });
  return { userId, key: key.key, browser: await service.browser(userId) };
}

/** Does the work for each, a few at a time. */
async function together<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 6 }, worker));
}

const byKey = (key: string) => ({ authorization: `Bearer ${key}` });
const byBrowser = ({ browser }: Person) => ({
  cookie: browser.cookie,
  'x-conducktor-csrf': browser.csrf,
  'x-conducktor-workspace': ours.tenantId,
  origin: service.origin,
});

/** A real request to the route, with ids of nothing and a body of nothing: who may not is told first. */
async function ask(entry: InventoryEntry, headers: Record<string, string>) {
  const isForm = entry.guards.includes('browser') && entry.method === 'POST';
  const [, page] = /^\/(connections|approvals|alerts)\//.exec(entry.path) ?? [];
  const ids = new Map([
    ['connections', connection],
    ['approvals', approval],
    ['alerts', alert],
  ]);
  const id = ids.get(page ?? '') ?? 'x_0000000000000000000000';
  const does = page === 'connections' ? 'test' : 'approve';
  const body = isForm ? `do=${does}&csrf=${headers['x-conducktor-csrf'] ?? ''}` : '{}';
  const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
  const response = await fetch(
    service.origin + entry.path.replace(':version', '999').replace(/:\w+/g, id),
    {
      method: entry.method,
      redirect: 'manual',
      headers: {
        ...headers,
        // Each from a network of its own, so that refusals are not counted together.
        'x-forwarded-for': `2001:db8:${(++networks).toString(16)}::1`,
        ...(entry.method === 'GET' ? {} : { 'content-type': type }),
      },
      ...(entry.method === 'GET' ? {} : { body }),
    },
  );
  if (response.status < 400 || !response.headers.get('content-type')?.includes('json')) {
    // An answer that lasts is not waited for.
    await response.body?.cancel();
    return { status: response.status, code: undefined };
  }
  const { code } = (await response.json()) as { code?: string };
  return { status: response.status, code };
}

/** Somebody who may not gets no further than this; anything else got through to the route itself. */
const isRefused = ({ status, code }: { status: number; code: string | undefined }) =>
  status === 401 || status === 403 || code === 'unauthenticated' || code === 'forbidden';

const forPerson = ({ guards }: InventoryEntry) => guards.includes('browser');
const isPage = ({ path }: InventoryEntry) => !path.startsWith('/api/');
const forWorkspace = guarded.filter((entry) => !forPerson(entry));

describe('the matrix', () => {
  it('has a row for every guarded route and for nothing else', () => {
    expect(Object.keys(MATRIX).sort()).toEqual(guarded.map(operationOf).sort());
  });

  it('is what docs/guides/roles.md says', async () => {
    await expect(rolesGuide(guarded)).toMatchFileSnapshot('../../../../docs/guides/roles.md');
  });
});

describe.each(ROLES)('%s', (role) => {
  it('may do exactly what the matrix says, with a key and in a browser', async () => {
    const wrong: string[] = [];
    await together(guarded, async (entry) => {
      const right = rightsOf(operationOf(entry))[role];
      for (const suffix of right === 'perm' ? ['', '+'] : ['']) {
        const person = people.get(role + suffix)!;
        const allowed = right !== '-' && (right !== 'perm' || suffix === '+');
        const ways = forPerson(entry)
          ? [byBrowser(person)]
          : [byKey(person.key), byBrowser(person)];
        for (const headers of ways) {
          const answer = await ask(entry, headers);
          // To remove others is refused; that one may leave is shown elsewhere.
          if (right === 'own' && operationOf(entry) === 'DELETE /api/v1/members/:id') continue;
          const refused = isPage(entry) ? answer.status >= 400 : isRefused(answer);
          if (refused === allowed)
            wrong.push(`${operationOf(entry)} ${role}${suffix} ${right}: ${answer.status}`);
        }
      }
    });
    expect(wrong).toEqual([]);
  });
});

describe('nobody gets anywhere', () => {
  const expectAll = async (
    entries: readonly InventoryEntry[],
    headers: Record<string, string>,
    expected: { status: number; code: string },
  ) => {
    await together(entries, async (entry) => {
      const operation = operationOf(entry);
      expect({ operation, ...(await ask(entry, headers)) }).toEqual({ operation, ...expected });
    });
  };
  const page = forWorkspace.filter(({ method }) => method !== 'GET');

  it('without a key or session', async () => {
    const api = guarded.filter((entry) => !isPage(entry));
    await expectAll(api, {}, { status: 401, code: 'unauthenticated' });
    for (const entry of guarded.filter(isPage)) expect((await ask(entry, {})).status).toBe(303);
  });

  it('with a key that lacks the scope admin', () =>
    expectAll(forWorkspace, byKey(ours.member.apiKey), {
      status: 403,
      code: 'insufficient_scope',
    }));

  it('in a browser without the token, where something would change', async () => {
    const { 'x-conducktor-csrf': _token, ...headers } = byBrowser(people.get('owner')!);
    await expectAll(page, headers, { status: 403, code: 'forbidden' });
    expect(
      (
        await ask(
          guarded.find((each) => isPage(each) && each.method === 'POST')!,
          headers,
        )
      ).status,
    ).toBe(403);
  });

  it('who is frozen', async () => {
    const person = people.get('frozen')!;
    for (const headers of [byKey(person.key), byBrowser(person)])
      await expectAll(forWorkspace, headers, { status: 403, code: 'frozen' });
    for (const entry of guarded.filter(isPage))
      expect((await ask(entry, byBrowser(person))).status).toBeGreaterThanOrEqual(400);
  });

  it.each(['disabled', 'removed'])('who is %s', async (state) => {
    const person = people.get(state)!;
    await expectAll(forWorkspace, byKey(person.key), { status: 401, code: 'unauthenticated' });
    await expectAll(forWorkspace, byBrowser(person), { status: 404, code: 'not_found' });
    for (const entry of guarded.filter(isPage))
      expect((await ask(entry, byBrowser(person))).status).toBe(404);
  });

  it('who owns another workspace only', async () => {
    await expectAll(forWorkspace, byBrowser(otherOwner), { status: 404, code: 'not_found' });
    for (const entry of guarded.filter(isPage))
      expect((await ask(entry, byBrowser(otherOwner))).status).toBe(404);
    const withIds = forWorkspace.filter(({ tenantIds }) => tenantIds.length > 0);
    for (const entry of withIds)
      expect(isRefused(await ask(entry, byKey(otherOwner.key))), operationOf(entry)).toBe(
        rightsOf(operationOf(entry)).owner === 'perm',
      );
  });
});
