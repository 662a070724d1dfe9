import { generateKeyPairSync } from 'node:crypto';
import { newId } from '@conducktor/contracts';
import { addFirstSigningKey, replaceSigningKeys } from '@conducktor/db';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import type { ToolCallAnswer } from '../../mcp/ports.js';
import {
  answered,
  startGovernedStack,
  type GovernedStack,
} from '../../tests/support/governed-stack.js';

const ISSUER = 'https://mcp.example.test';
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keyOf = (kid: string) => ({
  kid,
  alg: 'ES256',
  publicJwk: { ...pair.publicKey.export({ format: 'jwk' }) },
  privateSealed: Buffer.alloc(1),
});

let stack: GovernedStack;
let stock: string;
beforeAll(async () => {
  stack = await startGovernedStack();
  await addFirstSigningKey(stack.admin, keyOf('first'));
  stock = await stack.connect('stock', { resources: {}, prompts: {} }, ({ method }) =>
    answered(method === 'tools/call' ? { content: [] } : { contents: [], messages: [] }),
  );
  for (const name of ['getInventory', 'getCogs', 'getRevenueAndCogs'])
    await stack.addTool(stock, 'stock', name);
  await stack.activate({ version: 1, default: 'allow', rules: [] });
});
afterAll(() => stack?.stop());
beforeEach(() => declare(SCOPES));

const SCOPES = [
  { scope: 'read:inventory', tools: ['getInventory*', 'resources/*'] },
  { scope: 'read:cogs', tools: ['get*Cogs'] },
  { scope: 'read:revenue', tools: ['getRevenue*', 'prompts/get'] },
];
const declare = async (scopes: object[]) => {
  await stack.admin.pool.query('update connection set scopes = $2 where id = $1', [
    stock,
    JSON.stringify(scopes),
  ]);
};
const tokenFor = (scope: string, kid = 'first', resourcePath = '/mcp') =>
  new SignJWT({
    client_id: 'client',
    scope,
    jti: newId('evt'),
    tenant: stack.people.tenantId,
    member: stack.people.member.memberId,
    gid: newId('grt'),
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
    .setIssuer(ISSUER)
    .setAudience(`${ISSUER}${resourcePath}`)
    .setSubject(stack.people.member.userId)
    .setExpirationTime('5m')
    .sign(pair.privateKey);
const by = async (scope: string, era: 'legacy' | 'modern' = 'modern', resourcePath = '/mcp') => ({
  apiKey: await tokenFor(scope, 'first', resourcePath),
  era,
  resourcePath,
});
const call = async (
  name: string,
  scope: string,
  era?: 'legacy' | 'modern',
): Promise<ToolCallAnswer> =>
  stack.governed.mcp.callTool({
    context: stack.context(await by(scope, era)),
    name,
    argumentsValue: {},
    signal: new AbortController().signal,
  });

describe.each(['legacy', 'modern'] as const)('a call of the %s era', (era) => {
  it('without a declared scope is 403 and says so in header, result and words; with it, it passes', async () => {
    const refused = await call('stock_getRevenueAndCogs', 'mcp:read openid read:other', era);
    // What the token has for tools stays in the list: whoever asks for exactly these loses nothing.
    const all = 'scope="mcp:read read:other read:cogs read:revenue"';
    expect(refused).toMatchObject({
      kind: 'challenge',
      status: 403,
      wwwAuthenticate: expect.stringMatching(new RegExp(`error="insufficient_scope".*${all}`)),
      body: {
        result: {
          isError: true,
          content: [
            { text: 'Permission denied: this needs the scopes read:cogs and read:revenue.' },
          ],
          _meta: {
            'conducktor/code': 'insufficient_scope',
            'mcp/www_authenticate': [expect.stringContaining(all)],
          },
        },
      },
    });
    const passed = await call('stock_getRevenueAndCogs', 'mcp:read read:cogs read:revenue', era);
    expect(passed).toMatchObject({ kind: 'result', result: { content: [] } });
  });
});

it('needs the scope of its class beside the declared one', async () => {
  expect(await call('stock_getInventory', 'read:inventory')).toMatchObject({
    wwwAuthenticate: expect.stringContaining('scope="read:inventory mcp:read"'),
  });
  expect(await call('stock_getInventory', 'mcp:write read:inventory')).toMatchObject({
    kind: 'result',
  });
});

test('resources and prompts need what is declared for their methods', async () => {
  const asks = [
    ['resources/read', { uri: 'stock+file:///a' }, 'read:inventory'],
    ['prompts/get', { name: 'stock_p' }, 'read:revenue'],
  ] as const;
  for (const [method, params, scope] of asks) {
    expect(await stack.request(method, params, await by('mcp:read'))).toMatchObject({
      kind: 'challenge',
      status: 403,
      wwwAuthenticate: expect.stringContaining(`scope="mcp:read ${scope}"`),
      body: { error: { code: -32_003 } },
    });
    expect(await stack.request(method, params, await by(`mcp:read ${scope}`))).toMatchObject({
      kind: 'result',
    });
  }
});

test('a list of all connections goes without the one whose scope is missing, which asks for it at its own path', async () => {
  const listing = () => answered({ resources: [{ uri: 'file:///a', name: 'a' }] });
  await stack.connect('open', { resources: {} }, listing);
  const asked = async (scope: string, resourcePath = '/mcp') =>
    stack.request('resources/list', {}, { ...(await by(scope, 'modern', resourcePath)) });
  const uris = (answer: ToolCallAnswer) =>
    answer.kind === 'result' && (answer.result['resources'] as { uri: string }[]);

  await expect
    .poll(async () => uris(await asked('mcp:read')))
    .toMatchObject([{ uri: 'open+file:///a' }]);
  expect(await asked('mcp:read')).toMatchObject({
    result: { _meta: { 'conducktor/unavailable': ['stock'] } },
  });
  expect(await asked('mcp:read', '/mcp/stock')).toMatchObject({
    kind: 'challenge',
    wwwAuthenticate: expect.stringContaining('scope="mcp:read read:inventory"'),
  });
  // Whoever may list nothing at all is told so.
  expect(await asked('openid')).toMatchObject({ kind: 'challenge', status: 403 });
});

test('every tool of the list says what it needs, to typed clients too', async () => {
  const list = await stack.governed.mcp.listTools(stack.context(await by('mcp:read')));
  const tools = (list as unknown as { tools: Record<string, unknown>[] }).tools;
  const schemes = Object.fromEntries(tools.map((tool) => [tool['name'], tool['securitySchemes']]));
  expect(schemes).toEqual({
    stock_getCogs: [{ type: 'oauth2', scopes: ['mcp:read', 'read:cogs'] }],
    stock_getInventory: [{ type: 'oauth2', scopes: ['mcp:read', 'read:inventory'] }],
    stock_getRevenueAndCogs: [
      { type: 'oauth2', scopes: ['mcp:read', 'read:cogs', 'read:revenue'] },
    ],
  });
  for (const { _meta, securitySchemes } of tools) expect(_meta).toMatchObject({ securitySchemes });
});

test('a scope that is declared now is needed within a second', async () => {
  await declare([]);
  await expect.poll(() => call('stock_getCogs', 'mcp:read')).toMatchObject({ kind: 'result' });
  await declare(SCOPES);
  await expect
    .poll(() => call('stock_getCogs', 'mcp:read'), { timeout: 3_000 })
    .toMatchObject({ kind: 'challenge', status: 403 });
});

test('a token that was seen before is refused within a second once its key is taken out of use', async () => {
  const context = stack.context(await by('mcp:read'));
  expect(await stack.governed.mcp.authenticate(context)).toMatchObject({ kind: 'caller' });
  await replaceSigningKeys(stack.admin, keyOf('second'));
  await expect
    .poll(() => stack.governed.mcp.authenticate(context), { timeout: 3_000, interval: 20 })
    .toMatchObject({ kind: 'challenge', status: 401 });
  const renewed = stack.context({ apiKey: await tokenFor('mcp:read', 'second') });
  expect(await stack.governed.mcp.authenticate(renewed)).toMatchObject({ kind: 'caller' });
});
