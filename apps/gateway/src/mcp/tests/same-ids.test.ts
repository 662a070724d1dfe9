// CVE-2026-25536: no answer ever reaches another client, whatever ids they use.
import { rawMcp } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './support/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

test('200 clients that all use id 0 get their own answers only', async () => {
  const rounds = 10;
  let foreign = 0;
  await Promise.all(
    Array.from({ length: 200 }, async (_, client) => {
      const token = `client-${client}`;
      const era = client % 2 === 0 ? 'legacy' : 'modern';
      for (let round = 0; round < rounds; round++) {
        const canary = `${client}:${round}:${Math.random()}`;
        const name = round % 3 === 0 ? 't_progress' : 't_echo';
        const meta = round % 3 === 0 ? { progressToken: 0 } : undefined;
        const { message } = await rawMcp(
          gateway.mcp,
          'tools/call',
          { name, arguments: { canary } },
          { token, era, id: 0, meta },
        );
        if (name === 't_progress') continue;
        const said = JSON.parse(message!.result!.content![0]!.text!) as {
          principal: string;
          args: { canary: string };
        };
        if (
          message!.id !== 0 ||
          said.args.canary !== canary ||
          said.principal !== `tenant ${token} client`
        )
          foreign++;
      }
    }),
  );
  expect(foreign).toBe(0);
  expect(gateway.governed.calls).toHaveLength(200 * rounds);
});
