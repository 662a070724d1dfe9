import { findUserByEmail } from '@conducktor/db';
import { FormBrowser, type Page } from '@conducktor/oauth-client';
import type { Mail } from '@conducktor/mail';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
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
import { lettersTo, linkIn } from './smtp.js';

let auth: AuthService;
beforeAll(async () => {
  auth = await startAuth({ MAIL_DIR: '/nowhere' });
});
afterAll(() => auth.stop());

const NEXT = 'another battery horse entirely';
const browserOf = () => new FormBrowser(auth.origin);
const open = async (browser: FormBrowser, url: string) => stayed(await browser.open(url));

async function forgot(email: string): Promise<Page> {
  const browser = browserOf();
  const form = formTo(await open(browser, '/login/forgot'), '/login/forgot');
  return stayed(await browser.submit(form, { email }));
}
const resets = async (email: string): Promise<Mail[]> =>
  (await lettersTo(auth, email)).filter(({ subject }) => subject === 'Choose a new password');
const resetLetter = (email: string, count = 1) =>
  vi.waitFor(async () => {
    const letters = await resets(email);
    expect(letters).toHaveLength(count);
    return letters.at(-1)!;
  });
async function choose(link: string, password = NEXT): Promise<Page> {
  const browser = browserOf();
  return stayed(
    await browser.submit(formTo(await open(browser, link), '/login/reset'), { password }),
  );
}
async function signIn(email: string, password: string, browser = browserOf()): Promise<Page> {
  const form = formTo(await open(browser, '/login'), '/login');
  return stayed(await browser.submit(form, { email, password }));
}

describe('a forgotten password', () => {
  test('is replaced by the link in a letter, once; every browser is signed out and the person told', async () => {
    const signedIn = browserOf();
    const email = await signUp(auth, signedIn);
    expect(textOf(await open(signedIn, '/login'))).toContain('You are signed in');
    expect(textOf(await forgot(email.toUpperCase()))).toContain('Look into your mailbox');
    const link = linkIn(await resetLetter(email), '/login/reset');
    for (let n = 0; n < 3; n++) expect((await fetch(link)).status).toBe(200);
    const weak = await choose(link, 'short');
    expect(weak.status).toBe(400);
    expect(textOf(await choose(link))).toContain('Your password was changed');
    expect(textOf(await open(signedIn, '/login'))).not.toContain('You are signed in');
    expect((await signIn(email, PASSWORD)).status).toBe(401);
    expect(textOf(await signIn(email, NEXT))).toContain('You are signed in');
    expect((await open(browserOf(), link)).status).toBe(404);
    expect((await lettersTo(auth, email)).at(-1)).toMatchObject({
      subject: 'Your password was changed',
    });
    // Who read the letter reads the mailbox.
    const { rows } = await auth.admin.pool.query(
      'select email_verified_at is not null as verified from user_account where email = $1',
      [email],
    );
    expect(rows).toEqual([{ verified: true }]);
  });

  test('voids the other links that were sent, and two who use one link at once are one', async () => {
    const email = await signUp(auth);
    await forgot(email);
    const first = linkIn(await resetLetter(email), '/login/reset');
    await forgot(email);
    const second = linkIn(await resetLetter(email, 2), '/login/reset');
    const pages = await Promise.all([choose(second), choose(second, `${NEXT} too`)]);
    expect(pages.map(({ status }) => status).sort()).toEqual([200, 404]);
    expect((await open(browserOf(), first)).status).toBe(404);
  });

  test('does not take the second factor away: the new password alone signs nobody in', async () => {
    const email = await signUp(auth);
    const { id } = (await findUserByEmail(auth.db, email))!;
    await auth.admin.pool.query(
      "insert into totp_factor (user_id, sealed_secret, last_step) values ($1, '', 0)",
      [id],
    );
    await auth.admin.pool.query('update user_account set email_verified_at = now() where id = $1', [
      id,
    ]);
    await forgot(email);
    expect(textOf(await choose(linkIn(await resetLetter(email), '/login/reset')))).toContain(
      'Your password was changed',
    );
    const asked = await signIn(email, NEXT);
    expect(new URL(asked.url).pathname).toBe('/login/second-factor');
    expect(textOf(asked)).not.toContain('You are signed in');
  });

  test('leaves nothing to who signed up with somebody else’s address and waited', async () => {
    const email = await signUp(auth);
    const { id } = (await findUserByEmail(auth.db, email))!;
    for (const sql of [
      "insert into totp_factor (user_id, sealed_secret, last_step) values ($1, '', 0)",
      "insert into recovery_code (user_id, code_hash) values ($1, 'x')",
      "insert into passkey (id, user_id, credential_id, public_key, counter, synced, backed_up, name) values ('pak_' || $1, $1, $1, '', 0, false, false, 'theirs')",
      `insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes)
       select tenant_id, 'key_' || $1, id, 'theirs', '', '{mcp:read}' from member where user_id = $1`,
      `insert into oauth_grant (tenant_id, id, member_id, client_id, client_name, redirect_host, scopes, resource)
       select tenant_id, 'grt_' || $1, id, 'theirs', 'Theirs', 'localhost', '{mcp:read}', '' from member where user_id = $1`,
    ])
      await auth.admin.pool.query(sql, [id]);
    await forgot(email);
    const done = await choose(linkIn(await resetLetter(email), '/login/reset'));
    expect(textOf(done)).toContain('apps, API keys and second steps were taken away');
    expect(textOf(await signIn(email, NEXT))).toContain('You are signed in');
    const { rows } = await auth.admin.pool.query(
      `select (select count(*) from api_key where id = 'key_' || $1 and revoked_at is null)
            + (select count(*) from oauth_grant where id = 'grt_' || $1 and revoked_at is null) + (select count(*) from passkey where user_id = $1) + (select count(*) from totp_factor where user_id = $1)
            + (select count(*) from recovery_code where user_id = $1) as left`,
      [id],
    );
    expect(Number(rows[0].left)).toBe(0);
    const told = await auth.admin.pool.query(
      "select record->>'action' as action from audit_outbox where record->>'keyId' = 'key_' || $1 or record->>'grantId' = 'grt_' || $1 order by 1",
      [id],
    );
    expect(told.rows).toEqual([{ action: 'api-key.revoke' }, { action: 'grant.revoke' }]);
  });

  test('ends a sign-in under way that the old password had begun', async () => {
    const email = await signUp(auth);
    const client = await register(auth);
    const { url } = await authorization(client);
    const thief = browserOf();
    const login = formTo(await open(thief, url.href), '/login');
    // The password was right; the way back to the authorization is not gone yet.
    const body = new URLSearchParams(login.fields);
    body.set('email', email);
    body.set('password', PASSWORD);
    const answered = await fetch(login.action, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: thief.jar.header() },
      body,
    });
    const resume = answered.headers.get('location')!;
    expect(resume).toContain('/oauth2/authorize/');
    await forgot(email);
    await choose(linkIn(await resetLetter(email), '/login/reset'));
    const page = await thief.open(resume);
    expect('status' in page && page.status).toBe(400);
    expect(textOf(await open(thief, '/login'))).not.toContain('You are signed in');
  });

  test('ends a sign-in that waits for its second factor', async () => {
    const email = await signUp(auth);
    const { id } = (await findUserByEmail(auth.db, email))!;
    await auth.admin.pool.query(
      "insert into totp_factor (user_id, sealed_secret, last_step) values ($1, '', 0)",
      [id],
    );
    const thief = browserOf();
    const asked = await signIn(email, PASSWORD, thief);
    expect(new URL(asked.url).pathname).toBe('/login/second-factor');
    await forgot(email);
    await choose(linkIn(await resetLetter(email), '/login/reset'));
    expect(textOf(await open(thief, '/login/second-factor'))).toContain('Sign in again');
  });

  test('is given to who was invited and never had one', async () => {
    const email = `invited-${Date.now()}@example.com`;
    await auth.admin.pool.query("select account_for_member($1, 'usr_invited')", [email]);
    await forgot(email);
    await choose(linkIn(await resetLetter(email), '/login/reset'));
    expect((await signIn(email, NEXT)).status).toBe(200);
  });
});

describe('who asks for a letter', () => {
  test('is told the same whether there is an account or not, and nobody unknown is written to', async () => {
    const email = await signUp(auth);
    const known = await forgot(email);
    const unknown = await forgot(`x${email}`);
    expect(known.status).toBe(200);
    expect(textOf(unknown).replace(`x${email}`, email)).toBe(textOf(known));
    await resetLetter(email);
    expect(await lettersTo(auth, `x${email}`)).toEqual([]);
  });

  test('waits for nothing that depends on the account: the answer is there before the letter', async () => {
    const email = await signUp(auth);
    const lock = await auth.admin.pool.connect();
    try {
      // Whatever is written for an account has to wait; the answer does not.
      await lock.query('begin');
      await lock.query('lock table mail_outbox, mailed_link in access exclusive mode');
      expect(textOf(await forgot(email))).toContain('Look into your mailbox');
    } finally {
      await lock.query('rollback');
      lock.release();
    }
    await resetLetter(email);
  });

  test('fills nobody’s mailbox, and keeps its owner from nothing', async () => {
    const email = await signUp(auth);
    for (let n = 0; n < 6; n++) expect((await forgot(email)).status).toBe(200);
    const letters = await vi.waitFor(async () => {
      const sent = await resets(email);
      expect(sent).toHaveLength(3);
      return sent;
    });
    // All that were sent still open the account, and so does the password.
    expect((await signIn(email, PASSWORD)).status).toBe(200);
    await choose(linkIn(letters[0], '/login/reset'));
    expect((await signIn(email, NEXT)).status).toBe(200);
    expect(await resets(email)).toHaveLength(3);
  });

  test('cannot have a link open an account that has another address by now', async () => {
    const email = await signUp(auth);
    await forgot(email);
    const link = linkIn(await resetLetter(email), '/login/reset');
    const user = await findUserByEmail(auth.db, email);
    await auth.admin.pool.query('update user_account set email = $2 where id = $1', [
      user!.id,
      `moved-${email}`,
    ]);
    expect((await choose(link)).status).toBe(404);
    expect((await signIn(`moved-${email}`, PASSWORD)).status).toBe(200);
  });

  test('is told when this installation sends no letters, and which setting is missing', async () => {
    const off = await startAuth();
    try {
      const page = stayed(await new FormBrowser(off.origin).open('/login/forgot'));
      expect(page.status).toBe(503);
      expect(textOf(page)).toContain('SMTP_URL is not set');
      const ready = await fetch(`${off.origin}/readyz`);
      expect(await ready.json()).toEqual({ status: 'ready', mail: 'off' });
    } finally {
      await off.stop();
    }
  });
});
