// The real HTTP side with few places: what is too much is answered at once, unread, and what was let in ends well.
import { connect, type Socket } from 'node:net';
import { rawMcp } from '@conducktor/testing';
import { expect, test } from 'vitest';
import { startGateway } from '../../mcp/tests/support/gateway.js';
import { Gate } from '../gate.js';

const MOST = 16;

test('past its bound it says so with 503, when to come back, and a code; probes are answered', async () => {
  const gate = new Gate({ most: MOST });
  const { mcp, url, governed, close } = await startGateway({ gate });
  const call = (ms: number) =>
    rawMcp(mcp, 'tools/call', { name: 't_wait', arguments: { ms } }, { token: 'alice' });
  const accepted = Array.from({ length: MOST }, () => call(1_000));
  await expect.poll(() => governed.calls.length).toBeGreaterThanOrEqual((MOST * 4) / 5);

  const refused = await call(0);
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(JSON.parse(refused.text)).toMatchObject({
    id: null,
    error: { code: -32000, data: { _meta: { 'conducktor/code': 'overloaded' } } },
  });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);

  const ends = await Promise.all(accepted);
  const served = ends.filter(({ status }) => status === 200);
  expect(served.length).toBe(governed.calls.length);
  for (const { message } of served) expect(message?.result?.content?.[0]?.text).toBe('waited');
  expect((await call(0)).status).toBe(200);
  await close();
  gate.stop();
});

test.each([
  ['by their length', 'content-length: 2097152'],
  ['in chunks', 'transfer-encoding: chunked'],
])(
  'bodies that never end, %s, fill no memory and keep out nobody who is known',
  async (_how, body) => {
    const gate = new Gate({ most: MOST });
    gate.learn('Bearer alice', 'ten_alice');
    const { mcp, close } = await startGateway({ gate });
    const { hostname, port } = new URL(mcp);
    const sockets = Array.from({ length: 70 }, () => connect(Number(port), hostname));
    const answered = new Set<Socket>();
    for (const socket of sockets) {
      socket.on('data', () => answered.add(socket));
      socket.write(
        `POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${body}\r\n\r\n`,
      );
    }
    // 128 MiB are 64 of the longest.
    await expect.poll(() => answered.size).toBe(6);
    expect(gate.refused).toBe(6);
    const large = { name: 't_wait', arguments: { ms: 0, text: 'x'.repeat(100_000) } };
    const tried = (token: string) => rawMcp(mcp, 'tools/call', large, { token });
    expect((await tried('alice')).status).toBe(200);
    expect((await tried('bob')).status).toBe(503);
    for (const socket of sockets) socket.destroy();
    await expect.poll(async () => (await tried('bob')).status).not.toBe(503);
    await close();
    gate.stop();
  },
);
