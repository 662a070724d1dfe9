// The workspace changes between the decision on a subscription and its first word to the client.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClientEvent } from '../../mcp/ports.js';
import { startGovernedStack, type GovernedStack } from '../../tests/support/governed-stack.js';

let stack: GovernedStack;
let whileOpening = async () => {};

beforeAll(async () => {
  stack = await startGovernedStack({
    handlers: {
      watch: async () => {
        await whileOpening();
        return { ok: true };
      },
    },
  });
  await stack.connect('docs', { resources: { subscribe: true } }, async () => ({
    outcome: 'unavailable',
    durationMs: 0,
  }));
});
afterAll(() => stack?.stop());

it('ends a subscription that is refused by what changed while its upstream subscribed', async () => {
  const events: ClientEvent[] = [];
  whileOpening = async () => {
    await stack.activate({ version: 1, default: 'deny', rules: [] });
    // Heard of before the watch stands.
    await expect
      .poll(async () => (await stack.request('resources/read', { uri: 'docs+test://x' })).kind)
      .toBe('error');
    await new Promise((resolve) => setTimeout(resolve, 600));
  };
  const answer = await stack.governed.mcp.subscribe({
    context: stack.context(),
    uri: 'docs+test://x',
    onEvent: (event) => void events.push(event),
  });
  expect(answer.kind).toBe('subscribed');
  await expect.poll(() => events).toMatchObject([{ kind: 'subscription-ended' }]);
});
