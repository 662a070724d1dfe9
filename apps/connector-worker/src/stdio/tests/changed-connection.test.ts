import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestWorker, type TestWorker } from '../../tests/support.js';
import { createFixtures, type Fixtures, textOf } from './fixture.js';

const CONCURRENCY = 32;

let fixtures: Fixtures;
let test: TestWorker;
beforeAll(async () => {
  fixtures = createFixtures();
  const slow = fixtures.fixture(
    'slow',
    `if (method === 'tools/list') return send({ id, result: { tools: [] } });
     if (method === 'tools/call') setTimeout(() => text(id, (globalThis.name ??= Math.random())), 400);`,
  );
  test = await startTestWorker({ catalogue: { slow } });
});
afterAll(async () => {
  await test.stop();
  fixtures.remove();
});

it('a call that waited for its turn while its connection was changed goes to the new server', async () => {
  const id = await test.connect({ catalog: 'slow' });
  expect((await test.call(id, 'x')).outcome).toBe('ok');
  const before = Array.from({ length: CONCURRENCY + 1 }, () => test.call(id, 'x'));
  const sql = 'update connection set timeout_ms = timeout_ms + 1, revision = 2 where id = $1';
  await test.db.withTenant(test.tenantId, (tx) => tx.query(sql, [id]));
  const refreshed = await test.client.refresh({ tenantId: test.tenantId, connectionId: id });
  expect(refreshed).toMatchObject({ status: 'ACTIVE' });

  const waited = await before.at(-1)!;
  const after = await test.call(id, 'x', {}, { revision: 2 });
  expect([waited.outcome, after.outcome]).toEqual(['ok', 'ok']);
  expect(textOf(waited.resultJson)).toBe(textOf(after.resultJson));
});
