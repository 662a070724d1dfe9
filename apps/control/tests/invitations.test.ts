import { createHash } from 'node:crypto';
import { openMail, type Mail } from '@conducktor/mail';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startControl, type ControlService } from './harness.js';

let service: ControlService;
let workspace: SeededWorkspace;
let key: string;
let inviter: string;
beforeAll(async () => {
  service = await startControl();
});
afterAll(() => service.stop());
beforeEach(async () => {
  workspace = await service.seed();
  key = workspace.owner.apiKey;
  const { rows } = await service.admin.pool.query(
    `update user_account u set email_verified_at = now() from member m
      where m.id = $1 and u.id = m.user_id returning m.email`,
    [workspace.owner.memberId],
  );
  inviter = rows[0].email;
});

const api = (method: string, path: string, body?: unknown, as = key) =>
  service.call(as, method, `/api/v1${path}`, body);
const address = () => `i${Math.random().toString(36).slice(2)}@example.com`;
const invite = (email = address(), as = key) =>
  api('POST', '/members', { email, roles: ['member'] }, as);

async function lettersTo(email: string): Promise<Mail[]> {
  const { rows } = await service.admin.pool.query(
    'select id, sealed from mail_outbox where sealed is not null order by created_at',
  );
  return rows
    .map((row) => openMail(service.control.vault.openForInstall, row))
    .filter(({ to }) => to === email);
}
const hashOf = (link: string) =>
  createHash('sha256')
    .update(/token=([\w-]{43})/.exec(link)![1]!)
    .digest();
const opens = async (link: string) =>
  (await service.admin.pool.query('select * from open_invitation($1)', [hashOf(link)])).rows[0];
const accept = async (link: string) => {
  const { user_id: userId } = await opens(link);
  const used = await service.admin.pool.query('select * from accept_invitation($1, $2)', [
    hashOf(link),
    userId,
  ]);
  expect(used.rowCount).toBe(1);
  const { rows } = await service.admin.pool.query(
    'select email_verified_at is not null as verified from user_account where id = $1',
    [userId],
  );
  return rows[0].verified as boolean;
};

describe('an invitation', () => {
  it('is mailed with a link of its own, and only that one shows whose mailbox it is', async () => {
    const [one, two] = [await invite(), await invite()];
    expect(one.body['invitation']).toMatchObject({ mailed: true });
    const [letter] = await lettersTo(one.body['email'] as string);
    expect(letter!.text).toContain(inviter);
    expect(letter!.text).not.toContain(one.body['invitation'].url);
    expect(await opens(letter!.text)).toMatchObject({ invited_by: inviter });
    expect(await accept(letter!.text)).toBe(true);
    // The inviter has this link too, so it proves no mailbox.
    expect(await accept(two.body['invitation'].url)).toBe(false);
    const [other] = await lettersTo(two.body['email'] as string);
    expect(await opens(other!.text)).toBeUndefined();
  });

  it('of somebody whose own address is not confirmed is shown and not mailed', async () => {
    await service.admin.pool.query(
      'update user_account u set email_verified_at = null from member m where m.id = $1 and u.id = m.user_id',
      [workspace.owner.memberId],
    );
    const made = await invite();
    expect(made.body['invitation']).toMatchObject({ mailed: false });
    expect(await lettersTo(made.body['email'] as string)).toEqual([]);
    expect(await opens(made.body['invitation'].url)).toBeDefined();
  });

  it('is made anew for who has not joined: the links before it are dead', async () => {
    const made = await invite();
    const { id, email } = made.body as { id: string; email: string };
    const again = await api('POST', `/members/${id}/invitations`);
    expect(again.status).toBe(201);
    expect(again.body).toMatchObject({ mailed: true });
    const letters = await lettersTo(email);
    expect(letters).toHaveLength(2);
    for (const dead of [made.body['invitation'].url, letters[0]!.text])
      expect(await opens(dead)).toBeUndefined();
    for (const live of [again.body['url'], letters[1]!.text])
      expect(await opens(live)).toBeDefined();
    const changes = await service.changes(workspace.tenantId);
    expect(changes.at(-1)).toMatchObject({ action: 'member.invite', subject: id, mailed: true });
    expect(JSON.stringify(changes)).not.toMatch(/token=/);
    await accept(letters[1]!.text);
    expect((await api('POST', `/members/${id}/invitations`)).status).toBe(409);
  });

  it('of an owner is an owner’s to make, and of another workspace nobody’s', async () => {
    const admin = await api('POST', '/members', { email: address(), roles: ['admin'] });
    const made = await api('POST', '/api-keys', {
      name: 'k',
      memberId: admin.body['id'],
      scopes: ['admin'],
    });
    const owner = await api('POST', '/members', { email: address(), roles: ['owner'] });
    const refused = await api(
      'POST',
      `/members/${owner.body['id']}/invitations`,
      undefined,
      made.body['key'],
    );
    expect(refused.status).toBe(403);
    const other = await service.seed();
    const foreign = await api(
      'POST',
      `/members/${owner.body['id']}/invitations`,
      undefined,
      other.owner.apiKey,
    );
    expect(foreign.status).toBe(404);
  });

  it('is no way for an admin to what only an owner gives', async () => {
    const admin = await api('POST', '/members', { email: address(), roles: ['admin'] });
    const made = await api('POST', '/api-keys', {
      name: 'k',
      memberId: admin.body['id'],
      scopes: ['admin'],
    });
    const asAdmin = made.body['key'] as string;
    const again = (id: string, as: string) =>
      api('POST', `/members/${id}/invitations`, undefined, as);
    for (const wider of [{ permissions: ['audit:payloads'] }, { roles: ['owner'] }]) {
      const invited = await invite(address(), asAdmin);
      const id = invited.body['id'] as string;
      expect((await api('PATCH', `/members/${id}`, { groups: [] })).status).toBe(200);
      expect(await opens(invited.body['invitation'].url)).toBeDefined();
      expect((await api('PATCH', `/members/${id}`, wider)).status).toBe(200);
      // The admin was shown this link, and could be the new person with it.
      expect(await opens(invited.body['invitation'].url)).toBeUndefined();
      expect((await again(id, asAdmin)).status).toBe(403);
      const byOwner = await again(id, key);
      expect(await opens(byOwner.body['url'])).toBeDefined();
    }
  });

  it('takes up again who was removed, with nothing of what they had', async () => {
    const made = await api('POST', '/members', {
      email: address(),
      roles: ['admin'],
      groups: ['finance'],
    });
    const { id, email } = made.body as { id: string; email: string };
    const own = await api('POST', '/api-keys', { name: 'k', memberId: id, scopes: ['admin'] });
    await accept(made.body['invitation'].url);
    await api('PATCH', `/members/${id}`, { permissions: ['audit:payloads'] });
    expect((await api('DELETE', `/members/${id}`)).status).toBe(204);
    expect((await api('POST', `/members/${id}/invitations`)).status).toBe(404);
    // As one whose making had begun before.
    await service.admin.pool.query('update api_key set revoked_at = null where id = $1', [
      own.body['id'],
    ]);
    const again = await invite(email);
    expect(again.status).toBe(201);
    expect(again.body).toMatchObject({
      id,
      status: 'enabled',
      roles: ['member'],
      groups: [],
      permissions: [],
      acceptedAt: null,
    });
    expect((await api('GET', '/me', undefined, own.body['key'])).status).toBe(401);
    expect(await opens(made.body['invitation'].url)).toBeUndefined();
    await accept(again.body['invitation'].url);
    expect((await invite(email)).status).toBe(409);
  });

  it('fills no mailbox: a stranger gets a few letters, and a workspace sends so many', async () => {
    const email = address();
    const { id } = (await invite(email)).body as { id: string };
    const mailed: boolean[] = [];
    for (let n = 0; n < 6; n++) {
      mailed.push((await api('POST', `/members/${id}/invitations`)).body['mailed']);
    }
    expect(mailed).toEqual([true, true, true, true, false, false]);
    // What is left of the hundred is used up in one step.
    await service.admin.pool.query(
      "update attempt_limit set whole_at = now() + interval '501 minutes' where key = $1",
      [`invitations/workspace/${workspace.tenantId}`],
    );
    const refused = await invite();
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ code: 'rate_limited' });
  });
});
