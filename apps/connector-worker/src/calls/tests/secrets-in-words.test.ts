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
let where: 'initialize' | 'tools/list' | 'tools/call' | 'isError';

/** As real services do: "Invalid API key provided: sk-…". */
const answer = (incoming: Incoming, response: ServerResponse): void => {
  const { id, method } = incoming.message;
  const given = String(incoming.headers['authorization']);
  if (method === 'tools/call' && where === 'isError') {
    const content = [{ type: 'text', text: `Invalid API key provided: ${given}` }];
    return json(response, 200, {
      jsonrpc: '2.0',
      id,
      result: { isError: true, content, id: 1234567 },
    });
  }
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

  it.each(['tools/call', 'isError'] as const)(
    'in an error (%s) is handed on without it',
    async (how) => {
      where = how;
      const secret = `${CANARY}/with"quotes`;
      const id = await test.connect({
        url: echoing.url,
        // A number is not torn apart, whatever its digits.
        headers: { authorization: `Bearer ${secret}`, 'x-pin': '123456' },
      });
      const called = await test.call(id, 'x');
      expect(called.outcome).toBe('error');
      expect(JSON.stringify(called)).toContain('Invalid API key provided: [redacted]');
      expect(JSON.stringify(called)).not.toContain('canary');
      if (called.resultJson) expect(JSON.parse(called.resultJson)).toMatchObject({ id: 1234567 });
    },
  );
});
