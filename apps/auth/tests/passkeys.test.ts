import { seriousFindings, startChromium } from '@conducktor/testing';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  authorization,
  PASSWORD,
  register,
  signUp,
  startAuth,
  type AuthService,
} from './harness.js';

let auth: AuthService;
let chromium: Awaited<ReturnType<typeof startChromium>>;
beforeAll(async () => {
  auth = await startAuth();
  chromium = await startChromium();
});
afterAll(async () => {
  await chromium.close();
  await auth.stop();
});

interface Device {
  page: Page;
  context: BrowserContext;
  /** Policy violations and failed scripts; answers with an error status are not among them. */
  complaints: string[];
  /** What the authenticator keeps. */
  credentials(): Promise<{ credentialId: string; signCount: number }[]>;
}

/** A browser with an authenticator of its own: a passkey provider, or a key without PIN. */
async function device(kind: 'platform' | 'key' = 'platform'): Promise<Device> {
  const context = await chromium.newContext({ viewport: { width: 420, height: 900 } });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 40[01]/.test(message.text()))
      complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  const cdp = await context.newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: kind === 'platform' ? 'internal' : 'usb',
      hasResidentKey: kind === 'platform',
      hasUserVerification: kind === 'platform',
      isUserVerified: kind === 'platform',
      automaticPresenceSimulation: true,
    },
  });
  return {
    page,
    context,
    complaints,
    credentials: async () =>
      (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
  };
}

async function givePassword({ page }: Device, email: string): Promise<void> {
  await page.goto(`${auth.origin}/login`);
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

async function signOut({ context }: Device): Promise<void> {
  await context.clearCookies();
}

async function addPasskey(on: Device, name: string): Promise<void> {
  await on.page.goto(`${auth.origin}/account/security`);
  await on.page.getByRole('link', { name: 'Add a passkey' }).click();
  await on.page.getByLabel('Name').fill(name);
  await on.page.getByRole('button', { name: 'Add a passkey' }).click();
  await on.page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
}

const amrOf = async (email: string) =>
  (
    await auth.admin.pool.query(
      `select p.payload -> 'amr' as amr from oidc_payload p join user_account u on u.id = p.payload ->> 'accountId'
        where p.kind = 'Session' and u.email = $1 order by (p.payload ->> 'iat')::bigint desc, p.uid`,
      [email],
    )
  ).rows.map(({ amr }) => (amr as string[]).join(' '));

describe('a passkey', { timeout: 60_000 }, () => {
  test('signs in with nothing else, also on the way to a client', async () => {
    const own = await device();
    const email = await signUp(auth);
    await givePassword(own, email);
    await own.page.getByRole('heading', { name: 'You are signed in' }).waitFor();
    await addPasskey(own, 'Work laptop');
    await own.page.getByRole('link', { name: 'I have kept them' }).click();
    await own.page.getByRole('heading', { name: 'Work laptop' }).waitFor();
    expect(await own.credentials()).toHaveLength(1);

    await signOut(own);
    await own.page.goto(`${auth.origin}/login`);
    await own.page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await own.page.getByRole('heading', { name: 'You are signed in' }).waitFor();
    await own.page.getByText(email).first().waitFor();
    expect(await amrOf(email)).toContainEqual(expect.stringMatching(/^[hs]wk user mfa$/));

    await signOut(own);
    const { url } = await authorization(await register(auth, { client_name: 'Inspector' }));
    await own.page.goto(url.href);
    await own.page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await own.page.getByRole('heading', { name: 'Connect Inspector?' }).waitFor();
    expect(own.complaints).toEqual([]);
    await own.context.close();
  });

  test('is the second step after the password, and the password alone signs nobody in', async () => {
    const own = await device();
    const email = await signUp(auth);
    await givePassword(own, email);
    await own.page.getByRole('heading', { name: 'You are signed in' }).waitFor();
    await addPasskey(own, 'Phone');
    await signOut(own);

    const thief = await device();
    await givePassword(thief, email);
    await thief.page.getByRole('heading', { name: 'One more step' }).waitFor();
    await thief.page.getByRole('button', { name: 'Use a passkey' }).click();
    await thief.page.getByText('No passkey was used.').waitFor();
    await thief.page.goto(`${auth.origin}/login`);
    await thief.page.getByRole('heading', { name: 'Sign in' }).waitFor();

    await givePassword(own, email);
    await own.page.getByRole('button', { name: 'Use a passkey' }).click();
    await own.page.getByRole('heading', { name: 'You are signed in' }).waitFor();
    expect(await amrOf(email)).toContainEqual(expect.stringMatching(/^pwd [hs]wk mfa$/));
    expect([...own.complaints, ...thief.complaints]).toEqual([]);
    await Promise.all([own.context.close(), thief.context.close()]);
  });

  test('that does not check who holds it is a second step and nothing more', async () => {
    const own = await device('key');
    const email = await signUp(auth);
    await givePassword(own, email);
    await own.page.getByRole('heading', { name: 'You are signed in' }).waitFor();
    await addPasskey(own, 'Security key');
    await signOut(own);
    await givePassword(own, email);
    await own.page.getByRole('button', { name: 'Use a passkey' }).click();
    await own.page.getByRole('heading', { name: 'You are signed in' }).waitFor();
    await own.context.close();
  });

  test('answers once, in its own browser, to its own question, and not from a copy that fell behind', async () => {
    const own = await device();
    const email = await signUp(auth);
    await givePassword(own, email);
    await own.page.getByRole('heading', { name: 'You are signed in' }).waitFor();
    await addPasskey(own, 'Laptop');
    await signOut(own);

    // The form as the script posts it, kept instead of sent.
    const keep = async ({ page }: Device, changes: Record<string, string> = {}) => {
      await page.goto(`${auth.origin}/login`);
      return page.evaluate<Record<string, string>>(`(async () => {
        const form = document.querySelector('form[data-passkey]');
        const asked = { ...JSON.parse(form.dataset.options), ...${JSON.stringify(changes)} };
        const options = PublicKeyCredential.parseRequestOptionsFromJSON(asked);
        const credential = await navigator.credentials.get({ publicKey: options });
        return { csrf: form.elements.csrf.value, answer: JSON.stringify(credential.toJSON()) };
      })()`);
    };
    const post = async ({ context }: Device, form: Record<string, string>) => {
      const sent = { form, maxRedirects: 0 };
      return (await context.request.post(`${auth.origin}/login/passkey`, sent)).status();
    };

    const first = await keep(own);
    const other = await device();
    const { csrf } = await keep(other).catch(async () => ({
      csrf: await other.page.locator('form[data-passkey] [name=csrf]').inputValue(),
    }));
    // In another browser, under its form.
    expect(await post(other, { ...first, csrf: csrf! })).toBe(401);
    const changed = JSON.parse(first['answer']!);
    changed.response.signature = `${changed.response.signature.slice(0, -8)}AAAAAAAA`;
    const second = await keep(own);
    expect(await post(own, { ...first, answer: JSON.stringify(changed) })).toBe(401);
    expect(await post(own, { ...first, answer: 'no JSON' })).toBe(401);
    // Of many at once one signs in, and none afterwards.
    const statuses = await Promise.all(Array.from({ length: 4 }, () => post(own, second)));
    expect(statuses.toSorted()).toEqual([303, 401, 401, 401]);
    expect(await post(own, second)).toBe(401);
    // Not by the counter alone: devices that copy their passkeys do not count.
    await auth.admin.pool.query('update passkey set counter = 0');
    expect(await post(own, second)).toBe(401);
    // Whoever holds the device must have shown that it is theirs.
    await signOut(own);
    expect(await post(own, await keep(own, { userVerification: 'discouraged' }))).toBe(401);

    // A device that counts further than this copy was here.
    await signOut(own);
    const third = await keep(own);
    await auth.admin.pool.query('update passkey set counter = counter + 50');
    expect(await post(own, third)).toBe(401);
    await Promise.all([own.context.close(), other.context.close()]);
  });

  test('of a disabled account signs nobody in', async () => {
    const own = await device();
    const email = await signUp(auth);
    await givePassword(own, email);
    await own.page.getByRole('heading', { name: 'You are signed in' }).waitFor();
    await addPasskey(own, 'Laptop');
    await signOut(own);
    await auth.admin.pool.query('update user_account set disabled_at = now() where email = $1', [
      email,
    ]);
    await own.page.goto(`${auth.origin}/login`);
    await own.page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await own.page.getByRole('alert').getByText('That passkey was not accepted.').waitFor();
    await own.context.close();
  });
});

test('every page of it is accessible, in both schemes and on a narrow screen', async () => {
  const own = await device();
  const { page } = own;
  const email = await signUp(auth);
  const look = async (name: string, schemes = ['light'] as ('light' | 'dark')[]) => {
    for (const colorScheme of schemes) {
      await page.emulateMedia({ colorScheme });
      expect(await seriousFindings(page), `${name}, ${colorScheme}`).toEqual([]);
      const shots = process.env['SCREENSHOTS'];
      if (shots)
        await page.screenshot({ path: `${shots}/${name}-${colorScheme}.png`, fullPage: true });
    }
    await page.setViewportSize({ width: 320, height: 700 });
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    expect(width, name).toBeLessThanOrEqual(320);
    await page.setViewportSize({ width: 420, height: 900 });
  };
  await page.goto(`${auth.origin}/login`);
  await look('login');
  await givePassword(own, email);
  await page.goto(`${auth.origin}/account/security`);
  await look('security-empty');
  await page.getByRole('link', { name: 'Set up an authenticator app' }).click();
  await page.getByText('No camera?').click();
  await look('authenticator');
  await page.goto(`${auth.origin}/account/security/passkey`);
  await look('add-passkey');
  await addPasskey(own, 'Work laptop');
  await look('recovery-codes');
  await page.goto(`${auth.origin}/account/security`);
  await page.getByText('Rename or remove').click();
  await page.getByText('Change the password').click();
  await look('security', ['light', 'dark']);
  await page.goto(`${auth.origin}/account/security/confirm?next=passkey`);
  await look('confirm');
  await own.context.clearCookies();
  await givePassword(own, email);
  await page.getByText('Lost your phone').click();
  await look('second-factor', ['dark']);
  expect(own.complaints).toEqual([]);
  await own.context.close();
}, 60_000);
