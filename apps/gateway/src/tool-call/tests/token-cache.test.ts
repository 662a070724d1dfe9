// What was verified is kept for a bounded number of credentials: nobody may crowd out the others'.
import { expect, test } from 'vitest';
import type { McpRequestContext } from '../../mcp/ports.js';
import { TokenCache } from '../authenticate.js';

const of = (authorization: string, resourcePath = '/mcp') =>
  ({ headers: { authorization }, resourcePath }) as unknown as McpRequestContext;
const CREDENTIAL = {} as Parameters<TokenCache['set']>[1];

test('a key that goes to many addresses, written in many ways, takes one place', () => {
  const cache = new TokenCache(3);
  cache.set(of('Bearer eyJ.a.b'), CREDENTIAL);
  cache.set(of('bearer   eyJ.a.b'), CREDENTIAL);
  for (let each = 0; each < 10; each++)
    cache.set(of(`Bearer${' '.repeat(each + 1)}ck_a_b`, `/mcp/${each}`), CREDENTIAL);
  expect(cache.of(of('Bearer eyJ.a.b'))).toBe(CREDENTIAL);
  expect(cache.of(of('Bearer ck_a_b', '/mcp/other'))).toBe(CREDENTIAL);
});

test('a token is good for the resource that it was verified for', () => {
  const cache = new TokenCache();
  cache.set(of('Bearer eyJ.a.b'), CREDENTIAL);
  expect(cache.of(of('Bearer eyJ.a.b', '/mcp/linear'))).toBeUndefined();
});
