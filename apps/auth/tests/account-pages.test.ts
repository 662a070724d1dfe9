import { findUserByEmail } from '@conducktor/db';
import { newId } from '@conducktor/contracts';
import { FormBrowser } from '@conducktor/oauth-client';
import { seedWorkspace, seriousFindings, startChromium } from '@conducktor/testing';
import { mintInvitation } from '@conducktor/identity';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { allow, authorization, register, signUp, startAuth, type AuthService } from './harness.js';
import { lettersTo, linkIn } from './smtp.js';

type Chromium = Awaited<ReturnType<typeof startChromium>>;

let auth: AuthService;
let chromium: Chromium;
beforeAll(async () => {
  auth = await startAuth({ MAIL_DIR: '/nowhere' });
  chromium = await startChromium();
});
afterAll(async () => {
  await chromium.close();
  await auth.stop();
});

/** The cookies of a browser without a screen, for one with a screen. */
async function pageOf(browser: FormBrowser, colorScheme: 'light' | 'dark') {
  const context = await chromium.newContext({ colorScheme, viewport: { width: 320, height: 800 } });
  const cookies = browser.jar.header().split('; ').filter(Boolean);
  await context.addCookies(
    cookies.map((pair) => {
      const at = pair.indexOf('=');
      return { name: pair.slice(0, at), value: pair.slice(at + 1), url: auth.origin };
    }),
  );
  return context.newPage();
}

/** A person with apps and workspaces in every state. */
async function somebody(browser: FormBrowser): Promise<{ email: string; tenantId: string }> {
  const email = await signUp(auth, browser, 'Acme Corporation');
  const user = (await findUserByEmail(auth.db, email))!;
  let tenantId = '';
  for (const [name, state] of [
    ['Left long ago', 'removed_at = now(), disabled_at = now()'],
    ['Switched off', 'disabled_at = now()'],
    ['Where one may leave', 'disabled_at = null'],
  ] as const) {
    ({ tenantId } = await seedWorkspace(auth.admin, { name }));
    const id = newId('mem');
    await auth.admin.pool.query(
      'insert into member (tenant_id, id, user_id, email) values ($1, $2, $3, $4)',
      [tenantId, id, user.id, email],
    );
    await auth.admin.pool.query(`update member set ${state} where id = $1`, [id]);
  }
  for (const name of ['Claude', 'A client with a rather long name that has to wrap somewhere']) {
    const client = await register(auth, { client_name: name });
    const scope = 'mcp:read mcp:write offline_access';
    await allow(browser, await authorization(client, { scope }), { workspace: tenantId });
  }
  return { email, tenantId };
}

async function invitationTo(email: string): Promise<string> {
  const { tenantId } = await seedWorkspace(auth.admin, { name: 'Inviting Company' });
  const user = (await findUserByEmail(auth.db, email))!;
  const { token, tokenHash } = mintInvitation();
  const memberId = newId('mem');
  await auth.admin.pool.query(
    'insert into member (tenant_id, id, user_id, email, accepted_at) values ($1, $2, $3, $4, null)',
    [tenantId, memberId, user.id, email],
  );
  await auth.admin.pool.query(
    "insert into invitation (tenant_id, member_id, token_hash, invited_by, expires_at) values ($1, $2, $3, 'ida@example.com', now() + interval '1 day')",
    [tenantId, memberId, tokenHash],
  );
  return `/invite?token=${token}`;
}

test('pages about a person and pages behind letters are accessible, narrow and without complaints', async () => {
  const browser = new FormBrowser(auth.origin);
  const { email, tenantId } = await somebody(browser);
  const asked = await fetch(`${auth.origin}/login/forgot`);
  const cookie = asked.headers.get('set-cookie')!.split(';')[0]!;
  const csrf = /name="csrf" value="([^"]+)"/.exec(await asked.text())![1]!;
  await fetch(`${auth.origin}/login/forgot`, {
    method: 'POST',
    headers: { cookie },
    body: new URLSearchParams({ csrf, email }),
  });
  const letters = await vi.waitFor(async () => {
    const sent = await lettersTo(auth, email);
    expect(sent).toHaveLength(2);
    return sent;
  });
  const paths = {
    profile: '/account',
    done: '/account?done=name',
    apps: '/account/apps',
    workspaces: '/account/workspaces',
    leave: `/account/workspaces/leave?workspace=${tenantId}`,
    signedIn: '/login',
    invite: await invitationTo(email),
    verify: linkIn(letters[0], '/verify'),
    reset: linkIn(letters[1], '/login/reset'),
    forgot: '/login/forgot',
    ended: '/verify?token=x',
  };
  for (const scheme of ['light', 'dark'] as const) {
    const page = await pageOf(browser, scheme);
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    for (const [name, path] of Object.entries(paths)) {
      const response = await page.goto(new URL(path, auth.origin).href);
      expect([name, response!.status()]).toEqual([name, name === 'ended' ? 404 : 200]);
      expect([name, await seriousFindings(page)]).toEqual([name, []]);
      const width = await page.evaluate<number>('document.documentElement.scrollWidth');
      expect([name, width]).toEqual([name, 320]);
    }
    // A page that answers 404 is noted by the browser; nothing else, no policy violation.
    expect(complaints.filter((text) => !text.includes('404'))).toEqual([]);
    await page.context().close();
  }
}, 60_000);

test('the way between the pages is found with a keyboard, and says where one is', async () => {
  const browser = new FormBrowser(auth.origin);
  await somebody(browser);
  const page = await pageOf(browser, 'light');
  await page.goto(`${auth.origin}/account`);
  const navigation = page.getByRole('navigation', { name: 'Your account' });
  expect(await navigation.locator('[aria-current=page]').textContent()).toBe('Profile');
  await navigation.getByRole('link', { name: 'Connected apps' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Connected apps' }).waitFor();
  await page.getByRole('button', { name: 'Revoke Claude in Where one may leave' }).click();
  await page.getByRole('status').getByText('The app was disconnected.').waitFor();
  expect(await page.getByRole('heading', { name: 'Claude' }).count()).toBe(0);
  await page.context().close();
});
