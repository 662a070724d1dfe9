import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startChromium } from '@conducktor/testing';
import * as oauth from 'openid-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  authorization,
  PASSWORD,
  register,
  signUp,
  startAuth,
  type AuthService,
} from './harness.js';

type Chromium = Awaited<ReturnType<typeof startChromium>>;

let auth: AuthService;
let chromium: Chromium;
let client: Server;
let callback: string;
beforeAll(async () => {
  auth = await startAuth();
  chromium = await startChromium();
  client = createServer((_request, response) => response.end('The client has its answer.'));
  await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve));
  callback = `http://127.0.0.1:${(client.address() as AddressInfo).port}/callback`;
});
afterAll(async () => {
  await chromium.close();
  client.close();
  await auth.stop();
});

async function openPage(colorScheme: 'light' | 'dark' = 'light') {
  const context = await chromium.newContext({
    javaScriptEnabled: false,
    colorScheme,
    viewport: { width: 420, height: 860 },
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  return { page, complaints };
}

test('a person with a keyboard and without JavaScript signs in, consents, and arrives at the client', async () => {
  const email = await signUp(auth);
  const own = await register(auth, { redirect_uris: [callback], client_name: 'Inspector' });
  const request = await authorization(own, {
    redirect_uri: callback,
    scope: 'mcp:read mcp:write offline_access',
  });
  const { page, complaints } = await openPage();
  await page.goto(request.url.href);
  await page.locator('input[name=email]:focus').waitFor();
  await page.keyboard.type(email);
  await page.keyboard.press('Tab');
  await page.keyboard.type('not the password');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText('Email or password is wrong.').waitFor();
  // The address is filled in already; the password has the focus, which comes a moment after the text.
  await page.locator('input[name=password]:focus').waitFor();
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Connect Inspector?' }).waitFor();
  // The first thing that a key reaches is the decision, and focus can be seen.
  await page.keyboard.press('Tab');
  expect(await page.locator(':focus').textContent()).toContain('Allow');
  expect(await page.evaluate('getComputedStyle(document.activeElement).outlineWidth')).toBe('3px');
  await page.keyboard.press('Enter');
  await page.getByText('The client has its answer.').waitFor();
  const tokens = await oauth.authorizationCodeGrant(own, new URL(page.url()), {
    pkceCodeVerifier: request.verifier,
    expectedState: request.state,
  });
  expect(tokens.access_token).toBeDefined();
  // The wrong password is answered with 401, which the browser notes; nothing else, no policy violation.
  expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
  await page.context().close();
});

test('pages follow the dark scheme and fit a narrow screen', async () => {
  for (const path of ['/login', '/signup']) {
    const seen: string[] = [];
    for (const scheme of ['light', 'dark'] as const) {
      const { page, complaints } = await openPage(scheme);
      await page.setViewportSize({ width: 320, height: 640 });
      await page.goto(auth.origin + path);
      seen.push(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
      const width = await page.evaluate<number>('document.documentElement.scrollWidth');
      expect(width).toBeLessThanOrEqual(320);
      expect(complaints).toEqual([]);
      await page.context().close();
    }
    expect(seen).toEqual(['rgb(244, 245, 248)', 'rgb(15, 17, 22)']);
  }
});

test('opened under another name of this machine, sign-in moves to the public address', async () => {
  const email = await signUp(auth);
  const { page } = await openPage();
  await page.goto(`${auth.origin.replace('localhost', '127.0.0.1')}/login`);
  expect(page.url()).toBe(`${auth.origin}/login`);
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'You are signed in' }).waitFor();
  await page.getByRole('link', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
  await page.context().close();
});
