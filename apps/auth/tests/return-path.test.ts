import { CookieJar, FormBrowser } from '@conducktor/oauth-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formTo, PASSWORD, signUp, startAuth, stayed, type AuthService } from './harness.js';

let auth: AuthService;
beforeAll(async () => {
  auth = await startAuth();
});
afterAll(() => auth.stop());

const PAGE = '/connections/con_0123456789abcdefABCDEF/secret';
const login = (path: string) => `/login?return=${encodeURIComponent(path)}`;

/** Where a sign-in that began at this address leads to: the first answer after the password. */
async function landing(address: string, email: string): Promise<string> {
  const jar = new CookieJar();
  const go = async (path: string, body?: URLSearchParams) => {
    const response = await fetch(auth.origin + path, {
      redirect: 'manual',
      headers: { cookie: jar.header() },
      ...(body && { method: 'POST', body }),
    });
    jar.store(response);
    return response;
  };
  const page = await (await go(address)).text();
  const csrf = /name="csrf" value="([^"]+)"/.exec(page)![1]!;
  const wrong = await go('/login', new URLSearchParams({ csrf, email, password: 'not this one' }));
  expect(wrong.status).toBe(401);
  const right = await go('/login', new URLSearchParams({ csrf, email, password: PASSWORD }));
  expect(right.status).toBe(303);
  expect(jar.header()).not.toContain('_return=');
  return right.headers.get('location')!;
}

describe('a page that sends somebody to sign in', () => {
  test('gets them back, also after a wrong password', async () => {
    expect(await landing(login(PAGE), await signUp(auth))).toBe(PAGE);
  });

  test('gets them back at once when they are signed in already', async () => {
    const email = await signUp(auth);
    const browser = new FormBrowser(auth.origin);
    const page = stayed(await browser.open('/login'));
    await browser.submit(formTo(page, '/login'), { email, password: PASSWORD });
    const answer = await fetch(auth.origin + login(PAGE), {
      redirect: 'manual',
      headers: { cookie: browser.jar.header() },
    });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, PAGE]);
  });

  test('is a page of ours: no link leads anywhere else', async () => {
    const email = await signUp(auth);
    for (const path of [
      'https://evil.example/',
      '//evil.example/connections',
      '/\\evil.example',
      '/connections/../oauth2/logout',
      '/connections//evil.example',
      '/connections/a?next=https://evil.example',
      '/connections/a\r\nset-cookie: a=b',
      '/oauth2/authorize',
      'javascript:alert(1)',
    ])
      expect({ path, to: await landing(login(path), email) }).toEqual({ path, to: '/login' });
  });
});
