// Sign-up, sign-in, workspace choice and consent in a real browser, with the keyboard alone and with
// JavaScript off. Pictures of every page are kept in the temporary folder for people to look at.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rawCall, startChromium } from '@conducktor/testing';
import { newId } from '@conducktor/contracts';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWorld, type World } from './support/world.js';

const PICTURES = join(tmpdir(), 'conducktor-pages');
const email = `ada-${randomBytes(4).toString('hex')}@example.com`;
const password = 'correct horse battery';

let world: World;
let browser: Browser;
let page: Page;
let client: { server: Server; redirect: string; answers: URLSearchParams[]; id: string };

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  world = await openWorld({ slug: 'browser' });
  browser = await startChromium();
  const context = await browser.newContext({ javaScriptEnabled: false });
  page = await context.newPage();
  client = await registerClient();
});
afterAll(async () => {
  await browser.close();
  client.server.close();
  await world.close();
});

test('a new person creates a workspace and connects a client, keyboard only', async () => {
  const { url } = authorization();
  await page.goto(url);
  await picture('1-sign-in');
  await tabTo('Create a workspace');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/signup/);
  await type('Ada Lovelace');
  await nextField('Analytical Engines');
  await nextField(email);
  await nextField(password);
  await picture('2-sign-up');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/consent/);
  await picture('3-consent');
  const words = await page.innerText('body');
  expect(words).toContain('Browser test');
  expect(words).toContain('Analytical Engines');
  expect(words).toContain('run tools on your behalf');
  expect(words).toContain('see your usage');
  expect(words).toMatch(/127\.0\.0\.1|this computer/);
  await tabTo('Allow');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${client.redirect}*`);
  expect(client.answers.at(-1)?.get('code')).toBeTruthy();
  expect(client.answers.at(-1)?.get('iss')).toBe(world.stack.publicUrl);
});

test('a wrong password is said in a sentence that a screen reader announces', async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const other = await context.newPage();
  await other.goto(authorization().url);
  await other.fill('input[name=email]', email);
  await other.fill('input[name=password]', 'not the password');
  await other.keyboard.press('Enter');
  await other.waitForSelector('[role=alert]');
  expect(await other.innerText('[role=alert]')).toMatch(/password/i);
  await other.screenshot({ path: join(PICTURES, '4-wrong-password.png'), fullPage: true });
  await context.close();
});

test('a person of two workspaces chooses one, and the token is for that one', async () => {
  await joinWorkspace(email, world.workspace.tenantId);
  const { url, verifier } = authorization();
  await page.goto(url);
  await page.waitForURL(/\/consent/);
  // The workspaces are one stop of the Tab key; the arrows choose among them.
  await tabTo('Analytical Engines');
  await page.keyboard.press('ArrowDown');
  expect(await page.innerText('label:has(:checked)')).toContain(world.workspace.slug);
  await picture('5-two-workspaces');
  await tabTo('Allow');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${client.redirect}*`);
  const token = await exchange(client.answers.at(-1)!.get('code')!, verifier);
  const answer = await rawCall(world.mcp, 'browser_echo', { message: 'chosen' }, { token });
  expect(answer.message?.result?.content).toEqual([{ type: 'text', text: 'chosen' }]);
});

test('cancelling sends the client away without a code', async () => {
  await page.goto(authorization().url);
  await page.waitForURL(/\/consent/);
  await tabTo('Cancel');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${client.redirect}*`);
  expect(client.answers.at(-1)?.get('error')).toBe('access_denied');
  expect(client.answers.at(-1)?.has('code')).toBe(false);
});

test('an address of a made-up client gets a page that says what to do, and no redirect', async () => {
  await page.goto(`${world.stack.publicUrl}/oauth2/authorize?client_id=nobody&response_type=code`);
  await picture('6-error');
  expect(new URL(page.url()).origin).toBe(world.stack.publicUrl);
  expect(await page.innerText('h1')).not.toBe('');
});

/** Presses Tab until the element whose label or text starts with `label` has the focus. */
async function tabTo(label: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    const focused = page.locator(':focus');
    if ((await focused.count()) > 0) {
      // The text of a field is its label's; of a button or link, its own.
      const own = (await focused.innerText()).trim();
      const labels = await focused.locator('xpath=ancestor::label').allInnerTexts();
      if ([own, ...labels].some((text) => text.trim().startsWith(label))) return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`The keyboard cannot reach "${label}" on ${page.url()}`);
}

async function type(text: string): Promise<void> {
  await page.keyboard.type(text);
}

async function nextField(text: string): Promise<void> {
  await page.keyboard.press('Tab');
  await type(text);
}

async function picture(name: string): Promise<void> {
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

async function registerClient(): Promise<typeof client> {
  const answers: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    // A browser also asks for the icon, when it likes.
    if (pathname === '/callback') answers.push(searchParams);
    response.setHeader('content-type', 'text/html').end('<title>done</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const redirect = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`;
  const response = await fetch(`${world.stack.publicUrl}/oauth2/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Browser test',
      redirect_uris: [redirect],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    }),
  });
  const { client_id: id } = (await response.json()) as { client_id: string };
  return { server, redirect, answers, id };
}

function authorization(): { url: string; verifier: string } {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client.id,
    redirect_uri: client.redirect,
    scope: 'mcp:read mcp:write offline_access',
    state: randomBytes(8).toString('hex'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    resource: world.mcp,
  });
  return { url: `${world.stack.publicUrl}/oauth2/authorize?${query.toString()}`, verifier };
}

async function exchange(code: string, verifier: string): Promise<string> {
  const response = await fetch(`${world.stack.publicUrl}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: client.redirect,
      client_id: client.id,
      resource: world.mcp,
    }),
  });
  const body = (await response.json()) as { access_token?: string };
  expect(body.access_token, JSON.stringify(body)).toBeTypeOf('string');
  return body.access_token!;
}

async function joinWorkspace(person: string, tenantId: string): Promise<void> {
  const { rows } = await world.admin.pool.query<{ id: string }>(
    'select id from user_account where lower(email) = lower($1)',
    [person],
  );
  await world.admin.withTenant(tenantId, (tx) =>
    tx.query('insert into member (tenant_id, id, user_id, email) values ($1, $2, $3, $4)', [
      tenantId,
      newId('mem'),
      rows[0]!.id,
      person,
    ]),
  );
}
