import { expect, test } from 'vitest';
import type { ListMethod } from '../lists.js';
import { readPage } from '../read-page.js';

const read = (answer: object, method: ListMethod = 'resources/list') =>
  readPage(method, { outcome: 'ok', resultJson: JSON.stringify(answer), durationMs: 1 });
const ids = (answer: object, method?: ListMethod) => read(answer, method).items.map(({ id }) => id);

test('entries stay as they are, unknown fields included, but for what people cannot see', () => {
  const resource = {
    uri: 'file:///é',
    name: 'a\u200Bb',
    title: 'x\u{E0041}y',
    description: 'line\nbreak',
    size: 3,
    icons: [{ src: 'data:,a' }],
    'x-own': { deep: ['\u202Eevil'] },
    _meta: { a: 1 },
  };
  expect(read({ resources: [resource] }).items).toEqual([
    {
      id: 'file:///é',
      definition: {
        ...resource,
        name: 'ab',
        title: 'xy',
        'x-own': { deep: ['evil'] },
      },
    },
  ]);
});

test('what could not be asked for as it is shown is left out', () => {
  const prompts = [
    { name: 'good' },
    { name: 'g\u200Bood' },
    { name: '' },
    { name: 7 },
    {},
    null,
    'text',
    { name: 'x'.repeat(9_000) },
    { name: 'large', description: 'x'.repeat(200_000) },
    JSON.parse('{"name":"proto","__proto__":{}}'),
  ];
  expect(ids({ prompts }, 'prompts/list')).toEqual(['good']);
});

test('how long it may be shown is the upstream’s word, within a minute', () => {
  const ttl = (ttlMs?: unknown) => read({ resources: [], ttlMs }).ttlMs;
  expect([ttl(300), ttl(1e9), ttl(0), ttl(), ttl(-1), ttl('x')]).toEqual([
    300, 60_000, 0, 5_000, 5_000, 5_000,
  ]);
});

test('a page too long, or a cursor too long, ends the list and says so', () => {
  const resources = Array.from({ length: 2_001 }, (_, i) => ({ uri: `a:${i}` }));
  expect(read({ resources })).toMatchObject({ complete: false });
  expect(read({ resources }).items).toHaveLength(2_000);
  expect(read({ resources: [], nextCursor: 'x'.repeat(5_000) })).toMatchObject({
    next: undefined,
    complete: false,
  });
  expect(read({ resources: [], nextCursor: 'x' })).toMatchObject({ next: 'x', complete: true });
  const padding = 'x'.repeat(4 * 1024 * 1024);
  expect(read({ resources: [{ uri: 'a:b' }], padding })).toMatchObject({
    items: [],
    complete: false,
  });
  expect(read({ resources: [], nextCursor: '' })).toMatchObject({ next: undefined });
});

test('a server that does not know the list has an empty one; any other failure is one', () => {
  const failed = (code: number) =>
    readPage('resources/templates/list', {
      outcome: 'error',
      error: { code, message: 'no' },
      durationMs: 1,
    });
  expect(failed(-32_601)).toMatchObject({ items: [], complete: true });
  expect(failed(-32_602)).toMatchObject({ items: [], complete: false });
  expect(read({ resources: 'x' })).toMatchObject({ complete: false });
  expect(readPage('prompts/list', { outcome: 'timeout', durationMs: 1 })).toMatchObject({
    complete: false,
  });
});
