import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  FIXTURE_TOOLS,
  rawCall,
  rawMcp,
  RpcError,
  startRecordingUpstream,
} from '@conducktor/testing';
import type { Rest } from '../support/rest.js';
import { activatePolicy } from '../support/world.js';
import type { Kept } from './kept.js';
import { startQuotingServer } from './outside.js';

const TALKS = `
import { createInterface } from 'node:readline';
process.stderr.write('started with ' + JSON.stringify(process.env) + '\\n');
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize') return send({ id, result: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'talks', version: '1' } } });
  if (method === 'tools/list') return send({ id, result: { tools: [{ name: 'die', inputSchema: { type: 'object' } }] } });
  if (id === undefined) return;
  console.error('dying with ' + process.env.API_TOKEN);
  process.exit(3);
});
`;

/** The operator's catalogue of a stack that is still to be started: a server that says what it was given. */
export function writeCatalogue(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true });
  const script = join(dataDir, 'talks.mjs');
  writeFileSync(script, TALKS);
  const talks = { command: 'node', args: [script], acceptsEnv: ['API_TOKEN'] };
  writeFileSync(join(dataDir, 'stdio-catalog.json'), JSON.stringify({ talks }));
}

/**
 * Connections of every kind with secrets in every place, to servers that work, fail and quote what they
 * were sent; calls of every outcome with secrets in arguments and results.
 */
export async function liveConnections(kept: Kept, rest: Rest): Promise<void> {
  const header = kept.make('header of a connection');
  const quoting = await startQuotingServer();
  const upstream = await startRecordingUpstream({ tools: quotingTools(kept, header) });
  try {
    const ids = [
      await connect(kept, rest, {
        slug: 'works',
        kind: 'mcp-http',
        url: `${upstream.url}?key=${kept.make('query of an address')}`,
        headers: { authorization: `Bearer ${header}` },
      }),
      ...(await Promise.all(
        (['mcp-http', 'mcp-sse'] as const).map((kind) =>
          connect(kept, rest, {
            slug: `quotes-${kind}`,
            kind,
            url: quoting.url,
            headers: { 'x-key': kept.make(`header of a failing connection (${kind})`) },
          }),
        ),
      )),
      await connect(kept, rest, {
        slug: 'process',
        kind: 'mcp-stdio',
        catalog: 'talks',
        env: { API_TOKEN: kept.make('variable of a connection') },
      }),
    ];
    const [works] = ids;
    await rest.must('PATCH', `/connections/${works}`, {
      headers: { authorization: `Bearer ${header}`, 'x-new': kept.make('changed header') },
    });
    await activatePolicy(rest, {
      version: 1,
      default: 'allow',
      rules: [{ id: 'r', when: { tools: ['works_delete_note'] }, effect: 'deny', message: 'No' }],
    });
    await callEverything(kept, rest);
    if (!upstream.calls.some(({ headers }) => String(headers['authorization']).includes(header)))
      throw new Error('The secret never reached the upstream: there was nothing to leak.');
    if (quoting.asked === 0) throw new Error('Nothing was quoted.');
  } finally {
    await Promise.all([upstream.close(), quoting.close()]);
  }
  // Nothing listens any more.
  await callEverything(kept, rest);
}

async function connect(
  kept: Kept,
  rest: Rest,
  body: { slug: string; [field: string]: unknown },
): Promise<string> {
  const made = await rest.request<{ id: string }>('POST', '/connections', body);
  if (made.status !== 201) throw new Error(`${body.slug}: ${made.text}`);
  kept.answered(`a new connection ${body.slug}`, made.text);
  const tested = await rest.request('POST', `/connections/${made.body.id}/test`, {});
  kept.answered(`the test of ${body.slug}`, tested.text);
  return made.body.id;
}

/** A tool that says what it must not, one that fails with it, and those that everybody has. */
function quotingTools(kept: Kept, header: string) {
  const result = kept.make('result of a call');
  const tool = (name: string, run: (typeof FIXTURE_TOOLS)[number]['run']) => ({
    definition: { name, inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
    run,
  });
  return [
    ...FIXTURE_TOOLS,
    tool('answer', async () => ({ content: [{ type: 'text', text: result }] })),
    tool('quote', async () => {
      throw new RpcError(-32_000, `The key ${header} is not good`, { given: header });
    }),
  ];
}

async function callEverything(kept: Kept, rest: Rest): Promise<void> {
  const mcp = `${rest.publicUrl}/mcp`;
  const token = rest.apiKey;
  const secret = kept.make('argument of a call');
  const shows = ['argument of a call', 'result of a call'];
  const calls: [name: string, args: Record<string, unknown>][] = [
    ['works_echo', { message: secret }],
    ['works_answer', { secret }],
    ['works_fail', { secret }],
    ['works_boom', { secret }],
    ['works_quote', { secret }],
    ['works_delete_note', { note: secret }],
    ['works_echo', { message: 7, secret }],
    ['works_nothing', { secret }],
    ['quotes-mcp-http_any', { secret }],
    ['process_die', { secret }],
  ];
  for (const era of ['modern', 'legacy'] as const)
    for (const [name, args] of calls) {
      const answer = await rawCall(mcp, name, args, {
        token,
        era,
        headers: { 'idempotency-key': `${name}-${era}-${secret.slice(-6)}` },
        meta: { progressToken: 1 },
      });
      kept.answered(
        `${name} (${era})`,
        answer.text,
        name.endsWith('_echo') || name.endsWith('_answer') ? shows : [],
      );
    }
  kept.answered('tools/list', (await rawMcp(mcp, 'tools/list', {}, { token })).text);
  await misplaced(kept, rest);
}

/** Credentials where they do not belong: in addresses, in bodies that cannot be read, in other headers. */
async function misplaced(kept: Kept, { publicUrl, apiKey }: Rest): Promise<void> {
  const json = { 'content-type': 'application/json' };
  const bearer = { authorization: `Bearer ${apiKey}` };
  const attempts: [path: string, init?: RequestInit][] = [
    [`/mcp?api_key=${apiKey}`, { method: 'POST', headers: json, body: '{}' }],
    [`/api/v1/me?access_token=${apiKey}`],
    [`/api/v1/connections/${apiKey}`, { headers: bearer }],
    [`/${apiKey}`],
    [`/mcp/${apiKey}`, { method: 'POST', headers: { ...json, ...bearer }, body: '{}' }],
    [
      '/api/v1/connections',
      { method: 'POST', headers: { ...json, ...bearer }, body: `{"slug":"${apiKey}` },
    ],
    [
      '/api/v1/connections',
      {
        method: 'POST',
        headers: { ...json, ...bearer },
        body: JSON.stringify({ slug: 'x', kind: apiKey, headers: { [apiKey]: apiKey } }),
      },
    ],
    [
      '/mcp',
      {
        method: 'POST',
        headers: { ...json, ...bearer, 'mcp-session-id': apiKey },
        body: `{"jsonrpc":"2.0","id":1,"method":"${apiKey}"}`,
      },
    ],
    ['/mcp', { method: 'POST', headers: { ...json, ...bearer }, body: `${apiKey} is no JSON` }],
    [
      '/mcp',
      {
        method: 'POST',
        headers: { ...json, authorization: `Basic ${btoa(`x:${apiKey}`)}` },
        body: '{}',
      },
    ],
    [
      '/oauth2/token',
      {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: `grant_type=authorization_code&client_id=nobody&client_secret=${apiKey}&code=${apiKey}`,
      },
    ],
    ['/login/reset?token=' + apiKey],
    ['/oauth2/authorize?client_id=' + apiKey],
  ];
  for (const [path, init] of attempts) {
    const response = await fetch(publicUrl + path, { redirect: 'manual', ...init });
    // A client is told the address or name that it sent itself.
    kept.answered(`misplaced at ${path.split(apiKey)[0]}`, await response.text(), ['API key']);
  }
}
