import { request } from 'node:http';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControl, type ControlService, type Loose } from './harness.js';
import { journal, seal } from './journal.js';

const CANARY = 'canary-7d1f';
let service: ControlService;
let workspace: SeededWorkspace;

beforeAll(async () => {
  service = await startControl();
  workspace = await service.seed();
  await journal(service, workspace, [
    { id: 'a', outcome: 'ok', costMicros: 5, record: { argumentsSealed: CANARY } },
    { id: 'b', denied: 'policy_denied', tool: '=HYPERLINK("http://evil.example","x")' },
    { id: 'c', outcome: 'error', tool: ' @SUM(1)' },
  ]);
});
afterAll(() => service.stop());

const exported = async (query = '') => {
  const answer = await service.call(workspace.owner.apiKey, 'GET', `/api/v1/audit/export${query}`);
  expect(answer.status, answer.text).toBe(200);
  return answer;
};
const linesOf = (text: string): Loose[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('an export', () => {
  it('is the sequence as it was sealed, without gaps, and says at its end that it is complete', async () => {
    const answer = await exported();
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
    const lines = linesOf(answer.text);
    expect(lines.pop()).toEqual({ complete: true, events: 5, nextAfter: 5 });
    expect(lines.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(lines.map(({ kind, callId }) => `${kind} ${callId}`)).toEqual([
      'call a',
      'denial b',
      'call c',
      'outcome a',
      'outcome c',
    ]);
    // An outcome says again who called what.
    expect(lines[3]).toMatchObject({
      actor: workspace.member.email,
      tool: 'crm_find',
      outcome: 'ok',
      costMicros: 5,
    });
  });

  it('of a workspace that kept little of very much begins with what it kept', async () => {
    const old = await service.seed();
    await service.admin.pool.query(
      `insert into audit_event (tenant_id, seq, id, kind, at, detail)
       values ($1, 900000000, 'evt_35a4e900x', 'control', now(), '{}')`,
      [old.tenantId],
    );
    const answer = await service.call(old.owner.apiKey, 'GET', '/api/v1/audit/export');
    expect(linesOf(answer.text)).toMatchObject([
      { seq: 900_000_000 },
      { complete: true, events: 1, nextAfter: 900_000_000 },
    ]);
  });

  it('goes on where one ended, and where one was cut', async () => {
    await seal(service);
    const after = linesOf((await exported('?after=3')).text);
    expect(after.slice(0, 2).map(({ seq }) => seq)).toEqual([4, 5]);
    const { nextAfter } = after.at(-1);
    await journal(service, workspace, [{ id: 'd', outcome: 'ok' }]);
    const rest = linesOf((await exported(`?after=${nextAfter}&kind=call`)).text);
    expect(rest[0]).toMatchObject({ callId: 'd' });
    expect(rest.at(-1)).toMatchObject({ complete: true, events: 1 });
    const end = linesOf((await exported('?after=999999')).text);
    expect(end).toEqual([{ complete: true, events: 0, nextAfter: 999_999 }]);
  });

  it('has the filters of the list', async () => {
    const ids = async (query: string) =>
      linesOf((await exported(query)).text).flatMap(({ callId }) => callId ?? []);
    expect(await ids('?outcome=error')).toEqual(['c']);
    expect(await ids('?outcome=denied&actor=' + workspace.member.memberId)).toEqual(['b']);
    expect(await ids('?until=2020-01-01T00:00:00Z')).toEqual([]);
  });

  it('as CSV is nothing that a spreadsheet runs, and ends with its own last line', async () => {
    const { text, headers } = await exported('?format=csv&after=0');
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const rows = text.trimEnd().split('\r\n');
    expect(rows[0]).toMatch(/^"id","seq","kind"/);
    expect(text).toContain(`"'=HYPERLINK(""http://evil.example"",""x"")"`);
    expect(text).toContain(`"' @SUM(1)"`);
    expect(rows.at(-1)).toMatch(/^"#complete",\d+,"\d+ events",,*/);
    for (const row of rows.slice(1, -1))
      for (const cell of row.match(/"(?:[^"]|"")*"/g)!) expect(cell).not.toMatch(/^"\s*[=+\-@]/);
  });

  it('holds no arguments, and leaves an event of its own', async () => {
    expect((await exported()).text).not.toContain(CANARY);
    const records = await service.changes(workspace.tenantId);
    expect(records.at(-1)).toMatchObject({
      action: 'audit.export',
      actor: workspace.owner.email,
      asked: { format: 'ndjson', after: 0 },
    });
  });

  it('of another workspace holds nothing of this one', async () => {
    const other = await service.seed();
    const answer = await service.call(other.owner.apiKey, 'GET', '/api/v1/audit/export');
    expect(linesOf(answer.text)).toEqual([{ complete: true, events: 0, nextAfter: 0 }]);
  });

  it('ends without its last line when the right to it ends', async () => {
    const big = await service.seed();
    await service.admin.pool.query(
      `insert into audit_event (tenant_id, seq, id, kind, at, detail)
       select $1, s, 'evt_' || to_hex(s) || 'x', 'control', now(), jsonb_build_object('action', repeat('x', 900))
         from generate_series(1, 40000) s`,
      [big.tenantId],
    );
    const text = await new Promise<string>((resolve, reject) => {
      const url = `${service.origin}/api/v1/audit/export`;
      const headers = { authorization: `Bearer ${big.owner.apiKey}` };
      const outgoing = request(url, { headers }, (response) => {
        let all = '';
        response.setEncoding('utf8');
        response.once('data', () => {
          // Nothing is taken until the key is dead: the export waits for its reader.
          response.pause();
          service.admin.pool
            .query('update api_key set revoked_at = now() where id = $1', [big.owner.keyId])
            .then(() => setTimeout(() => response.resume(), 600), reject);
        });
        response.on('data', (chunk: string) => (all += chunk));
        response.on('close', () => resolve(all));
        response.on('error', () => resolve(all));
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
    expect(text).not.toContain('"complete"');
    expect(text.split('\n').length).toBeLessThan(40_000);
  });
});
