import { expect, test } from 'vitest';
import { PageCache } from '../page-cache.js';
import type { Page } from '../read-page.js';

let clock = 0;
const page = (name: string, more: Partial<Page> = {}): Page => ({
  items: [{ id: name, definition: { name } }],
  next: undefined,
  complete: true,
  ttlMs: 1_000,
  size: 100,
  ...more,
});
const key = (rest = 'a', connectionId = 'con_1') =>
  ({ connectionId, list: 'resources', rest }) as const;
const cache = (maxChars?: number) => new PageCache(() => clock, maxChars);
const never = () => Promise.reject(new Error('It was read again.'));

test('a page is shown for as long as its upstream allows, then read again', async () => {
  const pages = cache();
  await pages.get(key(), async () => page('first'));
  clock += 400;
  expect(await pages.get(key(), never)).toEqual({ page: page('first'), ttlMs: 600 });
  clock += 600;
  expect((await pages.get(key(), async () => page('second'))).page).toEqual(page('second'));
});

test('what may not be kept is still read once for all who wait', async () => {
  const pages = cache();
  let reads = 0;
  const read = async () => {
    reads++;
    return page('x', { ttlMs: 0 });
  };
  await Promise.all([pages.get(key(), read), pages.get(key(), read)]);
  expect(reads).toBe(1);
  await pages.get(key(), read);
  expect(reads).toBe(2);
});

test('a failure is everybody’s who waits, and nobody’s after', async () => {
  const pages = cache();
  const waiting = [pages.get(key(), never), pages.get(key(), never)];
  for (const each of waiting) await expect(each).rejects.toThrow('read again');
  expect((await pages.get(key(), async () => page('x'))).page).toEqual(page('x'));
});

test('a change drops the pages of that list and connection, those being read included', async () => {
  const pages = cache();
  await pages.get(key('a'), async () => page('old'));
  await pages.get(key('a', 'con_2'), async () => page('other'));
  let arrives = (_: Page): void => {};
  const late = pages.get(key('b'), () => new Promise((resolve) => (arrives = resolve)));
  pages.drop('con_1', 'prompts');
  expect((await pages.get(key('a'), never)).page).toEqual(page('old'));
  pages.drop('con_1', 'resources');
  arrives(page('older than the change'));
  await late;
  expect((await pages.get(key('a'), async () => page('new'))).page).toEqual(page('new'));
  expect((await pages.get(key('b'), async () => page('new'))).page).toEqual(page('new'));
  expect((await pages.get(key('a', 'con_2'), never)).page).toEqual(page('other'));
});

test('memory is bounded: the oldest pages go, also when they are empty', async () => {
  const pages = cache(10_000);
  for (let i = 0; i < 100; i++) await pages.get(key(`${i}`), async () => page('x', { size: 0 }));
  let again = 0;
  for (let i = 99; i >= 0; i--)
    await pages.get(key(`${i}`), async () => (again++, page('x', { ttlMs: 0 })));
  expect(again).toBe(90);
});
