import { startPrivateStack } from './private-stack.mjs';
import { inTurn, round, warmUp } from './rounds.mjs';
import { median } from './stats.mjs';

const CONNECTIONS = [1, 16];
const WORKLOAD = { workspaces: 20, connections: 20, tools: 500 };

/** `tools/list` of the product, and of a bare server that has the same bytes ready: calls a second. */
export async function measureList({ base, quick, say, start, undo }) {
  await start('servers/echo.mjs', [String(base + 20)]);
  const upstreamUrl = `http://127.0.0.1:${base + 20}/mcp`;
  const stack = await startPrivateStack({ base, upstreamUrl, workload: WORKLOAD, say });
  undo.push(stack.stop);
  const load = await start('load.mjs');
  const governed = { ...stack, method: 'tools/list' };
  const body = await bodyOf(governed);
  const bareServer = await start('servers/bytes.mjs', [String(base + 21)]);
  await bareServer.ask(body);
  const subjects = { bare: { ...governed, port: base + 21 }, governed };
  await warmUp({ subjects, load });
  const rounds = quick ? 2 : 5;
  const samples = [];
  for (const connections of CONNECTIONS)
    samples.push(...(await inTurn({ subjects, load, connections, rounds, pace: 'quick' })));
  const ratio = {};
  const perSecond = {};
  for (const connections of CONNECTIONS) {
    const of = (name) =>
      samples
        .filter((s) => s.name === name && s.connections === connections)
        .map((s) => s.perSecond);
    const bare = of('bare');
    ratio[connections] = round(median(of('governed').map((ours, i) => ours / bare[i])));
    perSecond[connections] = {
      bare: Math.round(median(bare)),
      governed: Math.round(median(of('governed'))),
    };
  }
  return { bytes: body.length, ratio, perSecond, rounds };
}

/** What the first workspace is answered: all have the same tools. */
async function bodyOf({ host, port, path, tokens }) {
  const response = await fetch(`http://${host}:${port}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${tokens[0]}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/list',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/list',
      params: {
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    }),
  });
  const text = await response.text();
  const count = JSON.parse(text).result?.tools?.length;
  if (count !== WORKLOAD.tools)
    throw new Error(`The list has ${count} tools: ${text.slice(0, 500)}`);
  return Buffer.from(text);
}

export function printList({ bytes, ratio, perSecond }, say) {
  say('');
  say(`connections  bare/s  governed/s  ratio   (${bytes} bytes each)`);
  for (const connections of CONNECTIONS) {
    const { bare, governed } = perSecond[connections];
    say(
      `${String(connections).padStart(11)}  ${String(bare).padStart(6)}  ${String(governed).padStart(10)}  ${ratio[connections].toFixed(2)}`,
    );
  }
}
