import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Incoming,
  json,
  legacy,
  startRawServer,
  startTestWorker,
  type RawServer,
  type TestWorker,
} from '../../tests/support.js';

const CANARY = 'sk-canary-5b1e-2f90';
let test: TestWorker;
let echoing: RawServer;
let where: 'initialize' | 'tools/list';

/** As real services do: "Invalid API key provided: sk-…". */
const answer = (incoming: Incoming, response: ServerResponse): void => {
  const { id, method } = incoming.message;
  const given = String(incoming.headers['authorization']);
  if (method !== where) return legacy(() => {})(incoming, response);
  const padding = '.'.repeat(144);
  const message = `Invalid API key provided: ${given.replace('Bearer ', '')} ${padding}${given}`;
  json(response, 200, { jsonrpc: '2.0', id, error: { code: -32000, message } });
};

beforeAll(async () => {
  test = await startTestWorker();
  echoing = await startRawServer(answer);
});
afterAll(async () => {
  await echoing.close();
  await test.stop();
});

describe('a server that repeats the secret it was given', () => {
  it.each(['initialize', 'tools/list'] as const)(
    'in its refusal of %s is quoted without it',
    async (method) => {
      where = method;
      const connectionId = await test.connect({
        url: echoing.url,
        headers: { authorization: `Bearer ${CANARY}` },
      });
      const refreshed = await test.client.refresh({ tenantId: test.tenantId, connectionId });
      expect(refreshed.reason).toContain('Invalid API key provided: [redacted]');
      expect(refreshed.reason).not.toContain('sk-');
      if (method === 'initialize') {
        const called = await test.call(connectionId, 'x');
        expect(called.message).toContain('Invalid API key provided: [redacted]');
        expect(JSON.stringify(called)).not.toContain('sk-');
      }
    },
  );
});
