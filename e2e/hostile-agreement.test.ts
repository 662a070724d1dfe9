// What an upstream gets is what was decided on and recorded, whatever the client wrote; or nothing
// arrives and the client is told why.
import { createHash } from 'node:crypto';
import { startHostileUpstream, type HostileUpstream } from '@conducktor/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { coded, onTheWire, type WireAnswer } from './support/wire.js';
import { connect, eventually, openWorld, type World } from './support/world.js';

const RUNS = 600;
const seed = Number(process.env.AGREEMENT_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

let world: World;
let upstream: HostileUpstream;
beforeAll(async () => {
  [world, upstream] = await Promise.all([openWorld(), startHostileUpstream()]);
  await connect(world.rest, 'hos', upstream.url('modern'));
  await connect(world.rest, 'old', upstream.url('legacy'));
});
afterAll(() => Promise.all([world.close(), upstream.close()]));

interface Wanted {
  method: string;
  /** `params` without `_meta`. */
  params: Record<string, unknown>;
  /** What Mcp-Name repeats. */
  name?: string;
}

const word = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('__proto__', 'constructor', 'é', 'e\u0301', '\u200b', '\ud800', '1', '-0', ' '),
);
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  word,
  fc.constantFrom<unknown>(-0, 1e21, 1e-7, 5e-324, 2 ** 53, 0.1 + 0.2, [[]], {}),
);
const METHODS = ['tools/call', 'resources/read', 'prompts/get', 'completion/complete'];
const slug = fc.constantFrom('hos', 'old');
const args = fc.dictionary(word, value, { maxKeys: 5 });

const wanted: fc.Arbitrary<Wanted> = fc.oneof(
  fc.tuple(slug, args, fc.option(word)).map(([at, given, region]) => ({
    method: 'tools/call',
    params: { name: `${at}_fine`, arguments: { ...given, ...(region !== null && { region }) } },
    name: `${at}_fine`,
  })),
  fc.tuple(slug, word).map(([at, rest]) => {
    const uri = `${at}+hostile://fine/${rest}`;
    return { method: 'resources/read', params: { uri }, name: uri };
  }),
  fc.tuple(slug, fc.dictionary(word, word, { maxKeys: 3 })).map(([at, given]) => ({
    method: 'prompts/get',
    params: { name: `${at}_fine`, arguments: given },
    name: `${at}_fine`,
  })),
  fc.tuple(slug, word, word).map(([at, name, prefix]) => ({
    method: 'completion/complete',
    params: {
      ref: { type: 'ref/prompt', name: `${at}_fine` },
      argument: { name: name || 'empty', value: prefix },
    },
  })),
);

/** What a client, or whatever stands between, may do to a request. None: an honest one. */
const HEADERS = [
  'other name',
  'no name',
  'name in base64',
  'name twice',
  'other method',
  'odd case',
  'other version',
  'other parameter',
] as const;
const BODY = ['key twice', 'odd case key', 'long number', 'proto', 'spaces', 'escapes'] as const;
const variant = fc.record({
  header: fc.option(fc.constantFrom(...HEADERS), { freq: 2, nil: undefined }),
  body: fc.option(fc.constantFrom(...BODY), { freq: 2, nil: undefined }),
  era: fc.constantFrom('modern', 'modern', 'legacy'),
});
type Variant = typeof variant extends fc.Arbitrary<infer T> ? T : never;

test(`an upstream gets what was decided, or nothing (AGREEMENT_SEED=${seed})`, async () => {
  console.log(`AGREEMENT_SEED=${seed}`);
  const decided = new Map<string, { tool: string; hash: string }>();
  const arrived = new Map<string, number>();
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(wanted, variant, async (request, how) => {
      const before = upstream.seen.length;
      const answer = await send(request, how);
      const governed = upstream.seen
        .slice(before)
        .filter(({ message }) => message.method === request.method);
      const isRefused = answer.status >= 400 || answer.message?.error !== undefined;
      if (governed.length === 0) {
        refused++;
        expect(mayBeRefused(request, how), answer.text).toBe(true);
        expect(isRefused || answer.message?.result?.['isError'] === true, answer.text).toBe(true);
        return;
      }
      arrived.set(request.method, (arrived.get(request.method) ?? 0) + 1);
      expect(disagrees(request, how), `${how.header} ${how.body}`).toBe(false);
      expect(isRefused, answer.text).toBe(false);
      expect(governed).toHaveLength(1);
      const { message, body } = governed[0]!;
      const { _meta, ...params } = message.params ?? {};
      expect(params).toEqual(forUpstream(request));
      const text = canonical(request.method === 'tools/call' ? params['arguments'] : params);
      expect(body).toContain(canonical(params['arguments'] ?? params).slice(1, -1));
      const callId = String(coded(answer.message, 'callId'));
      expect(callId).toMatch(/^call_/);
      const [at] = String(request.name ?? 'hos').split(/[_+]/);
      const tool =
        request.method === 'tools/call'
          ? String(request.name)
          : `${slugOf(request, at!)}_${request.method}`;
      decided.set(callId, { tool, hash: sha256(text) });
    }),
    { seed, numRuns: RUNS, endOnFailure: true },
  );
  console.log(`${decided.size} arrived, ${refused} were refused`);
  for (const method of METHODS) expect(arrived.get(method), method).toBeGreaterThan(RUNS / 50);
  expect(refused).toBeGreaterThan(RUNS / 5);
  const recorded = await eventually('every call that arrived is sealed', async () => {
    const { rows } = await world.admin.pool.query<{ call_id: string; tool: string; hash: string }>(
      `select call_id, tool, arguments_hash as hash from audit_event where tenant_id = $1 and kind = 'call'`,
      [world.workspace.tenantId],
    );
    return rows.length >= decided.size && rows;
  });
  const record = new Map(recorded.map(({ call_id, tool, hash }) => [call_id, { tool, hash }]));
  for (const [callId, one] of decided) expect(record.get(callId), callId).toEqual(one);
}, 60_000);

/** Whether headers and body, or two readings of the body, say different things. */
function disagrees({ method, params, name }: Wanted, { header, body, era }: Variant): boolean {
  if (body === 'key twice' || body === 'long number' || body === 'proto') return true;
  if (era === 'legacy') return false;
  if (header === 'other method' || header === 'other version') return true;
  if (name !== undefined && ['other name', 'no name', 'name twice'].includes(header ?? ''))
    return true;
  const region = (params['arguments'] as Record<string, unknown> | undefined)?.['region'];
  return method === 'tools/call' && region !== undefined && header === 'other parameter';
}

/** What no honest client sends: disagreements, or what has no canonical form. */
function mayBeRefused(request: Wanted, how: Variant): boolean {
  const text = JSON.stringify(request.params);
  return disagrees(request, how) || text.includes('"__proto__":') || /\\ud[89a-f]/.test(text);
}

function forUpstream({ method, params }: Wanted): Record<string, unknown> {
  const own = (name: unknown) => String(name).replace(/^(hos|old)[_+]/, '');
  if (method === 'resources/read') return { uri: own(params['uri']) };
  if (method !== 'completion/complete') return reparsed({ ...params, name: own(params['name']) });
  const ref = params['ref'] as Record<string, unknown>;
  return reparsed({ ...params, ref: { ...ref, name: own(ref['name']) } });
}

function slugOf({ method, params }: Wanted, at: string): string {
  if (method !== 'completion/complete') return at;
  return String((params['ref'] as Record<string, unknown>)['name']).split('_')[0]!;
}

function send({ method, params, name }: Wanted, how: Variant): Promise<WireAnswer> {
  const modern = how.era === 'modern';
  const message = {
    jsonrpc: '2.0',
    id: 0,
    method,
    params: { ...params, ...(modern && { _meta: ENVELOPE }) },
  };
  const odd = how.header === 'odd case';
  const lines = [
    odd ? 'CONTENT-TYPE' : 'content-type',
    'application/json',
    'accept',
    'application/json, text/event-stream',
    odd ? 'AUTHORIZATION' : 'authorization',
    `Bearer ${world.workspace.member.apiKey}`,
    odd ? 'mCP-pROTOCOL-vERSION' : 'mcp-protocol-version',
    how.header === 'other version' ? '2025-03-26' : modern ? '2026-07-28' : '2025-06-18',
  ];
  if (modern) {
    const said = how.header === 'other method' ? 'tools/list' : method;
    lines.push(odd ? 'MCP-METHOD' : 'mcp-method', said);
    if (name !== undefined) lines.push(...nameLines(name, how.header));
    const region = (params['arguments'] as Record<string, unknown> | undefined)?.['region'];
    if (method === 'tools/call' && typeof region === 'string')
      lines.push(
        'mcp-param-region',
        encoded(how.header === 'other parameter' ? `${region}x` : region),
      );
  }
  return onTheWire(world.mcp, lines, written(message, how.body));
}

function nameLines(name: string, header: Variant['header']): string[] {
  if (header === 'no name') return [];
  if (header === 'other name') return ['mcp-name', 'rec_delete_note'];
  const line = ['mcp-name', header === 'name in base64' ? base64(name) : encoded(name)];
  return header === 'name twice' ? [...line, 'Mcp-Name', 'rec_delete_note'] : line;
}

function written(message: Record<string, unknown>, body: Variant['body']): string {
  const text = JSON.stringify(message);
  const last = (more: string) => text.replace(/\}$/, `,${more}}`);
  switch (body) {
    case 'key twice':
      return last('"params":{"name":"rec_delete_note","arguments":{"note":"x"}}');
    case 'odd case key':
      return last('"Params":{"name":"rec_delete_note"},"METHOD":"tools/list","Id":7');
    case 'long number':
      return last('"more":12345678901234567890');
    case 'proto':
      return last('"__proto__":{"method":"tools/call"}');
    case 'spaces':
      return ` \n${JSON.stringify(message, null, '\t')}\r\n `;
    case 'escapes':
      return text.replace('"params"', '"\\u0070arams"').replace('"name"', '"n\\u0061me"');
    default:
      return text;
  }
}

const base64 = (text: string) => `=?base64?${Buffer.from(text).toString('base64')}?=`;
const encoded = (text: string) =>
  /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?')
    ? text
    : base64(text);
const reparsed = (json: Record<string, unknown>) =>
  JSON.parse(JSON.stringify(json)) as Record<string, unknown>;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** RFC 8785 in a few lines, to hold the product's own against. */
function canonical(json: unknown): string {
  if (typeof json !== 'object' || json === null) return JSON.stringify(json);
  if (Array.isArray(json)) return `[${json.map(canonical).join(',')}]`;
  const members = Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`;
}
