import { FormBrowser } from '@conducktor/oauth-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  authorization,
  register,
  signUp,
  startAuth,
  stayed,
  textOf,
  type AuthService,
} from './harness.js';

let auth: AuthService;
beforeAll(async () => {
  auth = await startAuth();
});
afterAll(() => auth.stop());

describe('the consent page says that a client stays connected', () => {
  test.each([
    [
      'whenever it will get a refresh token, asked for or not',
      ['authorization_code', 'refresh_token'],
      true,
    ],
    ['and does not when it will get none', ['authorization_code'], false],
  ])('%s', async (_name, grantTypes, stays) => {
    const browser = new FormBrowser(auth.origin);
    await signUp(auth, browser);
    const client = await register(auth, { grant_types: grantTypes });
    const { url } = await authorization(client, { scope: 'read' });
    const text = textOf(stayed(await browser.open(url.href)));
    expect(text.includes('stay connected until you disconnect it')).toBe(stays);
  });
});
