// Nobody labels a resource: what is known of the tools of its connection counts.
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  answered,
  startGovernedStack,
  type GovernedStack,
} from '../../tests/support/governed-stack.js';

const POLICY = {
  version: 1,
  default: 'allow',
  rules: [{ id: 'nothing-private', when: { labels: ['private'] }, effect: 'deny', message: 'No.' }],
};

let stack: GovernedStack;
beforeAll(async () => {
  stack = await startGovernedStack();
});
afterAll(() => stack?.stop());

const offered = {
  offered_definition: '{}',
  offered_hash: Buffer.of(1),
  offered_class: 'read',
  offered_at: new Date(),
};

it.each([
  ['shown', {}],
  ['hidden', { hidden: true }],
  ['held-back', offered],
  ['gone', { removed_at: new Date() }],
])('a resource gives what tools of its connection give that are %s', async (slug, more) => {
  const text = 'a';
  const gives = () => answered({ contents: [{ uri: 'r:1', text }], resources: [] });
  const id = await stack.connect(slug, { resources: {} }, gives);
  await stack.addTool(id, slug, 'mine', { labels: ['private'], ...more });
  await stack.activate(POLICY);
  const uri = `${slug}+r:1`;
  await expect
    .poll(() => stack.request('resources/read', { uri }), { timeout: 30_000 })
    .toMatchObject({ error: { message: 'Permission denied: No.' } });
  expect(await stack.request('resources/list', {})).toMatchObject({ kind: 'result' });
});
