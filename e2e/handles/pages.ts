import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Db } from '@conducktor/db';
import { FormBrowser, type Page } from '@conducktor/oauth-client';
import type { Newcomer } from '../support/newcomer.js';
import type { Stack } from '../support/stack.js';
import { eventually } from '../support/world.js';
import { bent, type Answer, type Handle, type HandleKind } from './handle.js';

const CALLBACK = 'http://127.0.0.1:3999/callback';

/** How each kind of handle of sign-in pages, browsers and apps is got, replayed and used. */
export function pageHandles(
  { publicUrl, dataDir }: Stack,
  admin: Db,
  victim: Newcomer,
): Pick<
  Record<HandleKind, () => Promise<Handle>>,
  | 'sign-in under way'
  | 'invitation link'
  | 'reset link'
  | 'browser session'
  | 'CSRF token'
  | 'initial access token'
> {
  const opened = async (browser: FormBrowser, path: string): Promise<Answer> => {
    const page = await browser.open(path);
    if ('leftFor' in page) return { status: 303, text: page.leftFor.href };
    // Each form has a token of its own.
    return { status: page.status, text: page.html.replace(/value="[\w.-]{20,}"/g, 'value=""') };
  };
  const api = async (
    cookie: string,
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: object,
  ): Promise<Answer> => {
    const response = await fetch(`${publicUrl}/api/v1${path}`, {
      method,
      headers: {
        cookie,
        origin: publicUrl,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  };
  const sessionOf = async (browser: FormBrowser) => {
    const { text } = await api(browser.jar.header(), 'GET', '/session', {});
    return JSON.parse(text) as { csrf: string; workspaces: { id: string; slug: string }[] };
  };
  const register = () =>
    fetch(`${publicUrl}/oauth2/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'App',
        redirect_uris: [CALLBACK],
        token_endpoint_auth_method: 'none',
      }),
    });

  return {
    'sign-in under way': async () => {
      const { client_id } = (await (await register()).json()) as { client_id: string };
      const query = new URLSearchParams({
        client_id,
        redirect_uri: CALLBACK,
        response_type: 'code',
        scope: 'mcp:read',
        state: 'state-of-the-victim',
        resource: `${publicUrl}/mcp`,
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
      });
      const browser = new FormBrowser(publicUrl);
      const page = stayed(await browser.open(`/oauth2/authorize?${query.toString()}`));
      const path = new URL(page.url).pathname + new URL(page.url).search;
      const real = /flow=([\w-]{16,64})/.exec(page.url)?.[1] ?? '';
      if (real === '') throw new Error(`No sign-in is under way at ${page.url}`);
      return {
        real,
        madeUp: bent(real, 5),
        replay: async ({ browser: theirs }, uid) => [
          await opened(theirs, path.replaceAll(real, uid)),
          await opened(theirs, `/login/consent?flow=${uid}`),
          await opened(theirs, `/oauth2/authorize/${uid}`),
        ],
        refusals: [400, 401, 403, 404, 410],
        secrets: ['state-of-the-victim', client_id],
        use: async () => {
          const again = stayed(await browser.open(path));
          if (again.status !== 200 || !again.html.includes('password')) throw new Error(again.html);
        },
      };
    },
    'invitation link': async () => {
      const email = `i${Math.random().toString(36).slice(2)}@example.com`;
      const { invitation } = await victim.rest.must<{ invitation: { url: string } }>(
        'POST',
        '/members',
        { email, roles: ['member'] },
      );
      const real = new URL(invitation.url).searchParams.get('token')!;
      const browser = new FormBrowser(publicUrl);
      const page = stayed(await browser.open(invitation.url));
      const form = page.forms.find(({ action }) => action.includes('/invite'))!;
      // The link is the right itself; when it was used, it is nothing.
      const fields = { name: 'Ivy', password: 'correct horse battery', decision: 'claim' };
      stayed(await browser.submit(form, fields));
      return {
        real,
        madeUp: bent(real, 20),
        secrets: [email],
        replay: async (thief, token) => [await opened(thief.browser, `/invite?token=${token}`)],
        use: async () => {
          const { rows } = await admin.pool.query(
            `select 1 from member join user_account u on u.id = user_id where u.email = $1 and accepted_at is not null`,
            [email],
          );
          if (rows.length !== 1)
            throw new Error(`${email} did not join: ${page.html.slice(0, 500)}`);
        },
      };
    },
    'reset link': async () => {
      const forgot = stayed(await victim.browser.open('/login/forgot'));
      const form = forgot.forms.find(({ action }) => action.endsWith('/login/forgot'))!;
      await victim.browser.submit(form, { email: victim.email });
      const real = await eventually('a letter with a link', async () =>
        letterTo(dataDir, victim.email),
      );
      const browser = new FormBrowser(publicUrl);
      const page = stayed(await browser.open(`/login/reset?token=${real}`));
      const password = 'another horse battery';
      const change = page.forms.find(({ action }) => action.includes('/login/reset'))!;
      await browser.submit(change, { password });
      return {
        real,
        madeUp: bent(real, 20),
        secrets: [victim.email],
        replay: async (thief, token) => [
          await opened(thief.browser, `/login/reset?token=${token}`),
        ],
        use: async () => {
          const login = stayed(await victim.browser.open('/login'));
          const fields = { email: victim.email, password };
          const has = login.forms.find((one) => one.fields.some(([name]) => name === 'password'))!;
          stayed(await victim.browser.submit(has, fields));
          const { status } = await api(victim.browser.jar.header(), 'GET', '/session', {});
          if (status !== 200) throw new Error('The new password signs nobody in.');
        },
      };
    },
    'browser session': async () => {
      const { workspaces } = await sessionOf(victim.browser);
      const real = workspaces[0]!.id;
      const cookie = victim.browser.jar.header();
      const named = (name: string) => ({ 'x-conducktor-workspace': name });
      return {
        real,
        madeUp: bent(real, 9),
        secrets: [victim.email],
        replay: async ({ browser, who }, workspace) =>
          who === 'another person of the workspace'
            ? // They belong to it: the session of somebody else is what is not theirs, by its id alone.
              [
                await api(
                  cookie.replace(/(_session=)[^;]+/, `$1${workspace}`),
                  'GET',
                  '/me',
                  named(real),
                ),
              ]
            : [
                await api(browser.jar.header(), 'GET', '/me', named(workspace)),
                await api(browser.jar.header(), 'GET', '/connections', named(workspace)),
                await api(browser.jar.header(), 'GET', '/audit/export', named(workspace)),
              ],
        use: async () => {
          const { status, text } = await api(cookie, 'GET', '/me', named(real));
          if (status !== 200) throw new Error(text);
        },
      };
    },
    'CSRF token': async () => {
      const { csrf: real, workspaces } = await sessionOf(victim.browser);
      const group = (browser: FormBrowser, csrf: string, workspace: string) =>
        api(
          browser.jar.header(),
          'POST',
          '/groups',
          { 'x-conducktor-csrf': csrf, 'x-conducktor-workspace': workspace },
          { name: `group ${Math.random()}` },
        );
      return {
        real,
        madeUp: bent(real, 5),
        replay: async ({ browser }, csrf) => {
          const session = await sessionOf(browser).catch(() => undefined);
          const own = session?.workspaces?.map(({ id }) => id) ?? [workspaces[0]!.id];
          return Promise.all(own.map((workspace) => group(browser, csrf, workspace)));
        },
        use: async () => {
          const { status, text } = await group(victim.browser, real, workspaces[0]!.id);
          if (status !== 201) throw new Error(text);
        },
      };
    },
    'initial access token': async () => {
      // Registering is open here, with and without one: apps/auth/tests/initial-access.test.ts uses them.
      const path = '/initial-access-tokens';
      const { id: real } = await victim.rest.must<{ id: string }>('POST', path, {});
      const end = (by: string | undefined, id: string) =>
        api(
          '',
          'DELETE',
          `${path}/${id}`,
          by === undefined ? {} : { authorization: `Bearer ${by}` },
        );
      return {
        real,
        madeUp: bent(real, 9),
        replay: async ({ token }, id) => [await end(token, id)],
        use: async () => {
          const { text } = await victim.rest.request('GET', path);
          if (!text.includes(real)) throw new Error(`It is gone: ${text}`);
        },
      };
    },
  };
}

/** The token of the last letter to somebody, where letters are files. */
function letterTo(dataDir: string, email: string): string | undefined {
  const dir = join(dataDir, 'mail');
  if (!existsSync(dir)) return undefined;
  return readdirSync(dir)
    .filter((name) => name.endsWith('.txt') && !name.startsWith('.'))
    .map((name) => readFileSync(join(dir, name), 'utf8'))
    .filter((text) => text.startsWith(`To: ${email}`))
    .map((text) => /\/login\/reset\?token=([\w-]{43})/.exec(text)?.[1])
    .find((token) => token !== undefined);
}

function stayed(page: Page | { leftFor: URL }): Page {
  if ('leftFor' in page) throw new Error(`The browser left for ${page.leftFor.href}`);
  return page;
}
