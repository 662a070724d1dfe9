import { randomBytes } from 'node:crypto';
import { findUserByEmail, insertMailedLink } from '@conducktor/db';
import { mintInvitation } from '@conducktor/identity';
import { FormBrowser } from '@conducktor/oauth-client';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createAttempts } from '../src/accounts/attempts.js';
import { accountKey } from '../src/accounts/limits.js';
import { createPasswords } from '../src/accounts/passwords.js';
import { signIn } from '../src/accounts/sign-in.js';
import {
  formTo,
  PASSWORD,
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

/** Sends the sign-in form; by a browser of its own unless told. */
async function attempt(
  email: string,
  password: string,
  browser = new FormBrowser(auth.origin),
): Promise<{ status: number; text: string }> {
  // Whoever is signed in sees no form; the browser stays known.
  const cookies = browser.jar.header().split('; ');
  for (const [name] of cookies.map((cookie) => cookie.split('=')))
    if (/_session(\.sig)?$/.test(name!)) await forget(browser, name!);
  const page = stayed(await browser.open('/login'));
  const answer = stayed(await browser.submit(formTo(page, '/login'), { email, password }));
  return { status: answer.status, text: textOf(answer) };
}

async function forget(browser: FormBrowser, name: string): Promise<void> {
  browser.jar.store(new Response(null, { headers: { 'set-cookie': `${name}=; Max-Age=0` } }));
}

/** Wrong passwords, each from an address of its own, many at once; returns how many were looked at. */
async function attack(email: string, guesses: number): Promise<number> {
  const deps = {
    db: auth.db,
    passwords: createPasswords(),
    attempts: createAttempts({ db: auth.db, slowedByMs: 1 }),
  };
  let looked = 0;
  for (let sent = 0; sent < guesses; sent += 50) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        signIn(deps, {
          email,
          password: `wrong number ${sent + i}`,
          ip: `10.9.${Math.floor((sent + i) / 250)}.${(sent + i) % 250}`,
          knownAs: () => undefined,
        }),
      ),
    );
    looked += answers.filter(({ outcome }) => outcome !== 'limited').length;
  }
  return looked;
}

describe('whoever guesses passwords', () => {
  test('from 1,000 addresses gets ten looked at, and never stops the owner’s known browser', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    expect(await attack(email, 1_000)).toBe(10);
    // Another browser is a stranger, even with the right password; the owner's is not.
    expect((await attempt(email, PASSWORD)).status).toBe(429);
    expect((await attempt(email, 'a slip of the finger', owner)).status).toBe(401);
    expect((await attempt(email, PASSWORD, owner)).status).toBe(200);
    await auth.restart();
    expect(await attack(email, 50)).toBe(0);
    expect((await attempt(email, PASSWORD)).status).toBe(429);
    expect((await attempt(email, PASSWORD, owner)).status).toBe(200);
    // Other accounts are not affected.
    expect((await attempt(await signUp(auth), PASSWORD)).status).toBe(200);
  }, 60_000);

  test('of an account that does not exist is limited and told the same', async () => {
    const email = await signUp(auth);
    const nobody = `${randomBytes(6).toString('hex')}@example.com`;
    expect(await attack(email, 50)).toBe(10);
    expect(await attack(nobody, 50)).toBe(10);
    const [one, other] = [await attempt(email, 'x'), await attempt(nobody, 'x')];
    expect([one.status, other.status]).toEqual([429, 429]);
    const plain = ({ text }: { text: string }) => text.replace(/\d+ (seconds|minutes)/, '');
    expect(plain(one)).toBe(plain(other));
    expect(one.text).toContain('in a browser in which you signed in before');
  });

  test('gets no more guesses by the owner’s signing in', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    expect(await attack(email, 50)).toBe(10);
    expect((await attempt(email, PASSWORD, owner)).status).toBe(200);
    expect(await attack(email, 50)).toBe(0);
  });

  test('in parallel over the form gets ten', async () => {
    const email = await signUp(auth);
    const answers = await Promise.all(
      Array.from({ length: 14 }, (_, i) => attempt(email, `wrong number ${i}`)),
    );
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
  });

  test('does not keep the owner from a reset by mail, and from signing in where it was done', async () => {
    const email = await signUp(auth);
    await attack(email, 50);
    const { token, tokenHash } = mintInvitation();
    const user = (await findUserByEmail(auth.db, email))!;
    const link = { kind: 'reset', userId: user.id, email, tokenHash, hours: 1 } as const;
    await insertMailedLink(auth.db.pool, link);
    const browser = new FormBrowser(auth.origin);
    const page = stayed(await browser.open(`/login/reset?token=${token}`));
    const password = 'another long password';
    await browser.submit(formTo(page, '/login/reset'), { password });
    expect(await attack(email, 50)).toBeLessThanOrEqual(10);
    expect((await attempt(email, password)).status).toBe(429);
    expect((await attempt(email, password, browser)).status).toBe(200);
  });

  test('for one account at one address stops nobody who was there before', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    const attempts = createAttempts({ db: auth.db });
    const spray = { what: 'password', ip: '127.0.0.1', known: undefined } as const;
    for (let i = 0; i < 110; i++) await attempts.take({ ...spray, email: `p${i}@example.com` });
    expect((await attempt(await signUp(auth), PASSWORD)).status).toBe(429);
    expect((await attempt(email, PASSWORD, owner)).status).toBe(200);
  });

  test('does not sign in with a password that was changed while they waited', async () => {
    const email = await signUp(auth);
    await auth.admin.pool.query(
      `insert into attempt_limit (key, whole_at) values ('sign-in/everybody', now() + interval '1 hour')
       on conflict (key) do update set whole_at = excluded.whole_at`,
    );
    const deps = {
      db: auth.db,
      passwords: createPasswords(),
      attempts: createAttempts({ db: auth.db, slowedByMs: 500 }),
    };
    const who = { email, password: PASSWORD, ip: '10.8.0.2', knownAs: () => undefined };
    const waiting = signIn(deps, who);
    // Counted: from here on it waits.
    await vi.waitFor(async () => {
      const key = accountKey('password', email);
      const counted = await auth.admin.pool.query('select from attempt_limit where key = $1', [
        key,
      ]);
      expect(counted.rowCount).toBe(1);
    });
    await auth.admin.pool.query(
      "update user_account set password_hash = password_hash || 'x' where email = $1",
      [email],
    );
    expect(await waiting).toEqual({ outcome: 'wrong' });
    await auth.admin.pool.query("delete from attempt_limit where key = 'sign-in/everybody'");
  });

  test('against all accounts at once waits, and lets nobody else wait', async () => {
    await auth.admin.pool.query(
      `insert into attempt_limit (key, whole_at) values ('sign-in/everybody', now() + interval '1 hour')
       on conflict (key) do update set whole_at = excluded.whole_at`,
    );
    const attempts = createAttempts({ db: auth.db, slowedByMs: 300 });
    const ip = '10.8.0.1';
    const start = performance.now();
    const stranger = attempts.take({
      what: 'password',
      email: 'a@example.com',
      ip,
      known: undefined,
    });
    const known = { userId: 'usr_x', browser: 'one' };
    await attempts.take({ what: 'password', email: 'b@example.com', ip, known });
    expect(performance.now() - start).toBeLessThan(300);
    expect(await stranger).toHaveProperty('right');
    expect(performance.now() - start).toBeGreaterThanOrEqual(295);
    await auth.admin.pool.query("delete from attempt_limit where key = 'sign-in/everybody'");
  });
});

describe('a browser that an account was signed in with', () => {
  test('has ten wrong passwords of its own', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    for (let i = 0; i < 10; i++)
      expect((await attempt(email, `wrong ${i}`, owner)).status).toBe(401);
    expect((await attempt(email, PASSWORD, owner)).status).toBe(429);
  });

  test('is a stranger to every other account', async () => {
    const attacker = new FormBrowser(auth.origin);
    await signUp(auth, attacker);
    const email = await signUp(auth);
    await attack(email, 50);
    expect((await attempt(email, PASSWORD, attacker)).status).toBe(429);
  });

  test('is a stranger again when the password was changed', async () => {
    const [owner, intruder] = [new FormBrowser(auth.origin), new FormBrowser(auth.origin)];
    const email = await signUp(auth, owner);
    await auth.admin.pool.query("delete from attempt_limit where key like 'sign-in/address/%'");
    expect((await attempt(email, PASSWORD, intruder)).status).toBe(200);
    const page = stayed(await owner.open('/account/security'));
    const password = 'another long password';
    const fields = { current: PASSWORD, password };
    const changed = stayed(await owner.submit(formTo(page, '/account/security/password'), fields));
    expect(textOf(changed)).toContain('Your password was changed');
    await attack(email, 50);
    expect((await attempt(email, password, intruder)).status).toBe(429);
    expect((await attempt(email, password, owner)).status).toBe(200);
  });

  test('cannot be made up', async () => {
    const owner = new FormBrowser(auth.origin);
    const email = await signUp(auth, owner);
    const [, name, value] = /([^\s;]+_known)=([^;]+)/.exec(owner.jar.header())!;
    await attack(email, 50);
    const forged = new FormBrowser(auth.origin);
    const changed = value!.slice(0, -1) + (value!.endsWith('A') ? 'Q' : 'A');
    forged.jar.store(new Response(null, { headers: { 'set-cookie': `${name}=${changed}` } }));
    expect((await attempt(email, PASSWORD, forged)).status).toBe(429);
  });
});

test('who sends too many forms for accounts is stopped before a password is judged', async () => {
  const key = 'sign-up/address/127.0.0.1';
  await auth.admin.pool.query(
    "insert into attempt_limit (key, whole_at) values ($1, now() + interval '1 hour') on conflict (key) do update set whole_at = excluded.whole_at",
    [key],
  );
  const browser = new FormBrowser(auth.origin);
  const form = formTo(stayed(await browser.open('/signup')), '/signup');
  const sent = {
    name: 'P',
    workspace: 'W',
    email: 'p@example.com',
    password: 'p@ssw0rd'.repeat(6),
  };
  expect(stayed(await browser.submit(form, sent)).status).toBe(429);
  await auth.admin.pool.query('delete from attempt_limit where key = $1', [key]);
});
