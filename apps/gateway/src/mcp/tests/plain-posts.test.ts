// What the way past Fastify answers is what Fastify's routes would have answered.
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './support/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const LIST = '{"jsonrpc":"2.0","id":7,"method":"tools/list"}';
const OWN = ['host: localhost', 'content-type: application/json', 'authorization: Bearer alice'];
const lengthOf = (body: string) => `content-length: ${Buffer.byteLength(body)}`;

/** A query sends a request through the router, and says nothing to an MCP path. */
async function post(target: string, headers: string[], body: string): Promise<string> {
  const { hostname, port } = new URL(gateway.mcp);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (chunk) => (answer += String(chunk)));
  socket.write([`POST ${target} HTTP/1.1`, ...headers, 'connection: close', '', body].join('\r\n'));
  await new Promise((resolve) => socket.once('close', resolve));
  return answer.replace(/^date:.*\r\n/im, '');
}

test.each<[string, RegExp, string[], string?]>([
  ['a request', /^HTTP\/1\.1 200 [^]*"tools"/, OWN],
  ['no token', /^HTTP\/1\.1 401 /, OWN.slice(0, 2)],
  ['an empty body', /^HTTP\/1\.1 400 /, OWN, ''],
  ['an equal key', /^HTTP\/1\.1 400 /, OWN, '{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}'],
  ['an Origin of ours', /access-control-allow-origin/, [...OWN, 'origin: http://localhost:3000']],
  ['a foreign Origin', /^HTTP\/1\.1 403 /, [...OWN, 'origin: https://elsewhere.example']],
  ['a foreign Host', /^HTTP\/1\.1 403 /, ['host: elsewhere.example', ...OWN.slice(1)]],
  ['two hosts', /^HTTP\/1\.1 (403|400) /, [...OWN, 'host: elsewhere.example']],
  ['a compressed body', /^HTTP\/1\.1 415 /, [...OWN, 'content-encoding: gzip']],
  ['another type', /^HTTP\/1\.1 415 /, [OWN[0]!, 'content-type: text/plain', OWN[2]!]],
])('%s', async (_what, expected, headers, body = LIST) => {
  const plain = await post('/mcp', [...headers, lengthOf(body)], body);
  expect(plain).toMatch(expected);
  expect(plain).toBe(await post('/mcp?', [...headers, lengthOf(body)], body));
});
