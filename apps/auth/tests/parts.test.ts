import { describe, expect, test } from 'vitest';
import { networkOf } from '@conducktor/identity';
import { createPasswords } from '../src/accounts/passwords.js';
import { createFormGuard } from '../src/interactions/csrf.js';
import {
  cookieNames,
  flowCookie,
  holdsFlow,
  renameForBrowser,
  renameForProvider,
} from '../src/oidc/cookies.js';
import { requestedScope } from '../src/oidc/scopes.js';
import { html } from '../src/pages/html.js';

const names = cookieNames('https://gateway.example', 'ins_1');

describe('cookies of sign-ins under way', () => {
  const uid = 'abc-DEF_123';
  const written = [
    `${names.session}=s; path=/; httponly`,
    `${names.flow}_i=${uid}; path=/; secure`,
    `${names.flow}_i.sig=x; path=/; secure`,
    `${names.flow}=${uid}; path=/oauth2/authorize/${uid}; secure; httponly`,
    `${names.flow}.sig=sig; path=/oauth2/authorize/${uid}; secure; httponly`,
  ];

  test('carry their id in the name and the path /', () => {
    expect(renameForBrowser(names, written)).toEqual([
      `${names.session}=s; path=/; httponly`,
      `${names.flow}_${uid}=${uid}; path=/; secure; httponly`,
      `${names.flow}_${uid}.sig=sig; path=/; secure; httponly`,
    ]);
  });

  test('come back under the library’s name, one sign-in at a time', () => {
    const header = `${names.session}=s; ${names.flow}_${uid}=${uid}; ${names.flow}_${uid}.sig=sig; ${names.flow}_other=other; ${names.flow}=planted`;
    expect(renameForProvider(names, header, uid)).toBe(
      `${names.session}=s; ${names.flow}=${uid}; ${names.flow}.sig=sig`,
    );
    expect(holdsFlow(names, header, uid)).toBe(true);
    expect(holdsFlow(names, header, 'nothing')).toBe(false);
    expect(holdsFlow(names, `${flowCookie(names, uid)}=other`, uid)).toBe(false);
    expect(holdsFlow(names, undefined, uid)).toBe(false);
  });
});

describe('form tokens', () => {
  const guard = createFormGuard({ key: 'k', cookies: names, publicUrl: 'https://gateway.example' });
  const form = { page: '/login', flow: 'one' } as const;
  const { csrf, setCookie } = guard.issue(undefined, form);
  const cookie = setCookie!.split(';')[0]!;
  const post = { cookie, csrf, origin: undefined };

  test('are good for their browser, page and sign-in', () => {
    expect(guard.accepts(post, form)).toBe(true);
    expect(guard.accepts({ ...post, origin: 'https://gateway.example' }, form)).toBe(true);
    expect(guard.issue(cookie, form)).toMatchObject({ csrf, setCookie: undefined });
    expect(guard.accepts(post, { ...form, page: '/consent' })).toBe(false);
    expect(guard.accepts(post, { ...form, flow: 'two' })).toBe(false);
    expect(guard.accepts(post, { ...form, flow: undefined })).toBe(false);
    expect(guard.accepts({ ...post, origin: 'https://evil.example' }, form)).toBe(false);
    expect(guard.accepts({ ...post, csrf: undefined }, form)).toBe(false);
    const other = guard.issue(undefined, form).setCookie!.split(';')[0]!;
    expect(guard.accepts({ ...post, cookie: other }, form)).toBe(false);
  });
});

test('markup escapes what is put into it, and nested markup once', () => {
  const inner = html`<b>${'<&"\'>'}</b>`;
  expect(html`<i title="${'"x'}">${inner}${undefined}${false}${[inner, 1]}</i>`.text).toBe(
    '<i title="&quot;x"><b>&lt;&amp;&quot;&#39;&gt;</b><b>&lt;&amp;&quot;&#39;&gt;</b>1</i>',
  );
});

test.each([
  [undefined, 'mcp:read'],
  ['', 'mcp:read'],
  ['openid offline_access', 'openid offline_access mcp:read'],
  ['write', 'mcp:write'],
  ['read:inventory', 'read:inventory'],
])('scope %j is asked as %j', (asked, scope) => expect(requestedScope(asked)).toBe(scope));

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('attempts from %s count for %s', (ip, key) => expect(networkOf(ip)).toBe(key));

test('a flood of passwords is bounded: the surplus is refused at once', async () => {
  const passwords = createPasswords();
  const answers = await Promise.allSettled(
    Array.from({ length: 100 }, () => passwords.verify(undefined, 'x')),
  );
  const refused = answers.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(100 - 66);
  expect((refused[0] as PromiseRejectedResult).reason).toMatchObject({ code: 'rate_limited' });
});
