import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UsageError, readOptions } from '../src/options.js';
import { REPOSITORY } from '../src/stack/layout.js';

test('without options: port 8080, the clone’s own data directory, localhost', () => {
  expect(readOptions([], {})).toEqual({
    data: join(REPOSITORY, '.conducktor'),
    portBase: 8080,
    publicUrl: 'http://localhost:8080',
    detach: false,
    json: false,
    watch: false,
    now: false,
    days: 7,
    stack: false,
    words: [],
  });
});

test('the public address follows the port, and a path is meant from where the person stood', () => {
  expect(
    readOptions(['--port-base', '9000', '--data', 'mine'], { INIT_CWD: '/home/olivia' }),
  ).toMatchObject({
    data: '/home/olivia/mine',
    publicUrl: 'http://localhost:9000',
  });
});

test('a tunnel’s address is taken as it is, without a slash', () => {
  expect(readOptions(['--public-url', 'https://mcp.example.com/'], {}).publicUrl).toBe(
    'https://mcp.example.com',
  );
});

test.each([
  [['--port-base', 'many'], '--port-base must be a whole number'],
  [['--port-base', '65530'], '--port-base must be a whole number'],
  [['--public-url', 'https://example.com/mcp'], '--public-url must be an address without a path'],
  [['--public-url', 'localhost'], '--public-url must be an address without a path'],
  [['--colour'], "Unknown option '--colour'"],
])('%j is refused in one sentence', (args, words) => {
  expect(() => readOptions(args, {})).toThrow(UsageError);
  expect(() => readOptions(args, {})).toThrow(words);
});

test('words are for the verbs that take some', () => {
  expect(readOptions(['all.tar', '--data', 'x'], {}, 1).words).toEqual(['all.tar']);
  expect(() => readOptions(['all.tar'], {})).toThrow(UsageError);
});
