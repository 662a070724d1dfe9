import { createMetrics, startMetricsServer, type Missing } from '@conducktor/runtime';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { rawMcp } from '@conducktor/testing';
import { startGateway, type TestGateway } from '../mcp/tests/support/gateway.js';

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

test.each(['/healthz', '/health'])('%s is exactly {"status":"ok"}', async (path) => {
  gateway = await startGateway();
  const response = await fetch(gateway.url + path);
  expect([response.status, await response.text()]).toEqual([200, '{"status":"ok"}']);
});

test('/readyz says why not', async () => {
  const reason = 'The database cannot be written.';
  let missing: Missing[] = [{ dependency: 'journal', reason }];
  gateway = await startGateway({ readiness: () => missing });
  const not = await fetch(`${gateway.url}/readyz`);
  expect([not.status, await not.json()]).toEqual([503, { status: 'not ready', reason, missing }]);
  missing = [];
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
  await gateway.close();
  gateway = await startGateway({ readiness: () => Promise.reject(new Error('x')) });
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(503);
});

test('figures are on their own port and never on the public one', async () => {
  gateway = await startGateway();
  expect((await fetch(`${gateway.url}/metrics`)).status).toBe(404);
  const server = await startMetricsServer('127.0.0.1', 0, createMetrics('gateway'));
  const port = (server.address() as AddressInfo).port;
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect(await response.text()).toContain('process_cpu_seconds_total');
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(404);
  server.closeAllConnections();
  server.close();
});

test('stopping answers what runs, takes nothing new, and does not wait for idle connections', async () => {
  gateway = await startGateway();
  const { mcp, governed, close } = gateway;
  await rawMcp(mcp, 'ping', {}, { token: 'alice', era: 'legacy' });
  const call = rawMcp(
    mcp,
    'tools/call',
    { name: 't_wait', arguments: { ms: 400 } },
    { token: 'alice' },
  );
  await expect.poll(() => governed.calls.length).toBe(1);
  const began = Date.now();
  const closed = close();
  gateway = undefined;
  await expect
    .poll(() =>
      fetch(mcp).then(
        () => 'taken',
        () => 'refused',
      ),
    )
    .toBe('refused');
  expect((await call).message?.result?.content?.[0]?.text).toBe('waited');
  await closed;
  expect(Date.now() - began).toBeLessThan(3_000);
});
