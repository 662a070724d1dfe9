import { seriousFindings, startChromium } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startControl, type Browser, type ControlService } from './harness.js';
import { keepPreview, openDesk, waitingCall, type Desk } from './waiting-call.js';

let service: ControlService;
let desk: Desk;
let ann: Browser;
let requester: Browser;
let id: string;
let asked = 0;
beforeAll(async () => {
  service = await startControl();
  desk = await openDesk(service);
  ann = await service.browser(desk.ann.userId);
  await service.admin.pool.query('update api_key set name = $2 where id = $1', [
    desk.member.keyId,
    'b\u202ea',
  ]);
  requester = await service.browser(desk.member.userId);
});
afterAll(() => service.stop());
beforeEach(async () => {
  id = await waitingCall(service, desk, {
    args: {
      amount: 700 + ++asked,
      note: '<script>alert(1)</script>',
      turned: 'a\u202eb\u200b\ufe01',
    },
    message: 'Refunds need a second look',
    costMicros: 2_500,
  });
});

const open = (browser: Browser | undefined, of = id, headers: Record<string, string> = {}) =>
  fetch(`${service.origin}/approvals/${of}`, {
    redirect: 'manual',
    headers: { ...(browser && { cookie: browser.cookie }), ...headers },
  });
const post = (
  browser: Browser | undefined,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
) =>
  fetch(`${service.origin}/approvals/${id}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { ...(browser && { cookie: browser.cookie }), origin: service.origin, ...headers },
    body: new URLSearchParams({ csrf: browser?.csrf ?? '', ...fields }),
  });
const text = async (browser: Browser) => (await open(browser)).text();
const status = async () =>
  (await service.admin.pool.query('select status from approval_request where id = $1', [id]))
    .rows[0].status;

describe('the page of a call that waits', () => {
  it('shows who asks for what, as text, with every character to be seen', async () => {
    const answer = await open(ann);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-security-policy')).toMatch(
      /default-src 'none'.*form-action 'self'.*frame-ancestors 'none'/,
    );
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const page = await answer.text();
    for (const part of [
      'Approve crm_refund?',
      desk.member.email,
      String.raw`<dd>b\u{202e}a (chatgpt)</dd>`,
      'crm_refund of crm',
      '<dd>$0.0025</dd>',
      '0 of 1 from finance',
      'Refunds need a second look',
      '&lt;script&gt;',
      String.raw`a\u{202e}b\u{200b}\u{fe01}`,
    ])
      expect(page).toContain(part);
    expect(page).not.toMatch(/<script|\u202e/);
  });

  it('approves with a reason, and then says what happens next', async () => {
    const done = await post(ann, { do: 'approve', reason: 'Checked' });
    expect([done.status, done.headers.get('location')]).toEqual([303, `/approvals/${id}`]);
    const page = await text(ann);
    expect(page).toContain('The call is made now, once');
    expect(page).toContain(`${desk.ann.email} approved`);
    expect(page).not.toContain('value="approve"');
    expect((await post(ann, { do: 'reject' })).status).toBe(409);
    expect(await status()).toBe('approved');
  });

  it('lets the person who asked look and take it back, and decide nothing', async () => {
    const page = await text(requester);
    expect(page).toContain('Take it back');
    expect(page).not.toContain('value="approve"');
    const refused = await post(requester, { do: 'approve' });
    expect(refused.status).toBe(403);
    expect(await refused.text()).toContain('nobody decides about their own request');
    expect(await status()).toBe('pending');
    expect((await post(requester, { do: 'cancel' })).status).toBe(303);
    expect(await text(requester)).toContain('taken back by the person who asked');
    expect(await status()).toBe('void');
  });

  it('is not there for anybody else of the workspace, or of another', async () => {
    const elsewhere = await service.browser((await service.seed()).owner.userId);
    const dan = await service.browser(desk.dan.userId);
    const never = await (await open(dan, 'apr_0000000000000000000000')).text();
    for (const browser of [dan, elsewhere]) {
      for (const answer of [await open(browser), await post(browser, { do: 'approve' })]) {
        expect(answer.status).toBe(404);
        expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
        expect(await answer.text()).toBe(never);
      }
    }
    expect(await status()).toBe('pending');
  });

  it('sends who is not signed in to sign in and back, and opens from a link on another site', async () => {
    for (const answer of [await open(undefined), await post(undefined, { do: 'approve' })])
      expect([answer.status, answer.headers.get('location')]).toEqual([
        303,
        `/login?return=${encodeURIComponent(`/approvals/${id}`)}`,
      ]);
    expect((await open(ann, id, { 'sec-fetch-site': 'cross-site' })).status).toBe(200);
  });

  it.each([
    ['another site', {}, { origin: 'https://evil.example' }, 303],
    ['no token', { csrf: '' }, {}, 403],
    ['the token of another session', { csrf: 'x'.repeat(43) }, {}, 403],
    ['nothing chosen', { do: '' }, {}, 400],
    ['a reason that nobody can see', { reason: '\u200b' }, {}, 400],
    ['a reason of two lines', { reason: 'a\u2028b' }, {}, 400],
  ])('takes no form with %s', async (_what, fields, headers, code) => {
    expect((await post(ann, { do: 'approve', ...fields }, headers)).status).toBe(code);
    expect(await status()).toBe('pending');
  });

  it('says how much of very long arguments it does not show', async () => {
    id = await waitingCall(service, desk, { args: { text: 'x'.repeat(250_000) } });
    const page = await text(ann);
    expect(page.length).toBeLessThan(220_000);
    expect(page).toMatch(/\d{5} more characters are not shown here/);
  });
});

it('works in a narrow browser by keyboard and label, without an accessibility fault in light or dark', async () => {
  const browser = await startChromium();
  await keepPreview(service, desk, id, 'before', {
    content: '{\n  "amount": 0,\n  "to": "ann"\n}',
  });
  await keepPreview(service, desk, id, 'after', {
    content: '{\n  "amount": 700,\n  "to": "ann"\n}',
  });
  try {
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await browser.newContext({
        colorScheme,
        viewport: { width: 360, height: 720 },
      });
      await context.addCookies(
        ann.cookie.split('; ').map((pair) => {
          const at = pair.indexOf('=');
          return { name: pair.slice(0, at), value: pair.slice(at + 1), url: service.origin };
        }),
      );
      const page = await context.newPage();
      await page.goto(`${service.origin}/approvals/${id}`);
      const look = async (name: string) => {
        expect(await seriousFindings(page)).toEqual([]);
        expect(
          await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth'),
        ).toBe(true);
        const folder = process.env['SCREENSHOTS'];
        if (folder)
          await page.screenshot({ path: `${folder}/${name}-${colorScheme}.png`, fullPage: true });
      };
      await look('waiting');
      if (colorScheme === 'dark') {
        await page.getByLabel('Reason').fill('Checked the invoice');
        await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
        await page.getByRole('heading', { name: 'Approved: crm_refund' }).waitFor();
        await look('approved');
        expect(await status()).toBe('approved');
      }
      await context.close();
    }
  } finally {
    await browser.close();
  }
}, 60_000);
