// What an operator sees of the running stack: traces at a collector, figures at /metrics, and that the
// dashboard and the alerts ask for figures that are there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rawCall, type RawOptions, type ReceivedSpan } from '@conducktor/testing';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { namesIn, scrape } from './support/metrics.js';
import { ROOT } from './support/stack.js';
import { eventually, openWorld, type World } from './support/world.js';

const SECRET = 'c4n4ryOfTelemetry';
const POLICY = {
  version: 1,
  default: 'allow',
  rules: [
    { id: 'no', when: { tools: ['rec_echo'], if: 'args.message == "forbidden"' }, effect: 'deny' },
  ],
};

let world: World;
beforeAll(async () => {
  world = await openWorld({ policy: POLICY });
});
afterAll(() => world.close());

const hex = (bytes: number) =>
  Array.from({ length: bytes }, () =>
    Math.floor(Math.random() * 255 + 1)
      .toString(16)
      .padStart(2, '0'),
  ).join('');
const client = (sampled: boolean) => {
  const [traceId, spanId] = [hex(16), hex(8)];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${sampled ? '01' : '00'}` };
};
const call = (message: string, traceparent: string, options: RawOptions = {}) =>
  rawCall(
    world.mcp,
    'rec_echo',
    { message },
    {
      token: world.workspace.member.apiKey,
      ...options,
      headers: { traceparent, ...options.headers },
    },
  );
const received = async (): Promise<ReceivedSpan[]> =>
  (await (await fetch(`${inject('collector')}/spans`)).json()) as ReceivedSpan[];
const ofTrace = (traceId: string, services: number) =>
  eventually(`spans of ${services} services`, async () => {
    const spans = (await received()).filter((span) => span.traceId === traceId);
    return new Set(spans.map(({ service }) => service)).size >= services ? spans : undefined;
  });

test('one trace leads from the client through gateway and worker to the upstream', async () => {
  const from = client(true);
  const answer = await call(SECRET, from.traceparent);
  expect(answer.status).toBe(200);
  const spans = await ofTrace(from.traceId, 2);

  const server = spans.find(({ kind }) => kind === 2)!;
  expect(server).toMatchObject({
    service: 'conducktor-gateway',
    name: 'tools/call rec_echo',
    parentSpanId: from.spanId,
    failed: false,
  });
  expect(server.attributes).toMatchObject({
    'mcp.method.name': 'tools/call',
    'gen_ai.tool.name': 'rec_echo',
    'conducktor.tenant.id': world.workspace.tenantId,
    'conducktor.call.id': answer.message?.result?._meta?.['conducktor/callId'],
  });
  const steps = spans.filter(({ kind }) => kind === 1);
  expect(steps.map(({ name }) => name).join(' ')).toBe(
    'authenticate resolve arguments decide limit admit dispatch settle',
  );
  expect(new Set(steps.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set([server.spanId]));

  const upstream = spans.find(({ kind }) => kind === 3)!;
  expect(upstream).toMatchObject({
    service: 'conducktor-connector-worker',
    name: 'tools/call echo',
    parentSpanId: server.spanId,
  });
  expect(upstream.events).toContain('sent');
  expect(world.upstream.requests.at(-1)!.headers['traceparent']).toBe(
    `00-${from.traceId}-${upstream.spanId}-01`,
  );
});

test('a denial is kept though its client did not sample it; a call that went well is not', async () => {
  const [denied, well] = [client(false), client(false)];
  await call('fine', well.traceparent);
  await call('forbidden', denied.traceparent);
  const spans = await ofTrace(denied.traceId, 1);
  const server = spans.find(({ kind }) => kind === 2)!;
  expect(server).toMatchObject({ parentSpanId: denied.spanId, failed: true });
  expect(server.attributes['error.type']).toBe('policy_denied');
  expect(spans.find(({ name }) => name === 'decide')!.failed).toBe(true);
  expect(spans.some(({ name }) => name === 'admit')).toBe(false);
  expect((await received()).filter(({ traceId }) => traceId === well.traceId)).toEqual([]);
});

test('who does not sign in is not traced, whatever it asks for', async () => {
  const [stranger, member] = [client(true), client(true)];
  expect((await call('hello', stranger.traceparent, { token: 'ck_x_nobody' })).status).toBe(401);
  await call('hello', member.traceparent);
  await ofTrace(member.traceId, 2);
  expect((await received()).filter(({ traceId }) => traceId === stranger.traceId)).toEqual([]);
});

test('nothing of arguments, results and credentials is in any span', async () => {
  const text = JSON.stringify(await received());
  expect(text).toContain('tools/call rec_echo');
  for (const secret of [SECRET, world.workspace.member.apiKey, world.workspace.owner.apiKey])
    expect(text).not.toContain(secret);
});

test('the dashboard and the alerts ask for figures that the stack has', async () => {
  const has = new Set(['up']);
  for (const text of (await scrape()).values()) for (const name of namesIn(text)) has.add(name);
  const read = (path: string) => readFileSync(join(ROOT, 'infra', path), 'utf8');
  const dashboard = JSON.parse(read('grafana/dashboards/conducktor.json')) as {
    panels: { targets?: { expr: string }[] }[];
  };
  const rules = parse(read('prometheus/alerts.yml')) as {
    groups: { rules: { alert: string; expr: string; annotations: object }[] }[];
  };
  const alerts = rules.groups.flatMap((group) => group.rules);
  const asked = [
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...alerts.map(({ expr }) => expr),
  ];
  expect(asked.length).toBeGreaterThan(40);
  for (const { annotations } of alerts)
    expect(Object.keys(annotations)).toEqual(['summary', 'description']);
  // Every metric of ours has a prefix; words of PromQL and labels have none of them.
  const names = asked.flatMap(
    (expr) => expr.match(/\b(?:conducktor|process|nodejs)_\w+|\bup\b/g) ?? [],
  );
  expect([...new Set(names)].filter((name) => !has.has(name))).toEqual([]);
});

test('the collector gets the figures of /metrics, and each has a meaning in words', async () => {
  const exported = await eventually('metrics of six services', async () => {
    const given = (await (await fetch(`${inject('collector')}/metrics`)).json()) as Record<
      string,
      string[]
    >;
    return Object.keys(given).length >= 6 ? given : undefined;
  });
  for (const [service, text] of await scrape()) {
    const named = [...text.matchAll(/^# TYPE (\S+) (\S+)/gm)].map(([, name]) => name!);
    const sent = exported[`conducktor-${service}`]!;
    expect(named.filter((name) => name.startsWith('conducktor_') && !sent.includes(name))).toEqual(
      [],
    );
    for (const [, name, help] of text.matchAll(/^# HELP (\S+) ?(.*)$/gm))
      expect(help, name).not.toBe('');
  }
});

test('figures name no workspace and no person', async () => {
  const { tenantId, member } = world.workspace;
  for (const text of (await scrape()).values()) {
    expect(text).not.toContain(tenantId);
    expect(text).not.toContain(member.memberId);
  }
});
