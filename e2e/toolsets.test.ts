// Paths of connections and toolsets with real clients: signing in, names, tokens, search.
import {
  connectLegacy,
  connectModernSignedIn,
  MemoryOAuthProvider,
  rawCall,
  rawMcp,
} from '@conducktor/testing';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { Rest } from './support/rest.js';
import { openWorld, type World } from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await openWorld({ slug: 'rec' });
  const sets = [
    { slug: 'few', tools: ['rec_echo', 'rec_add_note'], prefix: 'never' },
    { slug: 'searched', tools: ['rec_*'], prefix: 'never', mode: 'search' },
  ];
  for (const set of sets) await world.rest.must('POST', '/toolsets', set);
});
afterAll(() => world.close());

const at = (slug: string) => `${world.stack.publicUrl}/mcp/${slug}`;
const key = () => world.workspace.member.apiKey;

for (const era of ['modern', 'legacy'] as const) {
  test(`a ${era} client sees and calls a toolset’s tools by the names they have there`, async () => {
    const list = await rawMcp(at('few'), 'tools/list', {}, { token: key(), era });
    const tools = list.message?.result?.['tools'] as { name: string }[];
    expect(tools.map(({ name }) => name)).toEqual(['add_note', 'echo']);
    const before = world.upstream.calls.length;
    const echo = await rawCall(at('few'), 'echo', { message: era }, { token: key(), era });
    expect(echo.message?.result?.content).toEqual([{ type: 'text', text: era }]);
    expect(world.upstream.calls.slice(before).map(({ name }) => name)).toEqual(['echo']);
  });

  test(`a ${era} client finds and calls tools where they are searched`, async () => {
    const find = { query: 'message', limit: 1 };
    const options = { token: key(), era };
    const found = await rawCall(at('searched'), 'conducktr_find_tools', find, options);
    expect(found.message?.result).toMatchObject({
      structuredContent: { tools: [{ name: 'echo' }] },
    });
    const call = { name: 'echo', arguments: { message: 'carried' } };
    const answer = await rawCall(at('searched'), 'conducktr_call_tool', call, options);
    expect(answer.message?.result?.content).toEqual([{ type: 'text', text: 'carried' }]);
    expect(world.upstream.calls.at(-1)).toMatchObject({
      name: 'echo',
      arguments: { message: 'carried' },
    });
  });

  test(`a path with nothing is HTTP 404 to a ${era} client, after it has said who it is`, async () => {
    const answer = await rawMcp(at('nothing'), 'tools/list', {}, { token: key(), era });
    expect(answer.status).toBe(404);
    expect(answer.message?.error).toMatchObject({
      code: -32602,
      data: { _meta: { 'conducktor/code': 'not_found' } },
    });
    expect((await rawMcp(at('nothing'), 'tools/list', {}, { era })).status).toBe(401);
  });
}

test('the official legacy client initializes, finds and calls on a toolset', async () => {
  const client = await connectLegacy(at('searched'), key());
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(['conducktr_call_tool', 'conducktr_find_tools']);
  const found = await client.callTool({
    name: 'conducktr_find_tools',
    arguments: { query: 'note' },
  });
  expect(JSON.stringify(found.structuredContent)).toContain('add_note');
  await client.close();
});

test('a token is good on the path that it was asked for and on no other', async () => {
  const { demo, publicUrl } = inject('stack');
  const rest = new Rest(publicUrl, demo.apiKey);
  const slug = 'echoes';
  await rest.must('POST', '/toolsets', { slug, tools: ['*_echo'], prefix: 'never' });
  const provider = new MemoryOAuthProvider();
  const { client } = await connectModernSignedIn(`${publicUrl}/mcp/${slug}`, demo, provider);
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(['echo']);
  await client.close();
  const claims = JSON.parse(
    Buffer.from(provider.accessToken!.split('.')[1]!, 'base64url').toString(),
  ) as { aud: string };
  expect(claims.aud).toBe(`${publicUrl}/mcp/${slug}`);

  const whole = new MemoryOAuthProvider();
  await (await connectModernSignedIn(`${publicUrl}/mcp`, demo, whole)).client.close();
  const connection = (await rest.must<{ items: { slug: string }[] }>('GET', '/connections'))
    .items[0]!.slug;
  const paths = ['/mcp', '/sse', `/mcp/${slug}`, `/mcp/${connection}`];
  const statusOf = (token: string) =>
    Promise.all(
      paths.map(async (path) => {
        const answer = await rawMcp(publicUrl + path, 'tools/list', {}, { token });
        const challenge = answer.headers.get('www-authenticate') ?? '';
        return answer.status === 401 && challenge.includes(`/oauth-protected-resource${path}"`)
          ? 'elsewhere'
          : answer.status;
      }),
    );
  expect(await statusOf(provider.accessToken!)).toEqual([
    'elsewhere',
    'elsewhere',
    200,
    'elsewhere',
  ]);
  expect(await statusOf(whole.accessToken!)).toEqual([200, 200, 'elsewhere', 'elsewhere']);
  expect(await statusOf(demo.apiKey)).toEqual([200, 200, 200, 200]);
});
