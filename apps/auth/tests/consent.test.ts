import { FormBrowser, type Form, type Page } from '@conducktor/oauth-client';
import type * as oauth from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  allow,
  authorization,
  CALLBACK,
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

const codes = async (): Promise<number> => {
  const { rows } = await auth.admin.pool.query(
    `select count(*)::int as n from oidc_payload where kind = 'AuthorizationCode'`,
  );
  return rows[0].n as number;
};
const grants = async (): Promise<number> => {
  const { rows } = await auth.admin.pool.query('select count(*)::int as n from oauth_grant');
  return rows[0].n as number;
};
async function signedIn(workspace?: string): Promise<FormBrowser> {
  const browser = new FormBrowser(auth.origin);
  await signUp(auth, browser, workspace);
  return browser;
}
async function consentOf(browser: FormBrowser, client: oauth.Configuration): Promise<Page> {
  return stayed(await browser.open((await authorization(client)).url.href));
}
const status = (answer: Page | { leftFor: URL }) => ('leftFor' in answer ? 303 : answer.status);

describe('an attacker’s client with a victim’s signed-in browser', () => {
  test('gets no code without a posted consent, however often and with whatever parameters', async () => {
    const victim = await signedIn();
    const attacker = await register(auth, { client_name: 'ChatGPT' });
    const before = await codes();
    for (const params of [
      {},
      { prompt: 'none' },
      { prompt: 'consent' },
      { prompt: 'login' },
      { response_mode: 'form_post' },
      { response_mode: 'fragment' },
      { scope: 'openid' },
      { max_age: '0', scope: 'openid' },
      { id_token_hint: 'x', scope: 'openid' },
    ] as Record<string, string>[]) {
      for (let i = 0; i < 3; i++) {
        const answer = await victim.open((await authorization(attacker, params)).url.href);
        const where = 'leftFor' in answer ? answer.leftFor.href : answer.html;
        expect(where).not.toMatch(/[?&#]code=|name="code"/);
        if ('leftFor' in answer) continue;
        // Opening the next pages by hand, without posting anything, leads nowhere either.
        for (const { action } of answer.forms) await victim.open(action);
      }
    }
    expect(await codes()).toBe(before);
  });

  test('is asked about again although the same client was allowed before', async () => {
    const victim = await signedIn();
    const client = await register(auth);
    await allow(victim, await authorization(client));
    const again = await consentOf(victim, client);
    expect(textOf(again)).toContain('Connect Test client?');
    expect(formTo(again, '/consent').choices.get('decision')).toContain('allow');
  });

  test('is shown with the host that gets the access, whatever it calls itself', async () => {
    const victim = await signedIn();
    const attacker = await register(auth, {
      client_name: '<script>alert(1)</script>',
      redirect_uris: ['https://chatgpt.com/connector/oauth/abc'],
    });
    const page = stayed(
      await victim.open(
        (await authorization(attacker, { redirect_uri: 'https://chatgpt.com/connector/oauth/abc' }))
          .url.href,
      ),
    );
    expect(textOf(page)).toContain('Access goes to chatgpt.com');
    expect(page.html).not.toMatch(/<script/i);
  });

  test('cannot have the victim finish a sign-in that was begun in another browser', async () => {
    const attackersBrowser = new FormBrowser(auth.origin);
    const client = await register(auth);
    const login = stayed(await attackersBrowser.open((await authorization(client)).url.href));
    const victim = await signedIn();
    const lured = stayed(await victim.open(login.url));
    expect(lured.status).toBe(400);
    expect(textOf(lured)).toContain('This sign-in has ended');
    const posted = await victim.submit(formTo(login, '/login'), {
      email: 'a@example.com',
      password: 'x',
    });
    expect(status(posted)).toBe(400);
    // And with the attacker's own cookies, the victim's session is not theirs.
    const consent = await consentOf(victim, client);
    expect(
      status(await attackersBrowser.submit(formTo(consent, '/consent'), { decision: 'allow' })),
    ).toBe(400);
  });
});

describe('the consent form', () => {
  let browser: FormBrowser;
  let client: oauth.Configuration;
  let form: Form;
  beforeAll(async () => {
    browser = await signedIn();
    client = await register(auth);
  });

  test.each([
    ['without its token', { csrf: '' }],
    ['with another token', { csrf: 'A'.repeat(43) }],
    ['with the token of another sign-in', 'other'],
    ['of a sign-in that does not exist', { flow: 'B'.repeat(21) }],
    ['with a workspace that is not the person’s', { workspace: 'ten_0000000000000000000000' }],
    ['with an unknown decision', { decision: 'maybe' }],
  ] as const)('%s is refused with 400, and nothing is granted', async (_, change) => {
    form = formTo(await consentOf(browser, client), '/consent');
    const other = formTo(await consentOf(browser, client), '/consent');
    const token = other.fields.find(([name]) => name === 'csrf')![1];
    const [codesBefore, grantsBefore] = [await codes(), await grants()];
    const answer = await browser.submit(form, {
      decision: 'allow',
      ...(change === 'other' ? { csrf: token } : change),
    });
    expect(status(answer)).toBe(400);
    expect([await codes(), await grants()]).toEqual([codesBefore, grantsBefore]);
  });

  test('posted from another origin is refused', async () => {
    form = formTo(await consentOf(browser, client), '/consent');
    const body = new URLSearchParams([...form.fields, ['decision', 'allow']]);
    for (const origin of ['https://evil.example', 'null', `${auth.origin}.evil.example`]) {
      const answer = await browser.open(form.action, {
        method: 'POST',
        body: body.toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin },
      });
      expect(status(answer)).toBe(400);
    }
  });

  test('without the browser’s cookies is refused', async () => {
    form = formTo(await consentOf(browser, client), '/consent');
    expect(status(await new FormBrowser(auth.origin).submit(form, { decision: 'allow' }))).toBe(
      400,
    );
  });

  test('posted again gives nothing: one code, one grant', async () => {
    form = formTo(await consentOf(browser, client), '/consent');
    const [codesBefore, grantsBefore] = [await codes(), await grants()];
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => browser.submit(form, { decision: 'allow' })),
    );
    expect(answers.filter((answer) => 'leftFor' in answer)).toHaveLength(1);
    expect(status(await browser.submit(form, { decision: 'allow' }))).toBe(400);
    expect([await codes(), await grants()]).toEqual([codesBefore + 1, grantsBefore + 1]);
  });

  test('does not work after signing out', async () => {
    const own = await signedIn();
    form = formTo(await consentOf(own, client), '/consent');
    const signOut = stayed(await own.open('/oauth2/logout'));
    const out = stayed(await own.submit(signOut.forms[0]!, { logout: 'yes' }));
    expect(textOf(out)).toContain('You are signed out');
    expect(status(await own.submit(form, { decision: 'allow' }))).toBe(400);
  });

  test('does not work for whoever signed in in this browser meanwhile', async () => {
    const own = await signedIn();
    form = formTo(await consentOf(own, client), '/consent');
    const grantsBefore = await grants();
    await signUp(auth, own);
    expect(status(await own.submit(form, { decision: 'allow' }))).toBe(400);
    expect(await grants()).toBe(grantsBefore);
  });

  test('the address behind it works once', async () => {
    const own = await signedIn();
    form = formTo(await consentOf(own, client), '/consent');
    const cookie = own.jar.header();
    const posted = await fetch(form.action, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams([...form.fields, ['decision', 'allow']]),
    });
    const resume = posted.headers.get('location')!;
    const go = () =>
      fetch(resume, { redirect: 'manual', headers: { cookie, accept: 'text/html' } });
    const first = await go();
    expect(first.headers.get('location')).toMatch(/[?&]code=/);
    const second = await go();
    expect(second.status).toBe(400);
    expect(await second.text()).toContain('This sign-in has ended');
  });
});

describe('a person', () => {
  test('of several workspaces chooses one, and the token is for that one', async () => {
    const browser = new FormBrowser(auth.origin);
    const email = await signUp(auth, browser, 'First');
    await auth.admin.pool.query(
      `with t as (insert into tenant (id, slug, name) values ('ten_second', 'second', 'Second') returning id)
       insert into member (tenant_id, id, user_id, email)
       select t.id, 'mem_second', u.id, u.email from t, user_account u where u.email = $1`,
      [email],
    );
    const client = await register(auth);
    const consent = await consentOf(browser, client);
    expect(textOf(consent)).toContain('use the connections of workspace that you choose below');
    const form = formTo(consent, '/consent');
    expect(form.choices.get('workspace')).toHaveLength(2);
    expect(status(await browser.submit(form, { decision: 'allow' }))).toBe(400);
    left(await browser.submit(form, { decision: 'allow', workspace: 'ten_second' }));
    const { rows } = await auth.admin.pool.query(
      `select member_id from oauth_grant where tenant_id = 'ten_second'`,
    );
    expect(rows).toEqual([{ member_id: 'mem_second' }]);
  });

  test('of two workspaces of one name is told which is which', async () => {
    const browser = new FormBrowser(auth.origin);
    const email = await signUp(auth, browser, 'Twins');
    await auth.admin.pool.query(
      `with t as (insert into tenant (id, slug, name) values ('ten_twin', 'the-other-twin', 'Twins') returning id)
       insert into member (tenant_id, id, user_id, email)
       select t.id, 'mem_twin', u.id, u.email from t, user_account u where u.email = $1`,
      [email],
    );
    const page = await consentOf(browser, await register(auth));
    expect(textOf(page)).toContain('Twins (the-other-twin)');
  });

  test('can go on with another account, and the first one’s session is over', async () => {
    const browser = new FormBrowser(auth.origin);
    const first = await signUp(auth, browser, 'First');
    const second = await signUp(auth, new FormBrowser(auth.origin), 'Other');
    const client = await register(auth);
    const consent = await consentOf(browser, client);
    expect(textOf(consent)).toContain(first);
    const login = stayed(await browser.submit(formTo(consent, '/consent'), { decision: 'switch' }));
    const next = stayed(
      await browser.submit(formTo(login, '/login'), { email: second, password: PASSWORD }),
    );
    expect(textOf(next)).toContain(second);
    expect(textOf(next)).not.toContain(first);
    expect(
      left(await browser.submit(formTo(next, '/consent'), { decision: 'allow' })).searchParams.get(
        'code',
      ),
    ).toBeTruthy();
  });

  test('asked to sign in again may do so as somebody else', async () => {
    const browser = new FormBrowser(auth.origin);
    await signUp(auth, browser);
    const second = await signUp(auth, new FormBrowser(auth.origin));
    const client = await register(auth);
    const request = await authorization(client, { prompt: 'login' });
    const login = stayed(await browser.open(request.url.href));
    const consent = stayed(
      await browser.submit(formTo(login, '/login'), { email: second, password: PASSWORD }),
    );
    expect(textOf(consent)).toContain(`You are signed in as ${second}`);
    left(await browser.submit(formTo(consent, '/consent'), { decision: 'allow' }));
  });

  test('with two sign-ins under way can finish both', async () => {
    const browser = await signedIn();
    const client = await register(auth);
    const [one, two] = [await consentOf(browser, client), await consentOf(browser, client)];
    for (const page of [one, two]) {
      const answer = left(await browser.submit(formTo(page, '/consent'), { decision: 'allow' }));
      expect(answer.searchParams.get('code')).toBeTruthy();
      expect(answer.href.startsWith(CALLBACK)).toBe(true);
    }
  });

  test('without a workspace is told so', async () => {
    const browser = new FormBrowser(auth.origin);
    const email = await signUp(auth, browser);
    await auth.admin.pool.query('update member set disabled_at = now() where email = $1', [email]);
    const page = await consentOf(browser, await register(auth));
    expect(page.status).toBe(403);
    expect(textOf(page)).toContain('You are in no workspace');
  });
});
