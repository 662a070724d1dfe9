import { FormBrowser, type Page } from '@conducktor/oauth-client';
import { openMail } from '@conducktor/mail';
import { deriveKey } from '@conducktor/runtime';
import { createVault } from '@conducktor/vault';
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accountKey } from '../src/accounts/limits.js';
import { newTotpSecret, stepOf } from '../src/accounts/second-factor/totp.js';
import {
  authorization,
  formTo,
  left,
  PASSWORD,
  register,
  signUp,
  startAuth,
  stayed,
  textOf,
  type AuthService,
} from './harness.js';

let auth: AuthService;
beforeAll(async () => {
  auth = await startAuth();
});
afterAll(() => auth.stop());

const SECURITY = '/account/security';
const codeOf = (secret: string, at = Date.now()) =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: at });
const wrongCode = (secret: string) => {
  const near = [-2, -1, 0, 1, 2].map((step) => codeOf(secret, Date.now() + step * 30_000));
  return ['000000', '111111', '222222', '333333', '444444', '555555'].find(
    (c) => !near.includes(c),
  )!;
};

/** Sets up an authenticator app by the page. The step of the code that did it is used up. */
async function setUpTotp(browser: FormBrowser): Promise<{ secret: string; codes: string[] }> {
  const setup = stayed(await browser.open(`${SECURITY}/authenticator`));
  const secret = /<code>([A-Z2-7 ]{32,})<\/code>/.exec(setup.html)![1]!.replaceAll(' ', '');
  const form = formTo(setup, `${SECURITY}/authenticator`);
  const done = stayed(await browser.submit(form, { code: codeOf(secret) }));
  expect(textOf(done)).toContain('Your recovery codes');
  return { secret, codes: recoveryCodes(done) };
}

const recoveryCodes = (page: Page) =>
  [...page.html.matchAll(/<code>([0-9a-z]{4}(?:-[0-9a-z]{4}){3})<\/code>/g)].map((m) => m[1]!);

async function givePassword(email: string, browser = new FormBrowser(auth.origin)): Promise<Page> {
  const page = stayed(await browser.open('/login'));
  return stayed(await browser.submit(formTo(page, '/login'), { email, password: PASSWORD }));
}

const formWith = (page: Page, kind: string) =>
  page.forms.find(({ fields }) =>
    fields.some(([name, value]) => name === 'with' && value === kind),
  )!;

const giveCode = async (browser: FormBrowser, page: Page, code: string) =>
  browser.submit(formWith(page, 'code'), { code });

const sessionsOf = async (email: string) =>
  (
    await auth.admin.pool.query(
      `select p.uid, p.payload -> 'amr' as amr from oidc_payload p join user_account u on u.id = p.payload ->> 'accountId'
        where p.kind = 'Session' and lower(u.email) = $1 order by (p.payload ->> 'iat')::bigint desc`,
      [email],
    )
  ).rows as { uid: string; amr: string[] }[];

/** Subjects and texts of the letters to this address. */
async function lettersTo(email: string): Promise<string[]> {
  const vault = createVault({ kek: deriveKey(auth.config.SECRET_KEY, 'kek'), db: auth.db });
  const { rows } = await auth.admin.pool.query<{ id: string; sealed: Buffer }>(
    'select id, sealed from mail_outbox where sealed is not null order by created_at',
  );
  return rows
    .map((row) => openMail(vault.openForInstall, row))
    .filter(({ to }) => to === email)
    .map(({ subject, text }) => `${subject}\n${text}`);
}

/** Steps of thirty seconds go by for the app's stored state, not for the test. */
const forgetUsedStep = (email: string) =>
  auth.admin.pool.query(
    `update totp_factor set last_step = 0 where user_id = (select id from user_account where email = $1)`,
    [email],
  );

describe('with an authenticator app', () => {
  test('the password alone signs nobody in; password and code do', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    const { secret } = await setUpTotp(owner);
    await forgetUsedStep(email);
    const before = await sessionsOf(email);

    const browser = new FormBrowser(auth.origin);
    const asked = await givePassword(email, browser);
    expect(new URL(asked.url).pathname).toBe('/login/second-factor');
    expect(await sessionsOf(email)).toEqual(before);
    expect(textOf(stayed(await browser.open('/login')))).toContain('Sign in');
    expect(textOf(stayed(await browser.open(SECURITY)))).not.toContain('Security');

    const wrong = stayed(await giveCode(browser, asked, wrongCode(secret)));
    expect(wrong.status).toBe(401);
    expect(textOf(wrong)).toContain('That code is wrong');
    const done = stayed(await giveCode(browser, wrong, codeOf(secret)));
    expect(textOf(done)).toContain('You are signed in');
    expect(await sessionsOf(email)).toHaveLength(before.length + 1);
    expect((await sessionsOf(email)).map(({ amr }) => amr)).toContainEqual(['pwd', 'otp', 'mfa']);
    // Told the person when it was set up; the secret is in no row.
    expect(await lettersTo(email)).toContainEqual(
      expect.stringContaining('an authenticator app was added'),
    );
    const { rows } = await auth.admin.pool.query('select sealed_secret from totp_factor');
    for (const row of rows) expect(row.sealed_secret.toString('latin1')).not.toContain(secret);
  });

  test('a browser in which only the password was ever given guesses codes as a stranger', async () => {
    const [owner, intruder] = [new FormBrowser(auth.origin), new FormBrowser(auth.origin)];
    const email = await signUp(auth, owner);
    expect(textOf(await givePassword(email, intruder))).toContain('You are signed in');
    const { secret } = await setUpTotp(owner);
    await auth.admin.pool.query(
      "delete from oidc_payload where kind = 'Session' and payload ->> 'accountId' = (select id from user_account where email = $1)",
      [email],
    );
    // Strangers have had theirs.
    await auth.admin.pool.query(
      "insert into attempt_limit (key, whole_at) values ($1, now() + interval '10 hours')",
      [accountKey('code', email)],
    );
    const asked = await givePassword(email, intruder);
    expect(stayed(await giveCode(intruder, asked, wrongCode(secret))).status).toBe(429);
  });

  test('a client gets no code before the second factor', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    const { secret } = await setUpTotp(owner);
    await forgetUsedStep(email);
    const request = await authorization(await register(auth));
    const browser = new FormBrowser(auth.origin);
    const login = stayed(await browser.open(request.url.href));
    const asked = stayed(
      await browser.submit(formTo(login, '/login'), { email, password: PASSWORD }),
    );
    expect(new URL(asked.url).pathname).toBe('/login/second-factor');
    const { flow } = Object.fromEntries(new URL(asked.url).searchParams);
    // Neither the consent page, nor the way back into the authorization, opens without it.
    expect(stayed(await browser.open(`/consent?flow=${flow}`)).status).toBe(400);
    const resumed = await browser.open(`/oauth2/authorize/${flow}`);
    expect('leftFor' in resumed ? resumed.leftFor.searchParams.get('code') : undefined).toBeFalsy();

    const again = stayed(await browser.open(request.url.href));
    const second = stayed(
      await browser.submit(formTo(again, '/login'), { email, password: PASSWORD }),
    );
    const consent = stayed(await giveCode(browser, second, codeOf(secret)));
    expect(textOf(consent)).toContain('Connect Test client?');
    const answer = left(await browser.submit(formTo(consent, '/consent'), { decision: 'allow' }));
    expect(answer.searchParams.get('code')).toBeTruthy();
  });

  test('a code works once, also when it is sent twice at the same moment', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    const { secret } = await setUpTotp(owner);
    await forgetUsedStep(email);
    const code = codeOf(secret);
    const browsers = Array.from({ length: 4 }, () => new FormBrowser(auth.origin));
    const asked = await Promise.all(browsers.map((browser) => givePassword(email, browser)));
    const answers = await Promise.all(
      browsers.map(async (browser, i) => stayed(await giveCode(browser, asked[i]!, code))),
    );
    expect(answers.filter((page) => textOf(page).includes('You are signed in'))).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(3);
  });

  test('a code of the step before or after is taken, an older or a later one is not', () => {
    const secret = newTotpSecret();
    const now = Date.UTC(2026, 10, 21, 12, 0, 15);
    const taken = [-60, -30, 0, 30, 60].map(
      (seconds) => stepOf(secret, codeOf(secret, now + seconds * 1000), now) !== undefined,
    );
    expect(taken).toEqual([false, true, true, true, false]);
    const [step, next] = [0, 30_000].map((ms) => stepOf(secret, codeOf(secret, now + ms), now)!);
    expect(next).toBe(step! + 1);
    // RFC 6238, appendix B: the last six of its eight digits.
    const published = new Secret({
      buffer: new TextEncoder().encode('12345678901234567890').buffer,
    });
    expect(stepOf(published.base32, '287 082', 59_000)).toBe(1);
  });

  test('a leaked password lets nobody guess codes, and does not stop the owner’s browser', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    const { secret } = await setUpTotp(owner);
    await forgetUsedStep(email);
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++) {
      const browser = new FormBrowser(auth.origin);
      const asked = await givePassword(email, browser);
      statuses.push(stayed(await giveCode(browser, asked, wrongCode(secret))).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    // Told once, however many there were.
    const told = (await lettersTo(email)).filter((text) => text.includes('may know your password'));
    expect(told).toHaveLength(1);
    // The right code does not help a stranger either.
    const stranger = new FormBrowser(auth.origin);
    const asked = await givePassword(email, stranger);
    expect(stayed(await giveCode(stranger, asked, codeOf(secret))).status).toBe(429);
    const out = stayed(await owner.open('/oauth2/logout'));
    await owner.submit(out.forms[0]!, { logout: 'yes' });
    const own = await givePassword(email, owner);
    expect(textOf(stayed(await giveCode(owner, own, codeOf(secret))))).toContain(
      'You are signed in',
    );
  });

  test('the second step belongs to the browser that gave the password, and ends with it', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    const { secret } = await setUpTotp(owner);
    await forgetUsedStep(email);
    const browser = new FormBrowser(auth.origin);
    const asked = await givePassword(email, browser);
    const other = new FormBrowser(auth.origin);
    await other.open('/login');
    expect(stayed(await other.open('/login/second-factor')).status).toBe(400);
    expect(stayed(await giveCode(other, asked, codeOf(secret))).status).toBe(400);
    const cancelled = stayed(await browser.submit(asked.forms.at(-1)!, { decision: 'cancel' }));
    expect(new URL(cancelled.url).pathname).toBe('/login');
    expect(stayed(await giveCode(browser, asked, codeOf(secret))).status).toBe(400);
  });

  test('a changed password ends second steps and sessions of others', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    const other = new FormBrowser(auth.origin);
    await givePassword(email, other);
    const { secret } = await setUpTotp(owner);
    await forgetUsedStep(email);
    const thief = new FormBrowser(auth.origin);
    const asked = await givePassword(email, thief);
    const page = stayed(await owner.open(SECURITY));
    const form = formTo(page, `${SECURITY}/password`);
    const wrong = await owner.submit(form, { current: 'not it', password: 'a wholly new one' });
    expect(textOf(stayed(wrong))).toContain('current password is wrong');
    const common = await owner.submit(form, { current: PASSWORD, password: 'password1234' });
    expect(textOf(stayed(common))).toContain('among the first that an attacker tries');
    const named = await owner.submit(form, { current: PASSWORD, password: 'acme-forever-2026' });
    expect(textOf(stayed(named))).toContain('without your name');
    const done = await owner.submit(form, { current: PASSWORD, password: 'a wholly new one' });
    expect(textOf(stayed(done))).toContain('Your password was changed');
    expect(await sessionsOf(email)).toHaveLength(1);
    expect(textOf(stayed(await other.open('/login')))).not.toContain(email);
    expect(stayed(await giveCode(thief, asked, codeOf(secret))).status).toBe(400);
    expect(await lettersTo(email)).toContainEqual(
      expect.stringContaining('Your password was changed'),
    );
  });
});

describe('recovery codes', () => {
  test('sign in once each, however typed; new ones void the old', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    const { codes } = await setUpTotp(owner);
    expect(new Set(codes).size).toBe(10);
    const use = async (code: string) => {
      const browser = new FormBrowser(auth.origin);
      const asked = await givePassword(email, browser);
      return stayed(await browser.submit(formWith(asked, 'recovery'), { recovery: code }));
    };
    expect(textOf(await use(` ${codes[0]!.toUpperCase().replaceAll('-', ' ')} `))).toContain(
      'You are signed in',
    );
    expect((await use(codes[0]!)).status).toBe(401);
    expect(textOf(stayed(await owner.open(SECURITY)))).toContain('9 of 10 left');
    const page = stayed(await owner.open(SECURITY));
    const fresh = stayed(await owner.submit(formTo(page, `${SECURITY}/recovery-codes`), {}));
    expect(recoveryCodes(fresh)).toHaveLength(10);
    expect((await use(codes[1]!)).status).toBe(401);
    expect(textOf(await use(recoveryCodes(fresh)[1]!))).toContain('You are signed in');
    const { rows } = await auth.admin.pool.query('select code_hash from recovery_code');
    for (const row of rows) expect(row.code_hash).toHaveLength(32);
  });
});

describe('what counts', () => {
  test('takes no consent for a proof, on a page that was left open', async () => {
    const email = await signUp(auth);
    const browser = new FormBrowser(auth.origin);
    const login = stayed(await browser.open((await authorization(await register(auth))).url.href));
    const consent = stayed(
      await browser.submit(formTo(login, '/login'), { email, password: PASSWORD }),
    );
    const then = Math.floor(Date.now() / 1000) - 700;
    await auth.admin.pool.query(
      `update oidc_payload set payload = case kind
           when 'Session' then jsonb_set(payload, '{loginTs}', $2::jsonb)
           else jsonb_set(payload, '{lastSubmission,login,ts}', $2::jsonb, false) end
        where (select id from user_account where email = $1)
           in (payload ->> 'accountId', payload -> 'lastSubmission' -> 'login' ->> 'accountId')`,
      [email, String(then)],
    );
    left(await browser.submit(formTo(consent, '/consent'), { decision: 'allow' }));
    const asked = stayed(await browser.open(`${SECURITY}/authenticator`));
    expect(new URL(asked.url).pathname).toBe(`${SECURITY}/confirm`);
  });

  test('asks for a proof when the sign-in is older than ten minutes', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    await setUpTotp(owner);
    await auth.admin.pool.query(
      `update oidc_payload set payload = payload || jsonb_build_object('loginTs', extract(epoch from now())::bigint - 700)
        where kind = 'Session' and payload ->> 'accountId' = (select id from user_account where email = $1)`,
      [email],
    );
    const page = stayed(await owner.open(SECURITY));
    const remove = `${SECURITY}/authenticator/remove`;
    const asked = stayed(await owner.submit(formTo(page, remove), {}));
    expect(new URL(asked.url).pathname).toBe(`${SECURITY}/confirm`);
    expect(stayed(await owner.open(`${SECURITY}/passkey`)).url).toContain('/confirm?next=passkey');
    const wrong = stayed(await owner.submit(formWith(asked, 'password'), { current: 'not it' }));
    expect(wrong.status).toBe(401);
    await owner.submit(formWith(wrong, 'password'), { current: PASSWORD });
    const done = stayed(await owner.submit(formTo(page, remove), {}));
    expect(textOf(done)).toContain('The authenticator app was removed.');
    expect(await lettersTo(email)).toContainEqual(expect.stringContaining('was removed from'));
    // Recovery codes went with it; the password suffices again.
    expect(textOf(await givePassword(email))).toContain('You are signed in');
    const { rows } = await auth.admin.pool.query(
      'select 1 from recovery_code r join user_account u on u.id = r.user_id where u.email = $1',
      [email],
    );
    expect(rows).toEqual([]);
  });

  test('takes a form of this person and browser', async () => {
    const owner = new FormBrowser(auth.origin);
    await signUp(auth, owner);
    const other = new FormBrowser(auth.origin);
    await signUp(auth, other);
    const foreign = formTo(stayed(await other.open(SECURITY)), `${SECURITY}/password`);
    const refused = await owner.submit(foreign, {
      current: PASSWORD,
      password: 'a wholly new one',
    });
    expect(stayed(refused).status).toBe(400);
    expect(stayed(await new FormBrowser(auth.origin).open(SECURITY)).url).toMatch(/\/login$/);
  });

  test('signing out everywhere else leaves this browser, and one other can be ended alone', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    const others = [
      new FormBrowser(auth.origin),
      new FormBrowser(auth.origin),
      new FormBrowser(auth.origin),
    ];
    for (const other of others) await givePassword(email, other);
    const page = stayed(await owner.open(SECURITY));
    const ends = page.forms.filter(({ action }) => action.endsWith('/sessions/end'));
    expect(ends).toHaveLength(4);
    await owner.submit(ends[0]!, {});
    expect(await sessionsOf(email)).toHaveLength(3);
    await owner.submit(ends.at(-1)!, {});
    expect(await sessionsOf(email)).toHaveLength(1);
    expect(textOf(stayed(await owner.open('/login')))).toContain(email);
  });
});
