// Subscriptions and changes of lists, over a real worker and servers of both eras.
import { newId } from '@conducktor/contracts';
import { startConformanceUpstream, type ConformanceUpstream } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ClientEvent, Subscription } from '../../mcp/ports.js';
import { startWholePath, type Caller, type WholePath } from '../../tests/support/whole-path.js';

const CAPABILITIES = {
  tools: {},
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
};
const OPEN = { version: 1, default: 'allow', rules: [] };
const SLUGS = ['old', 'new'] as const;
const URI = 'test://watched-resource';

let path: WholePath;
const upstreams = {} as Record<(typeof SLUGS)[number], ConformanceUpstream>;
const open: Subscription[] = [];

beforeAll(async () => {
  path = await startWholePath();
  for (const [slug, revision] of [
    ['old', '2025-11-25'],
    ['new', '2026-07-28'],
  ] as const) {
    upstreams[slug] = await startConformanceUpstream({ revision });
    await path.connect(slug, upstreams[slug].url, ['test_simple_text'], CAPABILITIES);
  }
});
afterAll(async () => {
  await path?.stop();
  for (const upstream of Object.values(upstreams)) await upstream.close();
});
beforeEach(() => path.activate(OPEN));
afterEach(() => {
  for (const subscription of open.splice(0)) subscription.close();
});

const gateway = () => path.gateways[0]!;

/** What a listener hears; `next` waits for an event, `none` for a while in which none comes. */
function listener() {
  const events: ClientEvent[] = [];
  return {
    events,
    onEvent: (event: ClientEvent) => void events.push(event),
    next: async (event: Partial<ClientEvent>) => {
      await expect
        .poll(() => events, { timeout: 30_000 })
        .toContainEqual(expect.objectContaining(event));
      events.length = 0;
    },
  };
}

async function subscribe(uri: string, by: Caller = {}) {
  const heard = listener();
  const answer = await gateway().mcp.subscribe({
    context: path.context(by),
    uri,
    onEvent: heard.onEvent,
  });
  if (answer.kind === 'subscribed') open.push(answer.subscription);
  return {
    ...heard,
    answer,
    close: () =>
      open.find((one) => 'subscription' in answer && one === answer.subscription)?.close(),
  };
}

async function watchLists(by: Caller = {}) {
  const heard = listener();
  const answer = await gateway().mcp.watchLists({
    context: path.context(by),
    onEvent: heard.onEvent,
  });
  expect(answer).toMatchObject({ kind: 'watching' });
  if (answer.kind === 'watching') open.push(answer.subscription);
  return heard;
}

const received = (slug: (typeof SLUGS)[number], method: string) =>
  upstreams[slug].world.received.filter((message) => message.method === method).length;

describe.each(SLUGS)('one resource of a server (%s)', (slug) => {
  const uri = `${slug}+${URI}`;

  test('is heard of by the URI that the client knows, and recorded like a call', async () => {
    const heard = await subscribe(uri);
    expect(heard.answer).toMatchObject({ kind: 'subscribed' });
    upstreams[slug].world.announce({ uri: URI });
    await heard.next({ kind: 'resource-updated', uri });
    await expect
      .poll(() => path.records())
      .toContainEqual(
        expect.objectContaining({ tool: `${slug}_resources/subscribe`, outcome: 'ok' }),
      );
  });

  test('ends when policy refuses it, and the refusal is recorded', async () => {
    const heard = await subscribe(uri);
    await path.activate({
      ...OPEN,
      rules: [
        {
          id: 'no-news',
          when: { tools: [`${slug}_resources/*`] },
          effect: 'deny',
          message: 'No news',
        },
      ],
    });
    await heard.next({ kind: 'subscription-ended', uri, reason: 'Permission denied: No news' });
    upstreams[slug].world.announce({ uri: URI });
    const again = await subscribe(uri);
    expect(again.answer).toMatchObject({ kind: 'error', error: { code: -32_003 } });
    expect(heard.events).toEqual([]);
    const records = await path.records();
    expect(records.filter(({ decision }) => decision === 'deny').at(-1)).toMatchObject({
      tool: `${slug}_resources/subscribe`,
    });
  });

  test('is told as changed after a worker was lost, and heard of again', async () => {
    const heard = await subscribe(uri);
    await path.killWorker();
    await path.startWorker();
    await heard.next({ kind: 'resource-updated', uri });
    upstreams[slug].world.announce({ uri: URI });
    await heard.next({ kind: 'resource-updated', uri });
  });
});

describe('one resource', () => {
  test('is subscribed once for all who listen in a person’s name, and left with the last', async () => {
    const before = received('old', 'resources/subscribe');
    const one = await subscribe(`old+${URI}`);
    const two = await subscribe(`old+${URI}`);
    expect(received('old', 'resources/subscribe')).toBe(before + 1);
    one.close();
    upstreams.old.world.announce({ uri: URI });
    await two.next({ kind: 'resource-updated' });
    expect(one.events).toEqual([]);
    const left = received('old', 'resources/unsubscribe');
    two.close();
    await expect.poll(() => received('old', 'resources/unsubscribe')).toBe(left + 1);
  });

  test('under the path of its connection has the server’s URI', async () => {
    const heard = await subscribe(URI, { resourcePath: '/mcp/new' });
    upstreams.new.world.announce({ uri: URI });
    await heard.next({ kind: 'resource-updated', uri: URI });
  });

  test('of nobody is unknown', async () => {
    const { answer } = await subscribe('nobody+test://x');
    expect(answer).toMatchObject({
      kind: 'error',
      error: { code: -32_602, data: { _meta: { 'conducktor/code': 'unknown_resource' } } },
    });
  });

  test('ends with the key it was asked by, and with its connection', async () => {
    const { owner, tenantId } = path.people;
    const byKey = await subscribe(`old+${URI}`, { apiKey: owner.apiKey });
    await path.admin.withTenant(tenantId, (tx) =>
      tx.query('update api_key set revoked_at = now() where id = $1', [owner.keyId]),
    );
    await byKey.next({
      kind: 'subscription-ended',
      reason: 'Sign in again: this API key was revoked.',
    });
    const third = await startConformanceUpstream({ revision: '2025-06-18' });
    try {
      const id = await path.connect('brief', third.url, [], CAPABILITIES);
      const byConnection = await subscribe(`brief+${URI}`);
      expect(byConnection.answer).toMatchObject({ kind: 'subscribed' });
      await path.admin.withTenant(tenantId, (tx) =>
        tx.query('delete from connection where id = $1', [id]),
      );
      await byConnection.next({ kind: 'subscription-ended' });
    } finally {
      await third.close();
    }
  });
});

test('a connection that was written anew is subscribed anew, and that is recorded too', async () => {
  const other = await startConformanceUpstream({ revision: '2025-06-18' });
  try {
    const id = await path.connect('moved', other.url, [], CAPABILITIES);
    const heard = await subscribe(`moved+${URI}`);
    expect(heard.answer).toMatchObject({ kind: 'subscribed' });
    const recorded = async () =>
      (await path.records()).filter(
        ({ tool, decision }) => tool === 'moved_resources/subscribe' && decision === 'allow',
      );
    await expect.poll(recorded, { timeout: 30_000 }).toHaveLength(1);
    await path.admin.withTenant(path.people.tenantId, (tx) =>
      tx.query('update connection set revision = revision + 1 where id = $1', [id]),
    );
    await heard.next({ kind: 'resource-updated', uri: `moved+${URI}` });
    await expect.poll(recorded, { timeout: 30_000 }).toHaveLength(2);
  } finally {
    await other.close();
  }
});

describe('lists', () => {
  /** Announces until it is heard: the watch of a server stands soon after the answer. */
  const announced = async (
    heard: Awaited<ReturnType<typeof watchLists>>,
    list: 'prompts' | 'resources',
    announce: () => void,
  ) => {
    const events = () =>
      heard.events.filter((event) => event.kind === 'list-changed' && event.list === list);
    await vi.waitUntil(
      () => {
        announce();
        return events().length > 0;
      },
      { timeout: 8_000, interval: 100 },
    );
  };

  test.each(SLUGS)('a server’s change of its own lists is told (%s)', async (slug) => {
    const heard = await watchLists();
    await announced(heard, 'prompts', () => upstreams[slug].world.announce('prompts'));
    upstreams[slug].world.announce('resources');
    await heard.next({ kind: 'list-changed', list: 'resources' });
  });

  test('a list that changed is read anew', async () => {
    const heard = await watchLists();
    const list = async () => {
      const context = path.context();
      const signal = new AbortController().signal;
      const method = 'resources/list' as const;
      return JSON.stringify(await gateway().mcp.request({ context, method, params: {}, signal }));
    };
    const { world } = upstreams.old;
    const says = () => `was changed ${world.changes.resources} times`;
    expect(await list()).toContain(says());
    world.changes.resources++;
    expect(await list()).not.toContain(says());
    await announced(heard, 'resources', () => world.announce('resources'));
    expect(await list()).toContain(says());
  });

  test('a flood of changes is told at once, and then once a second', async () => {
    const heard = await watchLists();
    const began = Date.now();
    await vi.waitUntil(
      () => {
        upstreams.old.world.announce('prompts');
        return Date.now() - began > 2_500;
      },
      { timeout: 8_000, interval: 20 },
    );
    const told = heard.events.filter((event) => 'list' in event && event.list === 'prompts').length;
    expect(told).toBeGreaterThan(1);
    expect(told).toBeLessThan(5);
  });

  test('a tool that comes or goes is told; what changes nothing for the caller is not', async () => {
    // Nobody reaches this one, so its tools are what the database says.
    const quiet = await path.connect('quiet', 'http://127.0.0.1:9', ['one']);
    const heard = await watchLists({ resourcePath: '/mcp/quiet' });
    const { tenantId } = path.people;
    await path.admin.withTenant(tenantId, (tx) =>
      tx.query(
        `insert into tool (tenant_id, id, connection_id, upstream_name, shown_name, definition, definition_hash, proposed_class)
         values ($1, $2, $3, 'more', 'quiet_more', '{"name":"more","inputSchema":{"type":"object"}}', '\\x00', 'read')`,
        [tenantId, newId('tol'), quiet],
      ),
    );
    await heard.next({ kind: 'list-changed', list: 'tools' });
    const hidden = { id: 'hide', when: { tools: ['quiet_more'] }, effect: 'deny' };
    await path.activate({ ...OPEN, rules: [{ ...hidden, when: { tools: ['nothing_*'] } }] });
    await path.activate({ ...OPEN, rules: [hidden] });
    await heard.next({ kind: 'list-changed', list: 'tools' });
    expect(heard.events).toEqual([]);
  });

  test('who may not list a connection’s prompts hears nothing of them', async () => {
    await path.activate({
      ...OPEN,
      rules: [{ id: 'no', when: { tools: ['old_prompts/*', 'new_*'] }, effect: 'deny' }],
    });
    const heard = await watchLists();
    await announced(heard, 'resources', () => {
      upstreams.old.world.announce('prompts');
      upstreams.old.world.announce('resources');
    });
    expect(heard.events).not.toContainEqual({ kind: 'list-changed', list: 'prompts' });
    await path.activate(OPEN);
    await heard.next({ kind: 'list-changed', list: 'prompts' });
  });

  test('after a worker was lost, what may have been missed is told', async () => {
    const heard = await watchLists();
    await announced(heard, 'prompts', () => upstreams.new.world.announce('prompts'));
    await path.killWorker();
    heard.events.length = 0;
    await path.startWorker();
    await heard.next({ kind: 'list-changed', list: 'resources' });
  });
});
