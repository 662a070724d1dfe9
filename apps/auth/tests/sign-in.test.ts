import { FormBrowser, type Page } from '@conducktor/oauth-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prune } from '../src/housekeeping.js';
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
beforeAll(async () => {
  auth = await startAuth();
});
afterAll(() => auth.stop());

async function attempt(
  email: string,
  password: string,
  browser = new FormBrowser(auth.origin),
): Promise<Page> {
  const page = stayed(await browser.open('/login'));
  return stayed(await browser.submit(formTo(page, '/login'), { email, password }));
}

describe('signing in', () => {
  test('works by itself, in any case of the address, and shows where to connect a client', async () => {
    const email = await signUp(auth);
    const browser = new FormBrowser(auth.origin);
    const page = await attempt(`  ${email.toUpperCase()} `, PASSWORD, browser);
    expect(textOf(page)).toContain('You are signed in');
    expect(textOf(page)).toContain(`${auth.origin}/mcp`);
    expect(textOf(stayed(await browser.open('/login')))).toContain(email);
  });

  test('answers a wrong password and an unknown account alike', async () => {
    const email = await signUp(auth);
    const wrong = await attempt(email, 'not the password');
    const unknown = await attempt('nobody@example.com', 'not the password');
    for (const page of [wrong, unknown]) {
      expect(page.status).toBe(401);
      expect(textOf(page)).toContain('Email or password is wrong.');
    }
    const plain = (page: Page, address: string) =>
      page.html.replaceAll(address, '').replace(/(value|data-options)="[^"]*"/g, '');
    expect(plain(wrong, email)).toBe(plain(unknown, 'nobody@example.com'));
  });

  test('takes the same time for an unknown account', async () => {
    const email = await signUp(auth);
    const time = async (address: string) => {
      const start = performance.now();
      await attempt(address, 'wrong wrong wrong');
      return performance.now() - start;
    };
    await time('warm-up@example.com');
    const times: { known: number; unknown: number }[] = [];
    // In turns, so that whatever else the machine does weighs on both.
    for (let i = 0; i < 7; i++) {
      times.push({ known: await time(email), unknown: await time('nobody-at-all@example.com') });
    }
    const median = (who: 'known' | 'unknown') =>
      times.map((pair) => pair[who]).toSorted((one, other) => one - other)[3]!;
    // Without the decoy an unknown account answers several times faster.
    expect(median('unknown')).toBeGreaterThan(median('known') * 0.5);
  });

  test('of a disabled account is refused, and its session is over', async () => {
    const browser = new FormBrowser(auth.origin);
    const email = await signUp(auth, browser);
    await auth.admin.pool.query('update user_account set disabled_at = now() where email = $1', [
      email,
    ]);
    expect((await attempt(email, PASSWORD)).status).toBe(401);
    expect(textOf(stayed(await browser.open('/login')))).not.toContain(email);
  });

  test('gives the browser a new session id', async () => {
    const browser = new FormBrowser(auth.origin);
    const email = await signUp(auth, browser);
    const id = () => /_session=([^;]+)/.exec(browser.jar.header())?.[1];
    const before = id();
    const form = stayed(
      await browser.open((await authorization(await register(auth), { prompt: 'login' })).url.href),
    );
    await browser.submit(formTo(form, '/login'), { email, password: PASSWORD });
    expect(id()).toBeDefined();
    expect(id()).not.toBe(before);
  });

  test('outlives a restart, also half-way', async () => {
    const browser = new FormBrowser(auth.origin);
    const email = await signUp(auth, browser);
    const client = await register(auth);
    const consent = stayed(await browser.open((await authorization(client)).url.href));
    await auth.restart();
    expect(textOf(stayed(await browser.open('/login')))).toContain(email);
    const answer = await browser.submit(formTo(consent, '/consent'), { decision: 'allow' });
    expect('leftFor' in answer && answer.leftFor.searchParams.get('code')).toBeTruthy();
  });

  test('with a form that was not ours is refused', async () => {
    const email = await signUp(auth);
    const response = await fetch(`${auth.origin}/login`, {
      method: 'POST',
      body: new URLSearchParams({ email, password: PASSWORD }),
      redirect: 'manual',
    });
    expect(response.status).toBe(400);
    expect(response.headers.get('set-cookie')).toBeNull();
    const jsonBody = await fetch(`${auth.origin}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password: PASSWORD }),
    });
    expect(jsonBody.status).toBe(415);
  });
});

describe('signing up', () => {
  const send = async (change: Record<string, string>) => {
    const browser = new FormBrowser(auth.origin);
    const page = stayed(await browser.open('/signup'));
    const values = {
      name: 'A',
      workspace: 'W',
      email: 'new@example.com',
      password: PASSWORD,
      ...change,
    };
    return stayed(await browser.submit(formTo(page, '/signup'), values));
  };

  test('makes account, workspace, owner, policy and key', async () => {
    const email = await signUp(auth, new FormBrowser(auth.origin), 'Déjà Vu & Söhne');
    const { rows } = await auth.admin.pool.query(
      `select u.password_hash, u.display_name, t.name, t.slug, t.active_policy, m.roles, p.document, p.source,
              k.tenant_id is not null as has_key, a.record
         from user_account u join member m on m.user_id = u.id join tenant t on t.id = m.tenant_id
         join policy p on p.tenant_id = t.id left join tenant_key k on k.tenant_id = t.id
         left join audit_outbox a on a.tenant_id = t.id
        where u.email = $1`,
      [email],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      display_name: 'Pat Example',
      name: 'Déjà Vu & Söhne',
      slug: expect.stringMatching(/^de-ja-vu-so-hne-[0-9a-f]{8}$/),
      active_policy: 1,
      roles: ['owner'],
      document: { version: 1, default: 'allow-read', rules: [] },
      has_key: true,
      record: { action: 'workspace.create', actor: email },
    });
    expect(rows[0].password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  test.each([
    [{ password: 'short' }, 'at least 10 characters'],
    [{ password: 'x'.repeat(201) }, 'shorter password'],
    [{ email: 'no address' }, 'Enter an email address'],
    [{ name: ' \u200b ' }, 'Enter your name'],
    [{ workspace: '' }, 'Enter a name for the workspace'],
  ])('with %j says what is wrong and keeps the rest', async (change, sentence) => {
    const page = await send({ workspace: 'Kept "here"', ...change });
    expect(page.status).toBe(400);
    expect(textOf(page)).toContain(sentence);
    expect(page.html).not.toContain(PASSWORD);
    if (!('workspace' in change)) expect(page.html).toContain('value="Kept &quot;here&quot;"');
  });

  test('with an address that has an account, or was invited, writes nothing and says the same', async () => {
    const taken = await signUp(auth);
    await auth.admin.pool.query(
      "insert into user_account (id, email) values ('usr_invited', 'invited@example.com')",
    );
    const count = async () =>
      (await auth.admin.pool.query('select count(*)::int as n from tenant')).rows[0].n as number;
    const before = await count();
    const texts: string[] = [];
    for (const email of [taken, 'invited@example.com']) {
      const page = await send({ email });
      expect(page.status).toBe(400);
      texts.push(textOf(page));
    }
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]).toContain('sign in instead');
    expect(await count()).toBe(before);
    const { rows } = await auth.admin.pool.query(
      "select password_hash from user_account where id = 'usr_invited'",
    );
    expect(rows[0].password_hash).toBeNull();
  });
});

describe('signing out', () => {
  test('asks, then ends the session; what was connected stays', async () => {
    const browser = new FormBrowser(auth.origin);
    const email = await signUp(auth, browser);
    const page = stayed(await browser.open('/oauth2/logout'));
    const cookie = browser.jar.header();
    await browser.submit(page.forms[0]!, { logout: 'yes' });
    const after = await fetch(`${auth.origin}/login`, { headers: { cookie } });
    expect(await after.text()).not.toContain(email);
  });

  test('without the form’s token does nothing', async () => {
    const browser = new FormBrowser(auth.origin);
    const email = await signUp(auth, browser);
    await browser.open('/oauth2/logout');
    await browser.open('/oauth2/logout/confirm', {
      method: 'POST',
      body: 'logout=yes&xsrf=wrong',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(textOf(stayed(await browser.open('/login')))).toContain(email);
  });
});

test('expired rows are deleted, live ones stay', async () => {
  await auth.admin.pool.query(
    `insert into oidc_payload (kind, id, payload, expires_at)
     select 'Session', 'old-' || i, '{}', now() - interval '1 minute' from generate_series(1, 1200) i`,
  );
  await auth.admin.pool.query(
    `insert into oidc_payload (kind, id, payload, expires_at) values
      ('Session', 'live', '{}', now() + interval '1 minute'), ('Client', 'for-ever', '{}', null)`,
  );
  expect(await prune(auth.db)).toBeGreaterThanOrEqual(1200);
  const { rows } = await auth.admin.pool.query(
    "select id from oidc_payload where id like 'old-%' or id in ('live', 'for-ever') order by id",
  );
  expect(rows).toEqual([{ id: 'for-ever' }, { id: 'live' }]);
});
