import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EVENTS, MONTHS_BACK, openHistory, type History } from './history.js';

let past: History;
beforeEach(async () => {
  past = await openHistory();
});
afterEach(() => past.close());

describe('months of events that leave', () => {
  it('lose nothing whoever dies between exporting, noting it, detaching and dropping', async () => {
    await past.keep(past.one, 35);
    await past.keep(past.other, 35);
    const gone = await past.over();
    const first = gone * EVENTS + 1;
    // Dead when it had written the first and began with the next.
    await past.retention(past.dir, { at: 'leaving_page', nth: 2 }).round();
    expect(await past.kept()).toMatchObject({ months: MONTHS_BACK + 1, one: 1, other: 1 });
    // Dead when it had written them and noted none more.
    await past.retention(past.dir, { at: 'note_archive', nth: 1 }).round();
    expect(await past.kept()).toMatchObject({ months: MONTHS_BACK + 1, one: 1, other: 1 });
    const written = await hashes();
    // Dead when the first was detached and not dropped.
    const clinging = past.retention(past.dir, { at: 'drop_detached_month', nth: 2 });
    await expect(clinging.round()).rejects.toThrow('killed');
    expect(await past.kept()).toMatchObject({
      months: MONTHS_BACK,
      one: EVENTS + 1,
      other: EVENTS + 1,
    });
    const detached = `select count(*)::int as tables from pg_class where relname ~ '^audit_event_2' and relkind = 'r' and not relispartition`;
    expect(await past.rows(detached)).toEqual([{ tables: 1 }]);

    await past.retention(past.dir).round();
    expect(await past.kept()).toEqual({ months: MONTHS_BACK + 1 - gone, one: first, other: first });
    expect(await past.rows(detached)).toEqual([{ tables: 0 }]);
    for (const tenant of [past.one, past.other]) {
      const all = await past.records(tenant);
      expect(all.map(({ fromSeq, toSeq }) => [fromSeq, toSeq])).toEqual(
        Array.from({ length: gone }, (_, month) => [month * EVENTS + 1, (month + 1) * EVENTS]),
      );
      const now = await hashes();
      for (const { archive } of all) expect(now.get(archive.file)).toBe(archive.sha256);
    }
    // Written twice, they were alike.
    const now = await hashes();
    for (const [file, hash] of written) expect(now.get(file), file).toBe(hash);
    expect([...now.keys()].filter((file) => file.includes('.part'))).toEqual([]);
  });

  it('go on leaving where removing them ended, also for who keeps them longer since', async () => {
    await past.keep(past.one, 35);
    await past.keep(past.other, null);
    const dead = past.retention(undefined, { at: 'remove_events', nth: 3 });
    await dead.round(7);
    expect(dead.failing.size).toBe(1);
    expect(await past.kept()).toMatchObject({ one: 15, other: 1 });
    expect(await past.records(past.one)).toMatchObject([
      { fromSeq: 1, toSeq: EVENTS, deleted: EVENTS },
    ]);
    await past.keep(past.one, null);
    await past.retention().round(7);
    // What was on record has left, and no more.
    expect(await past.kept()).toMatchObject({ one: EVENTS + 1, other: 1 });
    expect(await past.records(past.one)).toHaveLength(1);
  });

  it('wait for who reads them, and let others read meanwhile', async () => {
    await past.keep(past.one, 35);
    await past.keep(past.other, 35);
    const reader = await past.admin.pool.connect();
    await reader.query('begin');
    await reader.query('select count(*) from audit_event');
    const round = past.retention().round();
    // It has tried and given way: nobody waits for its lock for longer than it asks.
    await expect
      .poll(
        () =>
          past.rows(`select 1 from pg_stat_activity where query like '%retire_audit_month%' and wait_event_type = 'Lock'
                           and datname = current_database() and pid <> pg_backend_pid()`),
        { interval: 20, timeout: 20_000 },
      )
      .toHaveLength(1);
    const began = performance.now();
    await past.rows('select count(*) from audit_event');
    // It asks for 300 ms at a time; the rest is room for a busy machine.
    expect(performance.now() - began).toBeLessThan(3_000);
    await reader.query('commit');
    reader.release();
    expect(await round).toBe(await past.over());
  });
});

async function hashes(): Promise<Map<string, string>> {
  const names = readdirSync(past.dir, { recursive: true })
    .map(String)
    .filter((name) => /\.gz|\.part/.test(name));
  return new Map(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(past.dir, name)))
        .digest('hex'),
    ]),
  );
}
