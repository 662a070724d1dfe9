import { randomBytes } from 'node:crypto';
import { newId } from '@conducktor/contracts';
import { membershipsOf } from '@conducktor/db';
import { mintInvitation } from '@conducktor/identity';
import { FormBrowser, type Page } from '@conducktor/oauth-client';
import { seedWorkspace, type SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  authorization,
  formTo,
  PASSWORD,
  register,
  signUp,
  startAuth,
  stayed,
  textOf,
  type AuthService,
} from './harness.js';

let auth: AuthService;
let inviting: SeededWorkspace;
const COMPANY = 'Inviting Company';
beforeAll(async () => {
  auth = await startAuth();
  inviting = await seedWorkspace(auth.admin, { name: COMPANY });
});
afterAll(() => auth.stop());

/** What the control plane writes for an invitation: membership not accepted, hash of a token. */
async function invite(
  email = `i${randomBytes(5).toString('hex')}@example.com`,
  expires = '7 days',
) {
  const { token, tokenHash } = mintInvitation();
  const memberId = newId('mem');
  const { tenantId } = inviting;
  const userId = await auth.admin.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<{ id: string }>('select account_for_member($1, $2) as id', [
      email,
      newId('usr'),
    ]);
    await tx.query(
      'insert into member (tenant_id, id, user_id, email, accepted_at) values ($1, $2, $3, $4, null)',
      [tenantId, memberId, rows[0]!.id, email],
    );
    await tx.query(
      `insert into invitation (tenant_id, member_id, token_hash, expires_at)
       values ($1, $2, $3, now() + $4::interval)`,
      [tenantId, memberId, tokenHash, expires],
    );
    return rows[0]!.id;
  });
  return { email, userId, memberId, url: `/invite?token=${token}`, token };
}

const open = async (browser: FormBrowser, url: string) => stayed(await browser.open(url));
const send = async (browser: FormBrowser, page: Page, fields: Record<string, string>) =>
  stayed(await browser.submit(formTo(page, '/invite'), fields));
const offered = (page: Page) => formTo(page, '/invite').choices.get('decision');
const workspacesOf = async (userId: string) =>
  (await membershipsOf(auth.db, userId)).map(({ tenantName }) => tenantName);
const browserOf = () => new FormBrowser(auth.origin);

describe('a membership by invitation', () => {
  test('shows an attacker who signed up first with the address nothing of the company', async () => {
    const attacker = browserOf();
    const email = await signUp(auth, attacker, 'Attackers');
    await invite(email);
    const { url } = await authorization(await register(auth));
    expect(textOf(await open(attacker, '/login'))).not.toContain(COMPANY);
    const consent = await open(attacker, url.href);
    expect(consent.html).toContain('Attackers');
    expect(consent.html).not.toContain(COMPANY);
    expect(consent.html).not.toContain(inviting.tenantId);
  });

  test('is taken up by who has no account yet, with a name and a password, once', async () => {
    const invited = await invite();
    const browser = browserOf();
    const page = await open(browser, invited.url);
    expect(textOf(page)).toContain(COMPANY);
    expect(offered(page)).toEqual(['claim']);
    expect(await workspacesOf(invited.userId)).toEqual([]);
    const weak = await send(browser, page, { decision: 'claim', name: 'Ida', password: 'short' });
    expect(weak.status).toBe(400);
    expect(textOf(weak)).toContain('at least 10 characters');
    const chosen = { decision: 'claim', name: 'Ida', password: PASSWORD };
    const done = await send(browser, weak, chosen);
    expect(textOf(done)).toContain(`As ${invited.email}, in ${COMPANY}`);
    expect(await workspacesOf(invited.userId)).toEqual([COMPANY]);
    const { rows } = await auth.admin.pool.query(
      "select record from audit_outbox where record->>'memberId' = $1",
      [invited.memberId],
    );
    expect(rows.map(({ record }) => record)).toMatchObject([
      { action: 'member.accept', actor: invited.email, claimed: true },
    ]);
    // The password is the account's from now on; the link opens nothing any more.
    const login = await open(browserOf(), '/login');
    const elsewhere = browserOf();
    const form = formTo(await open(elsewhere, '/login'), '/login');
    expect(login.status).toBe(200);
    const signedIn = stayed(
      await elsewhere.submit(form, { email: invited.email, password: PASSWORD }),
    );
    expect(textOf(signedIn)).toContain(COMPANY);
    const again = await send(browser, page, { ...chosen, password: 'another password' });
    expect(again.status).toBe(404);
    expect((await open(browserOf(), invited.url)).status).toBe(404);
  });

  test('is joined with one button by who is signed in with the address', async () => {
    const browser = browserOf();
    const invited = await invite(await signUp(auth, browser, 'Own'));
    const page = await open(browser, invited.url);
    expect(offered(page)).toEqual(['join']);
    expect(page.html).not.toContain('type="password"');
    expect(await workspacesOf(invited.userId)).toEqual(['Own']);
    const done = await send(browser, page, { decision: 'join' });
    expect(textOf(done)).toContain(COMPANY);
    expect(await workspacesOf(invited.userId)).toEqual([COMPANY, 'Own']);
  });

  test('asks who has an account to sign in first, and leads back', async () => {
    const invited = await invite(await signUp(auth));
    const browser = browserOf();
    const page = await open(browser, invited.url);
    expect(offered(page)).toEqual(['sign-in']);
    const wrong = await send(browser, page, { decision: 'sign-in', password: 'not the password' });
    expect(wrong.status).toBe(401);
    const back = await send(browser, wrong, { decision: 'sign-in', password: PASSWORD });
    expect(offered(back)).toEqual(['join']);
    await send(browser, back, { decision: 'join' });
    expect(await workspacesOf(invited.userId)).toContain(COMPANY);
  });

  test('is not joined without the account: neither a join nor a claim posted by another does it', async () => {
    const invited = await invite(await signUp(auth));
    const other = browserOf();
    const page = await open(other, invited.url);
    const joined = await send(other, page, { decision: 'join' });
    expect(offered(joined)).toEqual(['sign-in']);
    const claimed = await send(other, page, {
      decision: 'claim',
      name: 'Mallory',
      password: 'wants it all for free',
    });
    expect(claimed.status).toBe(404);
    expect(await workspacesOf(invited.userId)).not.toContain(COMPANY);
    // Nothing was used up, and the password is still its owner's.
    const back = await send(other, page, { decision: 'sign-in', password: PASSWORD });
    expect(offered(back)).toEqual(['join']);
  });

  test('tells somebody else who they are, and lets them switch', async () => {
    const browser = browserOf();
    const somebody = await signUp(auth, browser);
    const invited = await invite();
    const page = await open(browser, invited.url);
    expect(textOf(page)).toContain(`You are signed in as ${somebody}`);
    expect(offered(page)).toEqual(['switch']);
    await send(browser, page, { decision: 'join' });
    expect(await workspacesOf(invited.userId)).toEqual([]);
    expect(offered(await send(browser, page, { decision: 'switch' }))).toEqual(['claim']);
  });
});

describe('the link', () => {
  test('that has expired, never was, is of a disabled member or is no token opens one plain page', async () => {
    const expired = await invite(undefined, '-1 second');
    const disabled = await invite();
    await auth.admin.pool.query('update member set disabled_at = now() where id = $1', [
      disabled.memberId,
    ]);
    const pages = await Promise.all(
      [
        expired.url,
        disabled.url,
        `/invite?token=${mintInvitation().token}`,
        '/invite?token=x',
        '/invite',
        '/invite?token=a&token=b',
      ].map((url) => open(browserOf(), url)),
    );
    for (const page of pages) {
      expect(page.status).toBe(404);
      expect(page.forms).toEqual([]);
      expect(page.html).toBe(pages[0]!.html);
    }
    expect(textOf(pages[0]!)).toContain('cannot be used');
  });

  test('acts only by a form made for this browser and this invitation', async () => {
    const [one, other] = [await invite(), await invite()];
    const browser = browserOf();
    const form = formTo(await open(browser, one.url), '/invite');
    const claim = { decision: 'claim', name: 'Ida', password: PASSWORD };
    const stranger = stayed(await browserOf().submit(form, claim));
    const swapped = stayed(await browser.submit(form, { ...claim, token: other.token }));
    const forged = stayed(await browser.submit(form, { ...claim, csrf: 'x' }));
    for (const page of [stranger, swapped, forged]) expect(page.status).toBe(400);
    expect(await workspacesOf(one.userId)).toEqual([]);
    expect(await workspacesOf(other.userId)).toEqual([]);
  });

  test('is stored as a hash, and sign-in cannot read even that', async () => {
    const invited = await invite();
    const { rows } = await auth.admin.pool.query(
      'select to_jsonb(i)::text as row from invitation i',
    );
    for (const { row } of rows) expect(row).not.toContain(invited.token);
    await expect(auth.db.pool.query('select token_hash from invitation')).rejects.toThrow(
      /permission denied/,
    );
  });

  test('opens a page that runs nothing, is kept by nobody and found by no search', async () => {
    const response = await fetch(auth.origin + (await invite()).url);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('referrer-policy')).toBe('same-origin');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await response.text();
    expect(html).toContain('<meta name="robots" content="noindex" />');
    expect(html).not.toMatch(/<script|https?:/);
  });
});
