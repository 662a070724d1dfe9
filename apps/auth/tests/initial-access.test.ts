import { newId } from '@conducktor/contracts';
import { makeRoomForClient } from '@conducktor/db';
import { mintInitialAccessToken } from '@conducktor/identity';
import { seedWorkspace, type SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CALLBACK, startAuth, type AuthService } from './harness.js';

let auth: AuthService;
let workspace: SeededWorkspace;
beforeAll(async () => {
  auth = await startAuth({ DCR_MODE: 'token' });
  workspace = await seedWorkspace(auth.admin);
});
afterAll(() => auth.stop());

/** A token as the control plane makes it. */
async function tokenFor(options: { minutes?: number; memberId?: string } = {}): Promise<string> {
  const { token, tokenHash } = mintInitialAccessToken();
  await auth.admin.pool.query(
    `insert into initial_access_token (tenant_id, id, member_id, token_hash, expires_at)
     values ($1, $2, $3, $4, now() + make_interval(mins => $5))`,
    [
      workspace.tenantId,
      newId('iat'),
      options.memberId ?? workspace.owner.memberId,
      tokenHash,
      options.minutes ?? 15,
    ],
  );
  return token;
}

const register = (token: string | undefined, metadata: Record<string, unknown> = {}) =>
  fetch(`${auth.origin}/oauth2/register`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      client_name: 'Registered',
      redirect_uris: [CALLBACK],
      token_endpoint_auth_method: 'none',
      ...metadata,
    }),
  });

describe('an initial access token', () => {
  test('registers one client, and who made it and which client it was are on record', async () => {
    const token = await tokenFor();
    const response = await register(token);
    expect(response.status).toBe(201);
    const { client_id: clientId } = (await response.json()) as { client_id: string };
    const again = await register(token);
    expect(again.status).toBe(401);
    const { rows } = await auth.admin.pool.query(
      `select record from audit_outbox where tenant_id = $1 and record->>'action' = 'initial-access-token.use'`,
      [workspace.tenantId],
    );
    expect(rows.map(({ record }) => record)).toEqual([
      expect.objectContaining({
        clientId,
        memberId: workspace.owner.memberId,
        clientName: 'Registered',
        redirectUris: [CALLBACK],
        tokenId: expect.stringMatching(/^iat_/),
      }),
    ]);
    expect(JSON.stringify(rows)).not.toContain(token);
  });

  test('brought by twenty at once registers one', async () => {
    const token = await tokenFor();
    const before = await clients();
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await register(token)).status),
    );
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(19);
    expect((await clients()) - before).toBe(1);
  });

  test('is not spent by a registration that is refused for what it says', async () => {
    const token = await tokenFor();
    const refused = await register(token, { redirect_uris: ['https://evil.example/cb'] });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      error: 'invalid_redirect_uri',
      error_description: expect.stringContaining('OAUTH_REDIRECT_ALLOW'),
    });
    expect((await register(token)).status).toBe(201);
  });

  test.each([
    ['is missing', async () => undefined],
    ['is made up', async () => `dcr_${'x'.repeat(43)}`],
    ['has expired', () => tokenFor({ minutes: -1 })],
    ['is of somebody who is no owner', () => tokenFor({ memberId: workspace.contractor.memberId })],
    [
      'is of somebody who has left',
      async () => {
        const { memberId } = workspace.member;
        await auth.admin.pool.query("update member set roles = '{owner}' where id = $1", [
          memberId,
        ]);
        const token = await tokenFor({ memberId });
        await auth.admin.pool.query('update member set disabled_at = now() where id = $1', [
          memberId,
        ]);
        return token;
      },
    ],
  ])('that %s registers nothing, and the answer says where to get one', async (_, make) => {
    const before = await clients();
    const response = await register(await make());
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /);
    expect(await response.json()).toMatchObject({
      error: expect.stringMatching(/^invalid_(token|request)$/),
      error_description: expect.stringContaining('POST /api/v1/initial-access-tokens'),
    });
    expect(await clients()).toBe(before);
  });
});

test('of unused registrations the oldest make room, and none of the last hour does', async () => {
  const life = 30 * 24 * 3600;
  const add = (name: string, n: number, left: string) =>
    auth.admin.pool.query(
      `insert into oidc_payload (kind, id, payload, expires_at)
       select 'Client', $1 || n, '{}', now() + $3::interval + make_interval(secs => n) from generate_series(1, $2) n`,
      [name, n, left],
    );
  await auth.admin.pool.query(`delete from oidc_payload where kind = 'Client'`);
  await add('old-', 100, '10 days');
  expect(await makeRoomForClient(auth.db, 200, life)).toBe(true);
  await add('new-', 100, '29 days 23 hours 30 minutes');
  // Used ones are never counted and never go.
  await auth.admin.pool.query(
    `insert into oidc_payload (kind, id, payload) values ('Client', 'used', '{}')`,
  );
  expect(await makeRoomForClient(auth.db, 200, life)).toBe(true);
  const { rows } = await auth.admin.pool.query(
    `select id from oidc_payload where kind = 'Client' and id in ('old-1', 'old-2', 'old-3', 'new-1', 'used') order by 1`,
  );
  expect(rows.map(({ id }) => id)).toEqual(['new-1', 'old-3', 'used']);
  await auth.admin.pool.query(`delete from oidc_payload where id like 'old-%'`);
  await add('newer-', 100, '29 days 23 hours 30 minutes');
  expect(await makeRoomForClient(auth.db, 200, life)).toBe(false);
});

async function clients(): Promise<number> {
  const { rows } = await auth.admin.pool.query(
    `select count(*)::int as n from oidc_payload where kind = 'Client'`,
  );
  return rows[0].n;
}
