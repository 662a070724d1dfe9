import { hashInitialAccessToken, mintApiKey } from '@conducktor/identity';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startControl, type ControlService } from './harness.js';

const PATH = '/api/v1/initial-access-tokens';

let service: ControlService;
let workspace: SeededWorkspace;
beforeAll(async () => {
  service = await startControl();
  workspace = await service.seed();
});
afterAll(() => service.stop());

const asOwner = (method: string, path = PATH) => service.call(workspace.owner.apiKey, method, path);

test('an owner makes a token, which is shown once and kept as a hash for 15 minutes', async () => {
  const made = await asOwner('POST');
  expect(made.status).toBe(201);
  expect(made.body).toEqual({
    id: expect.stringMatching(/^iat_\w{22}$/),
    token: expect.stringMatching(/^dcr_[\w-]{43}$/),
    scope: 'dcr.create',
    expiresAt: expect.any(String),
  });
  const life = Date.parse(made.body.expiresAt) - Date.now();
  expect(life).toBeGreaterThan(14 * 60_000);
  expect(life).toBeLessThanOrEqual(15 * 60_000);
  const { rows } = await service.admin.pool.query(
    'select token_hash, member_id from initial_access_token where id = $1',
    [made.body.id],
  );
  expect(rows).toEqual([
    { token_hash: hashInitialAccessToken(made.body.token), member_id: workspace.owner.memberId },
  ]);
  const listed = await asOwner('GET');
  expect(listed.body.items).toEqual([
    {
      id: made.body.id,
      memberId: workspace.owner.memberId,
      scope: 'dcr.create',
      createdAt: expect.any(String),
      expiresAt: made.body.expiresAt,
    },
  ]);
  expect(listed.text).not.toContain(made.body.token);
  const [record] = (await service.changes(workspace.tenantId)).slice(-1);
  expect(record).toMatchObject({ action: 'initial-access-token.create', tokenId: made.body.id });
  expect(JSON.stringify(record)).not.toContain(made.body.token);
});

test('a token that is withdrawn, used or expired is not listed, and cannot be withdrawn again', async () => {
  const { id } = (await asOwner('POST')).body;
  expect((await asOwner('DELETE', `${PATH}/${id}`)).status).toBe(204);
  expect((await asOwner('DELETE', `${PATH}/${id}`)).status).toBe(404);
  for (const change of ['used_at = now()', 'expires_at = now()']) {
    const { id: gone } = (await asOwner('POST')).body;
    await service.admin.pool.query(`update initial_access_token set ${change} where id = $1`, [
      gone,
    ]);
    expect((await asOwner('DELETE', `${PATH}/${gone}`)).status).toBe(404);
    expect((await asOwner('GET')).text).not.toContain(gone);
  }
});

test('nobody but an owner makes, sees or withdraws one', async () => {
  const { id } = (await asOwner('POST')).body;
  const admin = await keyOf('admin');
  for (const key of [admin, workspace.member.apiKey]) {
    for (const [method, path] of [
      ['POST', PATH],
      ['GET', PATH],
      ['DELETE', `${PATH}/${id}`],
    ] as const) {
      expect((await service.call(key, method, path)).status, `${method} ${path}`).toBe(403);
    }
  }
  const stranger = await service.seed();
  const theirs = await service.call(stranger.owner.apiKey, 'DELETE', `${PATH}/${id}`);
  expect(theirs.status).toBe(404);
});

test('a hundred that wait to be used are enough', async () => {
  const own = await service.seed();
  const statuses: number[] = [];
  for (let n = 0; n < 101; n++) {
    statuses.push((await service.call(own.owner.apiKey, 'POST', PATH)).status);
  }
  expect(statuses.slice(99)).toEqual([201, 409]);
});

/** A key with the scope `admin` of a member who has this role instead. */
async function keyOf(role: string): Promise<string> {
  const minted = mintApiKey();
  const { memberId } = workspace.contractor;
  const { pool } = service.admin;
  await pool.query('update member set roles = $2 where id = $1', [memberId, [role]]);
  await pool.query(
    `insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes) values ($1, $2, $3, 'k', $4, '{admin}')`,
    [workspace.tenantId, minted.id, memberId, minted.secretHash],
  );
  return minted.key;
}
