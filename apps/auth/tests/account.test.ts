import { membershipsOf, findUserByEmail } from '@conducktor/db';
import { newId } from '@conducktor/contracts';
import { FormBrowser, type Page } from '@conducktor/oauth-client';
import { seedWorkspace } from '@conducktor/testing';
import * as oauth from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, formTo, signUp, startAuth, stayed, textOf, type AuthService } from './harness.js';

let auth: AuthService;
beforeAll(async () => {
  auth = await startAuth({ MAIL_DIR: '/nowhere' });
});
afterAll(() => auth.stop());

const browserOf = () => new FormBrowser(auth.origin);
const open = async (browser: FormBrowser, url: string) => stayed(await browser.open(url));

/** Puts a person who has an account into another workspace, with these roles. */
async function addTo(email: string, name: string, roles: string[]) {
  const workspace = await seedWorkspace(auth.admin, { name });
  const user = (await findUserByEmail(auth.db, email))!;
  const memberId = newId('mem');
  await auth.admin.pool.query(
    'insert into member (tenant_id, id, user_id, email, roles) values ($1, $2, $3, $4, $5)',
    [workspace.tenantId, memberId, user.id, email, roles],
  );
  return { ...workspace, memberId, userId: user.id };
}

test('nobody sees these pages without being signed in, nor posts to them', async () => {
  for (const path of [
    '/account',
    '/account/apps',
    '/account/workspaces',
    '/account/workspaces/leave',
  ]) {
    expect(textOf(await open(browserOf(), path))).toContain('Sign in');
    const posted = await fetch(auth.origin + path, {
      method: 'POST',
      body: new URLSearchParams({ decision: 'name', name: 'x' }),
    });
    expect(posted.status).toBe(400);
  }
});

test('a name is changed on the profile, and what it may be read as is stripped', async () => {
  const browser = browserOf();
  const email = await signUp(auth, browser);
  const page = await open(browser, '/account');
  expect(textOf(page)).toContain(`${email} – not confirmed`);
  const done = stayed(
    await browser.submit(page.forms[0]!, { decision: 'name', name: 'Pat \u202eexample' }),
  );
  expect(textOf(done)).toContain('Your name was saved.');
  expect((await findUserByEmail(auth.db, email))!.displayName).toBe('Pat example');
});

describe('connected apps', () => {
  test('are listed with where they lead, and one that is revoked is dead with its refresh token', async () => {
    const { browser, client, tokens, email } = await connect(auth, {
      params: { scope: 'mcp:read offline_access' },
    });
    const page = await open(browser, '/account/apps');
    const text = textOf(page);
    expect(text).toContain('Test client');
    expect(text).toContain('127.0.0.1');
    expect(text).toContain('Acme');
    expect(text).toContain('use tools that read');
    const done = stayed(await browser.submit(formTo(page, '/account/apps'), {}));
    expect(textOf(done)).toContain('The app was disconnected');
    expect(textOf(done)).toContain('No app acts for you');
    await expect(oauth.refreshTokenGrant(client, tokens.refresh_token!)).rejects.toThrow();
    const { rows } = await auth.admin.pool.query(
      "select record from audit_outbox where record->>'action' = 'grant.revoke' and record->>'actor' = $1",
      [email],
    );
    expect(rows).toHaveLength(1);
  });

  test('of another person are neither seen nor revoked', async () => {
    const theirs = await connect(auth);
    const grant = formTo(await open(theirs.browser, '/account/apps'), '/account/apps');
    const mine = await connect(auth);
    const form = formTo(await open(mine.browser, '/account/apps'), '/account/apps');
    const id = new Map(grant.fields).get('grant')!;
    expect(id).not.toBe(new Map(form.fields).get('grant'));
    const refused = stayed(await mine.browser.submit(form, { grant: id }));
    expect(refused.status).toBe(404);
    const { rows } = await auth.admin.pool.query(
      'select revoked_at from oauth_grant where id = $1',
      [id],
    );
    expect(rows).toEqual([{ revoked_at: null }]);
  });
});

describe('workspaces', () => {
  const leave = async (browser: FormBrowser, tenantId: string): Promise<Page> => {
    const page = await open(browser, `/account/workspaces/leave?workspace=${tenantId}`);
    return stayed(await browser.submit(formTo(page, '/account/workspaces/leave'), {}));
  };

  test('another one is created, with its first policy', async () => {
    const browser = browserOf();
    const email = await signUp(auth, browser, 'First');
    const page = await open(browser, '/account/workspaces');
    const done = stayed(
      await browser.submit(formTo(page, '/account/workspaces'), { workspace: 'Second' }),
    );
    expect(textOf(done)).toContain('The workspace was created.');
    const user = await findUserByEmail(auth.db, email);
    const mine = await membershipsOf(auth.db, user!.id);
    expect(mine.map(({ tenantName, roles }) => [tenantName, roles])).toEqual([
      ['First', ['owner']],
      ['Second', ['owner']],
    ]);
  });

  test('are left for good, keys, apps and groups included, and that is recorded', async () => {
    const browser = browserOf();
    const email = await signUp(auth, browser, 'Own');
    const other = await addTo(email, 'Other', ['member']);
    await auth.admin.pool.query(
      "insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes) values ($1, $2, $3, 'k', '', '{}')",
      [other.tenantId, newId('key'), other.memberId],
    );
    const done = await leave(browser, other.tenantId);
    expect(textOf(done)).toContain('You left the workspace.');
    expect(textOf(done)).toContain('You left it, or were removed, on');
    expect((await membershipsOf(auth.db, other.userId)).map((m) => m.tenantName)).toEqual(['Own']);
    const { rows } = await auth.admin.pool.query(
      `select m.disabled_at is not null as disabled, m.removed_at is not null as removed,
              (select count(*)::int from api_key k where k.member_id = m.id and k.revoked_at is null) as keys,
              (select count(*)::int from audit_outbox o where o.tenant_id = m.tenant_id
                 and o.record->>'action' = 'member.leave' and o.record->>'memberId' = m.id) as records
         from member m where m.id = $1`,
      [other.memberId],
    );
    expect(rows).toEqual([{ disabled: true, removed: true, keys: 0, records: 1 }]);
  });

  test('are not left by their last owner, nor by two owners at once', async () => {
    const [one, two] = [browserOf(), browserOf()];
    const first = await signUp(auth, one, 'Alone');
    const second = await signUp(auth, two, 'Also alone');
    const page = await open(one, '/account/workspaces');
    expect(textOf(page)).toContain('You are its only owner');
    expect(page.html).not.toContain('/account/workspaces/leave');
    const shared = await addTo(first, 'Shared', ['owner']);
    const user = (await findUserByEmail(auth.db, second))!;
    await auth.admin.pool.query(
      "insert into member (tenant_id, id, user_id, email, roles) values ($1, $2, $3, $4, '{owner}')",
      [shared.tenantId, newId('mem'), user.id, second],
    );
    // The seeded owner goes first, so that these two are the last.
    await auth.admin.pool.query(
      'update member set disabled_at = now() where tenant_id = $1 and email not in ($2, $3)',
      [shared.tenantId, first, second],
    );
    const forms = await Promise.all(
      [one, two].map(async (browser) => ({
        browser,
        page: await open(browser, `/account/workspaces/leave?workspace=${shared.tenantId}`),
      })),
    );
    const pages = await Promise.all(
      forms.map(async ({ browser, page: asked }) =>
        stayed(await browser.submit(formTo(asked, '/account/workspaces/leave'), {})),
      ),
    );
    expect(pages.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  test('that were lost, suspended or frozen say so, and those not taken up are not named', async () => {
    const browser = browserOf();
    const email = await signUp(auth, browser, 'Own');
    const states = {
      Removed: 'removed_at = now(), disabled_at = now()',
      Suspended: 'disabled_at = now()',
      Invited: 'accepted_at = null',
    };
    for (const [name, change] of Object.entries(states)) {
      const { memberId } = await addTo(email, name, ['member']);
      await auth.admin.pool.query(`update member set ${change} where id = $1`, [memberId]);
    }
    const icy = await addTo(email, 'Icy', ['member']);
    await auth.admin.pool.query(
      "insert into frozen (tenant_id, kind, subject_id, reason, created_by) values ($1, 'member', $2, 'r', 'x')",
      [icy.tenantId, icy.memberId],
    );
    const text = textOf(await open(browser, '/account/workspaces'));
    expect(text).toMatch(/Removed\b.*You left it, or were removed, on/);
    expect(text).toMatch(/Suspended\b.*Your access was switched off/);
    expect(text).toMatch(/Icy\b.*Frozen:/);
    expect(text).not.toContain('Invited');
  });
});
