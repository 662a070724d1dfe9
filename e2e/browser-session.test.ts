// One sign-in for everything: the session that the sign-in pages leave in a browser opens the REST API
// through the one origin, for our own pages only, and no other site can use or frame it.
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startChromium } from '@conducktor/testing';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

const { publicUrl } = inject('stack');
let chromium: Awaited<ReturnType<typeof startChromium>>;
let page: Awaited<ReturnType<typeof chromium.newPage>>;
let evil: Server;
let evilUrl: string;

beforeAll(async () => {
  chromium = await startChromium();
  page = await (await chromium.newContext()).newPage();
  await page.goto(`${publicUrl}/signup`);
  await page.fill('[name=name]', 'Ada Example');
  await page.fill('[name=workspace]', 'Sessions');
  await page.fill('[name=email]', `ada-${randomBytes(4).toString('hex')}@example.com`);
  await page.fill('[name=password]', randomBytes(12).toString('base64url'));
  await page.click('button[type=submit]');
  await page.waitForURL(/\/login/);

  evil = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end(
      `<!doctype html><title>evil</title>
<form id="form" method="post" enctype="text/plain" action="${publicUrl}/api/v1/groups" target="into"><input name='{"name":"forged","x":"' value='"}'></form>
<iframe name="into"></iframe><iframe id="framed" src="${publicUrl}/login"></iframe>`,
    ),
  );
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
  // Another site to the browser: a site is a host, and ours is localhost.
  evilUrl = `http://127.0.0.1:${(evil.address() as AddressInfo).port}/`;
});
afterAll(async () => {
  await chromium.close();
  evil.close();
});

/** What our own page asks, with the cookies that the browser adds by itself. */
const own = async (method: string, path: string, headers: Record<string, string> = {}) => {
  const response = await page.request.fetch(`${publicUrl}/api/v1${path}`, { method, headers });
  const text = await response.text();
  return { status: response.status(), body: text === '' ? {} : JSON.parse(text) };
};

test('whoever signed in uses the REST API by the same session, with the token of our pages', async () => {
  const session = await own('GET', '/session');
  expect(session.status).toBe(200);
  const [workspace] = session.body.workspaces;
  expect(workspace).toMatchObject({ name: 'Sessions', roles: ['owner'] });
  const headers = { 'x-conducktor-workspace': workspace.id };
  expect((await own('GET', '/me', headers)).body.member.roles).toEqual(['owner']);
  const body = { ...headers, 'content-type': 'application/json' };
  const post = (extra: Record<string, string>) =>
    page.request.post(`${publicUrl}/api/v1/groups`, {
      headers: { ...body, ...extra },
      data: { name: 'by-browser' },
    });
  expect((await post({})).status()).toBe(403);
  expect((await post({ 'x-conducktor-csrf': session.body.csrf })).status()).toBe(201);
});

test('another site can neither change nor read anything with the session, nor frame a page', async () => {
  const other = await page.context().newPage();
  const blocked: string[] = [];
  other.on('console', (message) => blocked.push(message.text()));
  await other.goto(evilUrl);
  const answered = other
    .waitForResponse((response) => response.url().endsWith('/api/v1/groups'))
    .catch(() => undefined);
  await other.evaluate('document.getElementById("form").submit()');
  const answer = await answered;
  if (answer) expect(answer.status()).toBe(401);
  const read = await other.evaluate(
    `fetch('${publicUrl}/api/v1/session', { credentials: 'include' }).then((r) => r.text(), (e) => e.name)`,
  );
  expect(read).toBe('TypeError');
  expect(blocked.join('\n')).toMatch(/frame-ancestors|X-Frame-Options|x-frame-options/);
  const {
    body: { workspaces },
  } = await own('GET', '/session');
  const groups = await own('GET', '/groups', { 'x-conducktor-workspace': workspaces[0].id });
  expect(groups.body.items.map(({ name }: { name: string }) => name)).toEqual(['by-browser']);
  await other.close();
});
