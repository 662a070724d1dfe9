// The real HTTP side with few places: what is too much is answered at once, unread, and what was let in ends well.
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
