import { connect } from 'node:net';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControl, type ControlService, type Loose } from './harness.js';
import { adminKey, journal } from './journal.js';

let service: ControlService;
let workspace: SeededWorkspace;
beforeAll(async () => {
  service = await startControl();
  workspace = await service.seed();
});
afterAll(() => service.stop());

/** A listener that keeps what it was told. */
interface Listening {
  status: number;
  events: { id: number; event: Loose }[];
  gaps: Loose[];
  /** Resolves when the server ends the stream. */
  ended: Promise<void>;
  stop(): void;
}

async function listen(key: string, lastEventId?: number, query = ''): Promise<Listening> {
  const stopping = new AbortController();
  const response = await fetch(`${service.origin}/api/v1/activity${query}`, {
    headers: {
      authorization: `Bearer ${key}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }),
    },
    signal: stopping.signal,
  });
  const events: Listening['events'] = [];
  const gaps: Loose[] = [];
  const read = async () => {
    let rest = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split('\n\n');
      rest = parts.pop()!;
      for (const part of parts) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1];
        const data = field('data');
        if (data === undefined) continue;
        if (field('event') === 'gap') gaps.push(JSON.parse(data));
        else events.push({ id: Number(field('id')), event: JSON.parse(data) });
      }
    }
  };
  return {
    status: response.status,
    events,
    gaps,
    ended: read().catch(() => {}),
    stop: () => stopping.abort(),
  };
}
const callIds = ({ events }: Listening) =>
  events.map(({ event }) => `${event.kind} ${event.callId}`);
const within = async (ms: number, done: Promise<void>) => {
  const startedAt = performance.now();
  await done;
  expect(performance.now() - startedAt).toBeLessThan(ms);
};

describe('live activity', () => {
  it('tells every listener what is sealed in the workspace, and nobody else', async () => {
    const other = await service.seed();
    const [one, two, foreign] = await Promise.all([
      listen(workspace.owner.apiKey),
      listen(workspace.owner.apiKey),
      listen(other.owner.apiKey),
    ]);
    await journal(service, workspace, [
      { id: 'a', outcome: 'ok' },
      { id: 'b', denied: 'policy_denied' },
    ]);
    const all = ['call a', 'denial b', 'outcome a'];
    await expect.poll(() => callIds(one!), { timeout: 30_000 }).toEqual(all);
    await expect.poll(() => callIds(two!)).toEqual(all);
    expect(one!.events.map(({ id, event }) => id === event.seq)).toEqual([true, true, true]);
    expect(one!.events[2]!.event).toMatchObject({ actor: workspace.member.email, outcome: 'ok' });
    expect(foreign!.events).toEqual([]);
    for (const each of [one, two, foreign]) each!.stop();
  });

  it('goes on after the last event without gap or repeat, however much was missed', async () => {
    const calls = Array.from({ length: 700 }, (_, n) => ({ id: `m${n}` }));
    const first = await listen(workspace.owner.apiKey);
    await journal(service, workspace, calls.slice(0, 3));
    await expect.poll(() => first.events.length, { timeout: 30_000 }).toBe(3);
    first.stop();
    const last = first.events.at(-1)!.id;
    await journal(service, workspace, calls.slice(3, 690));
    const second = await listen(workspace.owner.apiKey, last);
    await journal(service, workspace, calls.slice(690));
    await expect.poll(() => second.events.length, { timeout: 30_000 }).toBe(697);
    expect(second.events.map(({ id }) => id)).toEqual(
      Array.from({ length: 697 }, (_, n) => last + 1 + n),
    );
    second.stop();
    const asked = await listen(workspace.owner.apiKey, undefined, `?after=${last + 695}`);
    await expect.poll(() => asked.events.length, { timeout: 30_000 }).toBe(2);
    asked.stop();
  });

  it('says so when what was missed is not kept any more', async () => {
    const old = await service.seed();
    await journal(service, old, [{ id: 'x' }, { id: 'y' }, { id: 'z' }]);
    await service.admin.pool.query('delete from audit_event where tenant_id = $1 and seq < 3', [
      old.tenantId,
    ]);
    const late = await listen(old.owner.apiKey, 1);
    await expect.poll(() => callIds(late), { timeout: 30_000 }).toEqual(['call z']);
    expect(late.gaps).toEqual([{ fromSeq: 2, toSeq: 2 }]);
    late.stop();
  });

  it('ends within a second when the key is revoked, the person removed or their role taken', async () => {
    const person = await service.seed();
    const { memberId } = person.member;
    const asAuditor = () =>
      service.admin.pool.query("update member set roles = '{auditor}' where id = $1", [memberId]);
    for (const sql of [
      'update api_key set revoked_at = now() where member_id = $1',
      "update member set roles = '{member}' where id = $1",
      'update member set disabled_at = now() where id = $1',
    ]) {
      const key = await adminKey(service, person, person.member);
      await asAuditor();
      const stream = await listen(key);
      expect(stream.status).toBe(200);
      const staying = await listen(person.owner.apiKey);
      await service.admin.pool.query(sql, [memberId]);
      await within(1_000, stream.ended);
      await journal(service, person, [{ id: `after ${sql.length}` }]);
      await expect.poll(() => staying.events.length, { timeout: 30_000 }).toBeGreaterThan(0);
      expect(stream.events).toEqual([]);
      staying.stop();
    }
  });

  it('is for few listeners of one person at once, and a place is free again when one goes', async () => {
    const { apiKey } = (await service.seed()).owner;
    const five = await Promise.all(Array.from({ length: 5 }, () => listen(apiKey)));
    const sixth = await listen(apiKey);
    expect(sixth.status).toBe(429);
    five[0]!.stop();
    const again = async () => {
      const next = await listen(apiKey);
      if (next.status === 200) five.push(next);
      return next.status;
    };
    await expect.poll(again, { timeout: 30_000 }).toBe(200);
    for (const each of five) each.stop();
  });

  it('is not begun by HEAD, which nobody could end', async () => {
    const { apiKey } = (await service.seed()).owner;
    for (const path of ['activity', 'audit/export']) {
      const answer = await service.call(apiKey, 'HEAD', `/api/v1/${path}`);
      expect(answer.status).toBe(405);
    }
    await expect.poll(() => service.control.feeds.open).toBe(0);
  });

  it('cuts off a listener that does not read, and holds nothing for it', async () => {
    const loud = await service.seed();
    const socket = connect(Number(new URL(service.origin).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(
      `GET /api/v1/activity HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${loud.owner.apiKey}\r\n\r\n`,
    );
    await new Promise((resolve) => socket.once('data', resolve));
    socket.pause();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await expect.poll(() => service.control.feeds.open).toBe(1);
    await service.admin.pool.query(
      `insert into audit_event (tenant_id, seq, id, kind, at, detail)
       select $1, s, 'evt_' || to_hex(s) || 'x', 'control', now(), jsonb_build_object('action', repeat('x', 4000))
         from generate_series(1, 6000) s`,
      [loud.tenantId],
    );
    await expect.poll(() => service.control.feeds.open, { timeout: 30_000 }).toBe(0);
    socket.resume();
    await closed;
    expect(socket.bytesRead).toBeLessThan(6_000 * 4_000);
  });

  it('does not keep the service from ending', async () => {
    const own = await startControl();
    const { apiKey } = (await own.seed()).owner;
    const response = await fetch(`${own.origin}/api/v1/activity`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    const ended = new Response(response.body).text().catch(() => 'cut');
    // Opened ahead, as browsers do.
    const unused = connect(Number(new URL(own.origin).port), '127.0.0.1');
    await new Promise((resolve) => unused.once('connect', resolve));
    const startedAt = performance.now();
    await own.stop();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await ended;
  });

  it('is not for members', async () => {
    const key = await adminKey(service, workspace, workspace.contractor);
    expect((await listen(key)).status).toBe(403);
  });
});
