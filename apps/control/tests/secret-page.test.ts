import { startChromium, type SeededWorkspace } from '@conducktor/testing';
import axe from 'axe-core';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listed, startControl, type Browser, type ControlService } from './harness.js';

let service: ControlService;
let workspace: SeededWorkspace;
let owner: Browser;
let id: string;
beforeAll(async () => {
  service = await startControl();
});
afterAll(() => service.stop());
beforeEach(async () => {
  workspace = await service.seed();
  owner = await service.browser(workspace.owner.userId);
  id = await connect({ slug: 'linear', kind: 'mcp-http', url: 'https://mcp.linear.app/mcp?v=1' });
  service.worker.answer = () => ({ status: 'ACTIVE', tools: [listed('list_issues')], ms: 3 });
});

async function connect(body: object): Promise<string> {
  const made = await service.call(workspace.owner.apiKey, 'POST', '/api/v1/connections', body);
  return made.body['id'] as string;
}
const open = (browser: Browser | undefined, of = id, headers: Record<string, string> = {}) =>
  fetch(`${service.origin}/connections/${of}/secret`, {
    redirect: 'manual',
    headers: { ...(browser && { cookie: browser.cookie }), ...headers },
  });
const post = (
  browser: Browser | undefined,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
) =>
  fetch(`${service.origin}/connections/${id}/secret`, {
    method: 'POST',
    redirect: 'manual',
    headers: { ...(browser && { cookie: browser.cookie }), origin: service.origin, ...headers },
    body: new URLSearchParams({ csrf: browser?.csrf ?? '', ...fields }),
  });
const bearer = { name0: 'Authorization', value0: 'Bearer hush-hush-1', do: 'save' };
const read = async () =>
  (await service.call(workspace.owner.apiKey, 'GET', `/api/v1/connections/${id}`)).body;

describe('the page for a secret', () => {
  it('stores it sealed, tests the connection and tells the secret to nobody', async () => {
    const before = await open(owner);
    expect(before.status).toBe(200);
    expect(before.headers.get('content-security-policy')).toMatch(
      /default-src 'none'.*form-action 'self'.*frame-ancestors 'none'/,
    );
    expect(before.headers.get('cache-control')).toBe('no-store');
    expect(await before.text()).toContain('PENDING: not tested yet');

    const stored = await post(owner, bearer);
    expect([stored.status, stored.headers.get('location')]).toEqual([
      303,
      `/connections/${id}/secret`,
    ]);
    const after = await (await open(owner)).text();
    expect(after).toContain('<dt>Status</dt><dd>ACTIVE</dd>');
    expect(after).toContain('<dt>Secret</dt><dd>stored</dd>');
    expect(after).not.toContain('hush-hush');
    expect(await read()).toMatchObject({ status: 'ACTIVE', hasSecret: true, tools: 1 });
    const changes = await service.changes(workspace.tenantId);
    expect(changes.slice(1)).toMatchObject([
      { action: 'connection.update', clientId: 'browser', secretNames: ['Authorization'] },
      { action: 'connection.test', memberId: workspace.owner.memberId },
    ]);
    expect(JSON.stringify(changes)).not.toContain('hush-hush');
  });

  it('sends who is not signed in to sign in, and back afterwards', async () => {
    for (const answer of [await open(undefined), await post(undefined, bearer)])
      expect([answer.status, answer.headers.get('location')]).toEqual([
        303,
        `/login?return=${encodeURIComponent(`/connections/${id}/secret`)}`,
      ]);
    expect(await read()).toMatchObject({ hasSecret: false });
  });

  it('opens from a link in a conversation on another site', async () => {
    const answer = await open(owner, id, { 'sec-fetch-site': 'cross-site' });
    expect(answer.status).toBe(200);
  });

  it.each([
    ['another site', {}, { origin: 'https://evil.example' }, 303],
    ['no token', { csrf: '' }, {}, 403],
    ['the token of another session', { csrf: 'x'.repeat(43) }, {}, 403],
  ])('takes no form with %s', async (_what, fields, headers, status) => {
    const answer = await post(owner, { ...bearer, ...fields }, headers);
    expect(answer.status).toBe(status);
    expect(await read()).toMatchObject({ hasSecret: false });
  });

  it('takes nothing for a form', async () => {
    const answer = await fetch(`${service.origin}/connections/${id}/secret`, {
      method: 'POST',
      headers: { cookie: owner.cookie, origin: service.origin },
    });
    expect(answer.status).toBe(403);
  });

  it('is for owners and admins of its workspace, and is not there for anybody else', async () => {
    const member = await service.browser(workspace.member.userId);
    expect((await open(member)).status).toBe(403);
    expect((await post(member, bearer)).status).toBe(403);
    const elsewhere = await service.seed();
    const stranger = await service.browser(elsewhere.owner.userId);
    const unknown = await open(stranger, 'con_0000000000000000000000');
    for (const answer of [await open(stranger), await post(stranger, bearer)]) {
      expect(answer.status).toBe(404);
      expect(await answer.text()).not.toContain('linear');
    }
    expect(await unknown.text()).toBe(await (await open(stranger)).text());
    expect(await read()).toMatchObject({ hasSecret: false });
  });

  it.each([
    ['nothing', { do: 'save' }, 'Enter a secret, or test without one.'],
    [
      'a value without its name',
      { do: 'save', value1: 'hush-hush' },
      'Row 2 has a value and no name.',
    ],
    [
      'the same name twice',
      { do: 'save', name0: 'X-Key', value0: 'hush-hush', name1: 'x-key', value1: 'hush-hush' },
      'The same name is there twice.',
    ],
    [
      'a header of ours',
      { do: 'save', name0: 'Host', value0: 'hush-hush' },
      'is a header that Conducktor sets itself',
    ],
  ])('says what is wrong with %s, and shows no value again', async (_what, fields, sentence) => {
    const answer = await post(owner, fields);
    expect(answer.status).toBe(400);
    const page = await answer.text();
    expect(page).toContain(sentence);
    expect(page).not.toContain('hush-hush');
    expect(await read()).toMatchObject({ hasSecret: false, status: 'PENDING' });
  });

  it('tests without a secret, and says why a server does not let us in', async () => {
    service.worker.answer = () => ({
      status: 'AUTH_REQUIRED',
      reason: 'The server answered 401 <b>.',
      tools: [],
      ms: 1,
    });
    expect((await post(owner, { do: 'test' })).status).toBe(303);
    const page = await (await open(owner)).text();
    expect(page).toContain('<dd>AUTH_REQUIRED</dd>');
    expect(page).toContain('The server answered 401 &lt;b&gt;.');
    expect(await read()).toMatchObject({ hasSecret: false });
  });

  it('takes the variables of a stdio server', async () => {
    id = await connect({ slug: 'files', kind: 'mcp-stdio', catalog: 'files' });
    expect(await (await open(owner)).text()).toContain('Name of the variable');
    await post(owner, { name0: 'API_TOKEN', value0: 'hush-hush', do: 'save' });
    expect(await read()).toMatchObject({ hasSecret: true });
    const [, , update] = await service.changes(workspace.tenantId);
    expect(update).toMatchObject({ secretNames: ['API_TOKEN'] });
  });
});

it('works in a browser by keyboard and label, without an accessibility fault in light or dark', async () => {
  const browser = await startChromium();
  try {
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await browser.newContext({ colorScheme, javaScriptEnabled: true });
      const cookies = owner.cookie.split('; ').map((pair) => {
        const at = pair.indexOf('=');
        return { name: pair.slice(0, at), value: pair.slice(at + 1), url: service.origin };
      });
      await context.addCookies(cookies);
      const page = await context.newPage();
      await page.goto(`${service.origin}/connections/${id}/secret`);
      const look = async (name: string) => {
        await page.evaluate(axe.source);
        // oxlint-disable-next-line typescript/no-explicit-any -- axe is on the page, not in this file
        const { violations } = await page.evaluate(() => (globalThis as any).axe.run());
        expect(violations.map((each: { id: string }) => each.id)).toEqual([]);
        const folder = process.env['SCREENSHOTS'];
        if (folder)
          await page.screenshot({ path: `${folder}/${name}-${colorScheme}.png`, fullPage: true });
      };
      await look('empty');
      if (colorScheme === 'dark') {
        await context.close();
        continue;
      }
      await page.getByText('More than one').click();
      await page.getByRole('button', { name: 'Store and test' }).click();
      await page.getByRole('alert').waitFor();
      await look('problem');
      await page.getByLabel('Value').first().fill('Bearer hush-hush-2');
      await page.getByRole('button', { name: 'Store and test' }).click();
      await page.getByText('ACTIVE', { exact: true }).waitFor();
      await look('stored');
      await context.close();
    }
  } finally {
    await browser.close();
  }
}, 60_000);
