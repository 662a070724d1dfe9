import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EVENTS, MONTHS_BACK, openHistory, type History } from './history.js';

let past: History;
beforeEach(async () => {
  past = await openHistory();
});
afterEach(() => past.close());

describe('months of events', () => {
  it('go at once when no workspace keeps them any longer, and usage stays', async () => {
    await past.keep(past.one, 35);
    await past.keep(past.other, 35);
    await past.rows(
      `insert into usage_day values ($1, '2020-01-01', gen_random_uuid(), 1, 0, 0, 5, 0, 0)`,
      [past.one],
    );
    const gone = await past.over();
    expect(gone).toBeGreaterThanOrEqual(2);
    expect(await past.retention().round()).toBe(gone);
    const first = gone * EVENTS + 1;
    expect(await past.kept()).toEqual({ months: MONTHS_BACK + 1 - gone, one: first, other: first });
    expect(await past.records(past.one)).toEqual(
      Array.from({ length: gone }, (_, month) =>
        expect.objectContaining({
          actor: 'retention',
          deleted: EVENTS,
          fromSeq: month * EVENTS + 1,
          toSeq: (month + 1) * EVENTS,
        }),
      ),
    );
    expect(await past.rows('select cost_micros::int as cost from usage_day')).toEqual([
      { cost: 5 },
    ]);
    expect(await past.retention().round()).toBe(0);
  });

  it('stay for those who keep them longer, without the events of those who do not', async () => {
    await past.keep(past.one, 35);
    await past.keep(past.other, null);
    const gone = await past.over();
    // In several batches.
    expect(await past.retention().round(EVENTS - 1)).toBe(gone * EVENTS);
    expect(await past.kept()).toEqual({
      months: MONTHS_BACK + 1,
      one: gone * EVENTS + 1,
      other: 1,
    });
    expect(await past.records(past.one)).toHaveLength(gone);
    expect(await past.records(past.other)).toEqual([]);
    // Then nobody does, and there is nothing of the first workspace to go.
    await past.keep(past.other, 35);
    await past.retention().round();
    expect(await past.kept()).toMatchObject({
      months: MONTHS_BACK + 1 - gone,
      other: gone * EVENTS + 1,
    });
    expect(await past.records(past.one)).toHaveLength(gone);
    expect(await past.records(past.other)).toHaveLength(gone);
  });

  it('wait until the ledger has what is in them, and until their arguments are erased', async () => {
    await past.keep(past.one, 35);
    await past.keep(past.other, 35);
    await past.rows('update money_cursor set posted_seq = $2 where tenant_id = $1', [
      past.other,
      EVENTS - 1,
    ]);
    const gone = await past.over();
    await past.retention().round();
    expect(await past.kept()).toEqual({
      months: MONTHS_BACK + 1,
      one: gone * EVENTS + 1,
      other: 1,
    });
    await past.rows('update money_cursor set posted_seq = $2 where tenant_id = $1', [
      past.other,
      EVENTS,
    ]);
    await past.retention().round();
    expect(await past.kept()).toMatchObject({ months: MONTHS_BACK, other: EVENTS + 1 });
    await past.rows('update money_cursor set posted_seq = posted_seq + 1000');
    await past.rows('update audit_head set payloads_erased = $1', [EVENTS]);
    expect(await past.rows('select tenant_id from leaving_events()')).toEqual([]);
  });

  it('are exported first: every event once, as the manifest says, without arguments', async () => {
    await past.keep(past.one, 35);
    await past.keep(past.other, null);
    await past.rows(`update audit_event set arguments_sealed = 'secret' where tenant_id = $1`, [
      past.one,
    ]);
    const before = await past.rows(
      `select seq::int, id, kind, at, call_id as "callId", detail from audit_event where tenant_id = $1 order by seq`,
      [past.one],
    );
    await past.retention(past.dir).round(7);
    const gone = await past.over();
    expect(await past.kept()).toMatchObject({ one: gone * EVENTS + 1, other: 1 });
    const exported = [];
    for (const record of await past.records(past.one)) {
      const file = readFileSync(join(past.dir, record.archive.file));
      const manifest = JSON.parse(
        readFileSync(
          join(past.dir, record.archive.file.replace('.ndjson.gz', '.manifest.json')),
          'utf8',
        ),
      );
      expect(manifest).toEqual({
        format: 1,
        workspace: past.one,
        month: record.month,
        fromSeq: record.fromSeq,
        toSeq: record.toSeq,
        file: record.archive.file,
        events: EVENTS,
        bytes: file.length,
        sha256: createHash('sha256').update(file).digest('hex'),
      });
      expect(record.archive).toMatchObject({ sha256: manifest.sha256, events: EVENTS });
      const text = gunzipSync(file).toString();
      expect(text).not.toContain('secret');
      exported.push(
        ...text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)),
      );
    }
    expect(exported).toHaveLength(gone * EVENTS);
    expect(
      exported.map(({ seq, id, kind, at, callId, detail }) => ({
        seq,
        id,
        kind,
        at: new Date(at),
        callId,
        detail,
      })),
    ).toEqual(before.slice(0, gone * EVENTS));
  });

  it('that cannot be exported are kept, with all that is in them', async () => {
    await past.keep(past.one, 35);
    await past.keep(past.other, 35);
    // A hole: the export would not be whole.
    await past.rows('delete from audit_event where tenant_id = $1 and seq = 3', [past.one]);
    const holed = past.retention(past.dir);
    await holed.round();
    // It is told, and the other workspace's are written, once.
    expect([...holed.failing]).toEqual([past.one]);
    const [{ events }] = await past.rows(
      'select count(*)::int as events from audit_event where seq <= $1',
      [EVENTS],
    );
    expect(events).toBe(2 * EVENTS - 1);
    expect(await past.records(past.one)).toEqual([]);
    expect(
      readdirSync(past.dir, { recursive: true }).filter((name) =>
        String(name).includes(`${past.one}-`),
      ),
    ).toEqual([]);
    const ofOther = () =>
      readdirSync(past.dir, { recursive: true }).filter((name) =>
        String(name).includes(past.other),
      );
    expect(ofOther()).toHaveLength(2);
    // A place that cannot be written to.
    writeFileSync(join(past.dir, 'file'), '');
    await past.retention(join(past.dir, 'file')).round();
    expect((await past.kept().catch(() => ({ months: -1 }))).months).toBe(-1);
    expect(await past.records(past.other)).toHaveLength(0);
  });

  it('of before there were months go by the times of their events', async () => {
    await past.rows('truncate audit_event, audit_span');
    // All of it counts as sealed when the months began.
    await past.rows(
      `insert into audit_event (tenant_id, seq, id, kind, at, call_id)
       select $1, i, 'evt_' || to_hex(i) || 'x', 'call', now() - make_interval(days => 100 - i), 'call_' || i
         from generate_series(1, 100) i`,
      [past.one],
    );
    await past.rows(`update audit_month set by_at = true where starts <= now() and ends > now()`);
    await past.rows(`insert into audit_span select $1, starts, 1 from audit_month where by_at`, [
      past.one,
    ]);
    await past.rows('update audit_head set next_seq = 101, payloads_erased = 100');
    await past.keep(past.one, 35);
    await past.retention(past.dir).round(9);
    const [{ first, ends, expected }] = await past.rows(
      `select (select min(seq)::int from audit_event) as first,
              (select min(date_trunc('month', at, 'UTC') + interval '1 month') from audit_event) > retention_end(35) as ends,
              (select count(*)::int + 1 from generate_series(1, 100) i
                where date_trunc('month', now() - make_interval(days => 100 - i), 'UTC') + interval '1 month' <= retention_end(35)) as expected`,
    );
    expect({ first, ends }).toEqual({ first: expected, ends: true });
    expect(first).toBeGreaterThan(30);
    const all = await past.records(past.one);
    expect(all.map(({ fromSeq }) => fromSeq)).toEqual([
      1,
      ...all.slice(0, -1).map(({ toSeq }) => toSeq + 1),
    ]);
    expect(all.at(-1).toSeq).toBe(first - 1);
    expect(all.every(({ archive, deleted }) => archive.events === deleted)).toBe(true);
  });
});
