import { Timeline } from '@conducktor/telemetry';
import { expect, test } from 'vitest';
import { Listener } from '../listener.js';
import { SmallGoverned } from './support/small-governed.js';

const begin = () => {
  const governed = new SmallGoverned();
  const context = {
    headers: { authorization: 'Bearer alice' },
    sourceIp: '127.0.0.1',
    resourcePath: '/mcp',
    era: 'legacy' as const,
    protocolVersion: '2025-11-25',
    timeline: new Timeline(),
  };
  const heard: unknown[] = [];
  return {
    governed,
    heard,
    listener: new Listener(governed, context, (event) => heard.push(event)),
  };
};

test('what is refused is refused to everybody who asked meanwhile', async () => {
  const { governed, listener } = begin();
  const answers = await Promise.all([1, 2].map(() => listener.subscribe('test:denied')));
  expect(answers.map((away) => away?.kind)).toEqual(['error', 'error']);
  expect(await Promise.all([1, 2].map(() => listener.subscribe('test:a')))).toEqual([
    undefined,
    undefined,
  ]);
  expect(governed.listening).toHaveLength(1);
  listener.close();
});

test('a subscription that was given up while it was made, and made again, is held once', async () => {
  const { governed, heard, listener } = begin();
  const first = listener.subscribe('test:a');
  listener.unsubscribe('test:a');
  const second = listener.subscribe('test:a');
  expect(await Promise.all([first, second])).toEqual([undefined, undefined]);
  expect(governed.listening).toHaveLength(1);
  governed.emit({ kind: 'resource-updated', uri: 'test:a' });
  expect(heard).toHaveLength(1);
  listener.close();
  expect(governed.listening).toEqual([]);
});
