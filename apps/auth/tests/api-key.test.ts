import { FormBrowser, type Page } from '@conducktor/oauth-client';
import { createVerifier } from '@conducktor/identity';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formTo, signUp, startAuth, stayed, textOf, type AuthService } from './harness.js';

const PATH = '/login/api-key';
const KEY = /ck_[0-9A-Za-z]{22}_[0-9A-Za-z_-]{43}/;
const WISH = { name: 'ci', 'scope-mcp:read': 'yes', 'scope-admin': 'yes' };

let auth: AuthService;
beforeAll(async () => {
  auth = await startAuth();
});
afterAll(() => auth.stop());

async function signedUp() {
  const browser = new FormBrowser(auth.origin);
  const email = await signUp(auth, browser);
  const { rows } = await auth.admin.pool.query<{ tenantId: string; memberId: string }>(
    'select tenant_id as "tenantId", id as "memberId" from member where email = $1',
    [email],
  );
  return { browser, email, ...rows[0]! };
}
const home = async (browser: FormBrowser) => stayed(await browser.open('/login'));
const ask = async (browser: FormBrowser, page: Page, fields: Record<string, string>) =>
  stayed(await browser.submit(formTo(page, PATH), fields));
const keysOf = async (memberId: string) =>
  (await auth.admin.pool.query('select name, scopes from api_key where member_id = $1', [memberId]))
    .rows;

describe('who signed up', () => {
  test('makes a key on the signed-in page that works, is shown once and recorded', async () => {
    const person = await signedUp();
    const page = await ask(person.browser, await home(person.browser), WISH);
    const [key] = KEY.exec(page.html)!;
    const verifier = createVerifier({ db: auth.admin, publicUrl: auth.origin });
    expect(await verifier.verifyApiKey(key)).toMatchObject({
      tenantId: person.tenantId,
      memberId: person.memberId,
      scopes: ['mcp:read', 'admin'],
    });
    expect((await home(person.browser)).html).not.toMatch(KEY);
    const { rows } = await auth.admin.pool.query(
      "select record, record::text as text from audit_outbox where tenant_id = $1 and record->>'action' = 'api-key.create'",
      [person.tenantId],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0].record).toMatchObject({
      memberId: person.memberId,
      actor: person.email,
      subject: person.memberId,
      name: 'ci',
      scopes: ['mcp:read', 'admin'],
    });
    expect(rows[0].text).not.toContain(key.slice(-43));
  });

  test('gets the key on a page that nobody keeps', async () => {
    const { browser } = await signedUp();
    const form = formTo(await home(browser), PATH);
    const response = await fetch(form.action, {
      method: 'POST',
      headers: {
        cookie: browser.jar.header(),
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ ...Object.fromEntries(form.fields), ...WISH }),
    });
    expect(await response.text()).toMatch(KEY);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(textOf(stayed(await browser.open(PATH)))).toContain('You are signed in');
  });

  test('is told what is missing, and no key is made', async () => {
    const { browser, memberId } = await signedUp();
    const page = await home(browser);
    const unnamed = await ask(browser, page, { ...WISH, name: ' ' });
    const useless = await ask(browser, page, { name: 'ci' });
    expect(textOf(unnamed)).toContain('Enter a name for the key.');
    expect(textOf(useless)).toContain('Choose what the key may do.');
    expect([unnamed.status, useless.status]).toEqual([400, 400]);
    expect(await keysOf(memberId)).toEqual([]);
  });

  test('has at most 20 keys, also when asking at once; revoked ones do not count', async () => {
    const { browser, memberId } = await signedUp();
    const page = await home(browser);
    const answers = await Promise.all(Array.from({ length: 23 }, () => ask(browser, page, WISH)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(3);
    expect(await keysOf(memberId)).toHaveLength(20);
    await auth.admin.pool.query(
      'update api_key set revoked_at = now() where id = (select id from api_key where member_id = $1 limit 1)',
      [memberId],
    );
    expect((await ask(browser, page, WISH)).status).toBe(200);
    expect((await ask(browser, page, WISH)).status).toBe(409);
  });
});

describe('no key is made', () => {
  test('for a plain member, who is offered none', async () => {
    const { browser, memberId } = await signedUp();
    const page = await home(browser);
    await auth.admin.pool.query("update member set roles = '{member,auditor}' where id = $1", [
      memberId,
    ]);
    expect((await home(browser)).forms).toEqual([]);
    expect((await ask(browser, page, WISH)).status).toBe(403);
    expect(await keysOf(memberId)).toEqual([]);
    await auth.admin.pool.query("update member set roles = '{admin}' where id = $1", [memberId]);
    expect((await ask(browser, page, WISH)).status).toBe(200);
  });

  test('in a workspace of others, or where the membership is not accepted', async () => {
    const [person, other] = [await signedUp(), await signedUp()];
    const page = await home(person.browser);
    const foreign = await ask(person.browser, page, { ...WISH, workspace: other.tenantId });
    expect(foreign.status).toBe(403);
    expect(await keysOf(other.memberId)).toEqual([]);
    await auth.admin.pool.query('update member set accepted_at = null where id = $1', [
      person.memberId,
    ]);
    expect((await ask(person.browser, page, WISH)).status).toBe(403);
    expect(await keysOf(person.memberId)).toEqual([]);
  });

  test('by a form of another browser, account or origin, or without a session', async () => {
    const [person, other] = [await signedUp(), await signedUp()];
    const form = formTo(await home(person.browser), PATH);
    const theirs = stayed(await other.browser.submit(form, WISH));
    const nobody = stayed(await new FormBrowser(auth.origin).submit(form, WISH));
    const forged = stayed(await person.browser.submit(form, { ...WISH, csrf: 'x' }));
    for (const page of [theirs, nobody, forged]) expect(page.status).toBe(400);
    for (const { memberId } of [person, other]) expect(await keysOf(memberId)).toEqual([]);
  });
});
