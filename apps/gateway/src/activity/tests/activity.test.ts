import { createDb, type Db } from '@conducktor/db';
import { createLogger } from '@conducktor/runtime';
import {
  createTestDatabase,
  rawMcp,
  seedWorkspace,
  type SeededWorkspace,
  type TestDatabase,
} from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway } from '../../mcp/tests/support/gateway.js';
import { startGovernedStack } from '../../tests/support/governed-stack.js';
import type { Caller } from '../../tool-call/types.js';
import { Activity } from '../activity.js';

const logger = createLogger('test', 'silent');
let database: TestDatabase;
let admin: Db;
let gateway: Db;
let people: SeededWorkspace;
beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl);
  gateway = createDb(database.urlFor('conducktor_gateway'));
});
afterAll(async () => {
  await Promise.all([admin.end(), gateway.end()]);
  await database.drop();
});
beforeEach(async () => {
  people = await seedWorkspace(admin);
});

const rows = async () =>
  (
    await admin.pool.query(
      `select credential_id, member_id, client_id, client_name, client_version, protocol_version, resource_path,
              source_ip, requests::int as requests, first_seen_at, last_seen_at
         from client_activity where tenant_id = $1 order by credential_id`,
      [people.tenantId],
    )
  ).rows as Record<string, unknown>[];
const caller = (context: object = {}, credential = 'grt_1', memberId = people.member.memberId) =>
  ({
    workspace: { tenantId: people.tenantId },
    member: { id: memberId },
    clientId: 'https://chat.example/client',
    credential: { kind: 'grant', id: credential },
    context: {
      protocolVersion: '2025-11-25',
      resourcePath: '/mcp',
      sourceIp: '192.0.2.1',
      ...context,
    },
  }) as unknown as Caller;
const opened = () => new Activity({ db: gateway, logger });

describe('what a credential was seen doing', () => {
  test('is there after a flush, with the last of each request and the number of all', async () => {
    const activity = opened();
    activity.note(caller({ client: { name: 'ChatGPT', version: '1.2' } }), 1);
    activity.note(caller({ resourcePath: '/mcp/docs', sourceIp: '192.0.2.2' }), 1);
    activity.note(caller(), 0);
    await activity.stop();
    expect(await rows()).toMatchObject([
      {
        credential_id: 'grt_1',
        member_id: people.member.memberId,
        client_id: 'https://chat.example/client',
        client_name: 'ChatGPT',
        client_version: '1.2',
        protocol_version: '2025-11-25',
        resource_path: '/mcp/docs',
        source_ip: '192.0.2.2',
        requests: 2,
      },
    ]);
  });

  test('is added up over gateways, and never taken back by one that tells late', async () => {
    const [one, two] = [opened(), opened()];
    one.note(caller({ client: { name: 'Cursor' } }), 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    two.note(caller({ sourceIp: '192.0.2.9' }), 1);
    await two.stop();
    const [before] = await rows();
    await one.stop();
    expect(await rows()).toEqual([{ ...before, client_name: 'Cursor', requests: 2 }]);
  });

  test('of nobody who is a member is not kept, and harms nobody else’s', async () => {
    const activity = opened();
    const stranger = await seedWorkspace(admin);
    activity.note(caller({}, 'grt_a', 'mem_nobody'), 1);
    activity.note(caller({}, 'grt_b', stranger.member.memberId), 1);
    activity.note({ ...caller({}, 'grt_c'), workspace: { tenantId: 'ten_nobody' } } as Caller, 1);
    activity.note(caller({}, 'grt_d'), 1);
    await activity.stop();
    expect((await rows()).map(({ credential_id }) => credential_id)).toEqual(['grt_d']);
    // Nor does a credential become another person's.
    const again = opened();
    again.note(caller({}, 'grt_d', people.owner.memberId), 1);
    await again.stop();
    expect(await rows()).toMatchObject([{ member_id: people.member.memberId, requests: 1 }]);
  });

  test('may be anything that a client says of itself', async () => {
    const activity = opened();
    const name = `a\0b\u202e"{},\\'\ud800${'x'.repeat(10_000)}`;
    activity.note(caller({ client: { name, version: '\u0007' } }), 1);
    await activity.stop();
    const [row] = await rows();
    expect(row!['client_name']).toMatch(/^ab"\{\},\\'x+$/);
    expect(String(row!['client_name']).length).toBeLessThan(210);
    expect(row!['client_version']).toBeNull();
  });

  test('is bounded in memory; what is beyond, or cannot be told, is only counted', async () => {
    const away = { pool: { query: () => Promise.reject(new Error('away')) } } as unknown as Db;
    const activity = new Activity({ db: away, logger });
    for (let n = 0; n < 20_010; n++) activity.note(caller({}, `grt_${n}`), 1);
    expect(activity.lost).toBe(10);
    await activity.stop();
    expect(activity.lost).toBe(20_010);
  });
});

test('a gateway tells of its clients by their keys, as they name themselves in either era', async () => {
  const stack = await startGovernedStack();
  const http = await startGateway({ mcp: stack.governed.mcp, trustedProxies: ['loopback'] });
  const ask = (method: string, params: object, token: string, era: 'legacy' | 'modern') =>
    rawMcp(http.mcp, method, params as Record<string, unknown>, {
      token,
      era,
      headers: { 'x-forwarded-for': '203.0.113.5' },
    });
  const { member, owner } = stack.people;
  await ask(
    'initialize',
    { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'old', version: '7' } },
    member.apiKey,
    'legacy',
  );
  await ask('tools/list', {}, member.apiKey, 'legacy');
  await ask('tools/list', {}, owner.apiKey, 'modern');
  await ask('tools/list', {}, 'ck_nobody', 'modern');
  await http.close();
  // Told when the gateway stops, at the latest.
  await stack.governed.stop();
  const { rows: seen } = await stack.admin.pool.query(
    'select credential_id, client_name, client_version, source_ip, requests::int from client_activity',
  );
  expect(seen).toHaveLength(2);
  expect(seen).toContainEqual({
    credential_id: member.keyId,
    client_name: 'old',
    client_version: '7',
    source_ip: '203.0.113.5',
    requests: 2,
  });
  expect(seen).toContainEqual(
    expect.objectContaining({ credential_id: owner.keyId, client_name: 'raw', requests: 1 }),
  );
  stack.governed.stop = async () => {};
  await stack.stop();
});
