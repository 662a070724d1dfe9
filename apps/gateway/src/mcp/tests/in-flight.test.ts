import { expect, test } from 'vitest';
import { createInFlight } from '../in-flight.js';

test('other gateways are asked about calls that are not here, and not with ids of any size', () => {
  const told: string[] = [];
  const inFlight = createInFlight({
    publish: async (_channel, text) => told.push(text),
    listenWhenUp: () => () => {},
  });
  const long = 'x'.repeat(100_000);
  for (const id of [1, 'elsewhere', long]) inFlight.cancel('p', 's', id, 'why');
  expect(told.map((text) => JSON.parse((JSON.parse(text) as { key: string }).key)[2])).toEqual([
    1,
    'elsewhere',
  ]);
  const controller = new AbortController();
  inFlight.add('p', 's', long, controller);
  expect(inFlight.cancel('p', 's', long, 'why')).toBe(1);
  expect(controller.signal.aborted).toBe(true);
});
