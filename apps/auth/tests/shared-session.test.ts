import { createDb, findBrowserSession, instanceId } from '@conducktor/db';
import { FormBrowser } from '@conducktor/oauth-client';
import { cookieNames, hashedId, signedCookie } from '@conducktor/identity';
import { deriveKey } from '@conducktor/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signUp, startAuth, type AuthService } from './harness.js';

let auth: AuthService;
beforeAll(async () => {
  auth = await startAuth();
});
afterAll(() => auth.stop());

test('the session that sign-in leaves in a browser is found by the control plane until it ends', async () => {
  const browser = new FormBrowser(auth.origin);
  const email = await signUp(auth, browser);
  const control = createDb(auth.database.urlFor('conducktor_app'), { max: 1 });
  try {
    const { session } = cookieNames(auth.origin, await instanceId(control));
    const key = deriveKey(auth.config.SECRET_KEY, 'cookies').toString('base64url');
    const header = browser.jar.header();
    const id = signedCookie(header, session, key);
    expect(id).toBeDefined();
    expect(signedCookie(header, session, 'another key')).toBeUndefined();
    const find = () => findBrowserSession(control, hashedId(id!));
    expect(await find()).toMatchObject({ email, displayName: 'Pat Example' });
    // No way to it but by the secret in the cookie.
    expect(await findBrowserSession(control, id!)).toBeUndefined();
    await expect(control.pool.query('select * from oidc_payload')).rejects.toThrow(
      'permission denied',
    );
    await auth.admin.pool.query('update user_account set disabled_at = now() where email = $1', [
      email,
    ]);
    expect(await find()).toBeUndefined();
  } finally {
    await control.end();
  }
});

test('redirects of the pages carry the security headers too', async () => {
  const secure = await startAuth({ PUBLIC_URL: 'https://conducktor.example' });
  try {
    const answer = await fetch(`http://127.0.0.1:${secure.config.PORT}/login`, {
      headers: { host: 'conducktor.example', 'x-forwarded-proto': 'https' },
      redirect: 'manual',
    });
    expect(answer.headers.get('strict-transport-security')).toContain('max-age=31536000');
    const posted = await fetch(`http://127.0.0.1:${secure.config.PORT}/login`, {
      method: 'POST',
      headers: { host: 'conducktor.example', 'x-forwarded-proto': 'https' },
      body: new URLSearchParams({ email: 'a@b.example' }),
      redirect: 'manual',
    });
    expect(posted.headers.get('strict-transport-security')).toContain('max-age=31536000');
    expect(posted.headers.get('x-frame-options')).toBe('DENY');
  } finally {
    await secure.stop();
  }
});
