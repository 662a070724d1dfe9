import { Socket } from 'node:net';
import { randomBytes } from 'node:crypto';
import { NotificationKind } from '@conducktor/contracts';
import { createOutbound } from '@conducktor/outbound';
import { ssrfCorpus, type SeededWorkspace } from '@conducktor/testing';
import { verifyWebhook } from '@conducktor/notifications';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { postMessage } from '../../src/notifications/post-message.js';
import { startControl, type ControlService, type Loose } from '../harness.js';
import { slack, startReceiver, status, type Receiver } from './receiver.js';

const CANARY = 'canary-41d7';
const secretOf = (bytes: Buffer) => `whsec_${bytes.toString('base64')}`;
const SECRET = secretOf(randomBytes(32));

let service: ControlService;
let receiver: Receiver;
let ours: SeededWorkspace;
beforeAll(async () => {
  service = await startControl({ OUTBOUND_ALLOW: ['loopback'] });
  receiver = await startReceiver();
  ours = await service.seed();
});
afterAll(async () => {
  await receiver.close();
  await service.stop();
});

const call = async (method: string, path: string, body?: object) =>
  service.call<Loose>(ours.owner.apiKey, method, `/api/v1/notification-channels${path}`, body);
const webhook = (more: object = {}) => ({
  kind: 'webhook',
  name: 'tickets',
  url: `${receiver.origin}/hooks/${CANARY}?token=${CANARY}`,
  secret: SECRET,
  ...more,
});

describe('a channel', () => {
  it('keeps address and secret to itself, in answers, records and rows', async () => {
    const made = await call('POST', '', webhook());
    expect(made.status).toBe(201);
    const id = made.body.id as string;
    const { host } = new URL(receiver.origin);
    expect(made.body).toMatchObject({ kind: 'webhook', host, enabled: true, showArguments: false });
    expect(made.body.events).toEqual(NotificationKind.options);
    const all = [
      made,
      await call('GET', ''),
      await call('GET', `/${id}`),
      await call('PATCH', `/${id}`, {
        name: 'desk',
        events: ['approval.requested'],
        enabled: false,
      }),
      await call('PATCH', `/${id}`, {
        url: `${receiver.origin}/hooks/${CANARY}/2`,
        secret: SECRET,
        enabled: true,
      }),
      await call('POST', `/${id}/test`),
      await call('POST', '', webhook({ name: 'desk' })),
      await call('POST', '', webhook({ secret: `${SECRET}x` })),
    ];
    expect(all.map((each) => each.status)).toEqual([201, 200, 200, 200, 200, 200, 409, 400]);
    expect(all[2]!.body).toEqual(made.body);
    expect(all[3]!.body).toMatchObject({ name: 'desk', enabled: false });
    const said =
      all.map(({ text }) => text).join() + JSON.stringify(await service.changes(ours.tenantId));
    const { rows } = await service.admin.pool.query(
      'select to_jsonb(c) as row from notification_channel c',
    );
    for (const text of [said, JSON.stringify(rows)]) {
      expect(text).not.toContain(CANARY);
      expect(text).not.toContain(SECRET.slice(6, 30));
    }
    expect((await call('DELETE', `/${id}`)).status).toBe(204);
    expect((await call('GET', `/${id}`)).status).toBe(404);
  });

  it('is tested by one message, and says what came back', async () => {
    const { id } = (await call('POST', '', webhook({ name: 'tested' }))).body;
    receiver.received.length = 0;
    expect((await call('POST', `/${id}/test`)).body).toEqual({ delivered: true });
    const [{ headers, body }] = receiver.received as [Receiver['received'][0]];
    expect(verifyWebhook(SECRET, headers, body)).toBe(true);
    expect(JSON.parse(body)).toMatchObject({ type: 'channel.test' });

    const url = `${receiver.origin}/slack`;
    const made = await call('POST', '', { kind: 'slack', name: 'slack', url });
    receiver.script('/slack', slack.ok, slack.noService, status(410));
    const test = async () => (await call('POST', `/${made.body.id}/test`)).body;
    expect(await test()).toEqual({ delivered: true });
    expect(JSON.parse(receiver.of('/slack')[0]!.body).text).toContain('can write here');
    expect(await test()).toEqual({ delivered: false, reason: 'It answered 404 no_service.' });
    // What a server says beyond Slack's own words is not ours to repeat.
    expect(await test()).toEqual({ delivered: false, reason: 'It answered 410.' });
    expect((await call('PATCH', `/${made.body.id}`, { secret: SECRET })).status).toBe(400);
  });

  it.each([
    ['no address', { url: 'hooks.example' }],
    ['another protocol', { url: 'ftp://hooks.example/' }],
    ['a password in the address', { url: 'https://a:b@hooks.example/' }],
    ['a secret that is too short', { secret: secretOf(randomBytes(23)) }],
    ['a secret that is too long', { secret: secretOf(randomBytes(65)) }],
    ['no secret', { secret: undefined }],
    ['an event that nobody knows', { events: ['budget.spent'] }],
    ['no event', { events: [] }],
  ])('is not made with %s', async (_what, more) => {
    const answer = await call('POST', '', webhook({ name: 'x', ...more }));
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe('invalid_request');
  });

  it('there are twenty of in a workspace', async () => {
    ours = await service.seed();
    const made = await Promise.all(
      Array.from({ length: 22 }, (_, each) => call('POST', '', webhook({ name: `n${each}` }))),
    );
    expect(made.filter((each) => each.status === 201)).toHaveLength(20);
    expect(made.filter((each) => each.status === 409)).toHaveLength(2);
  });
});

describe('an address', () => {
  it('of something private opens no connection, however it is spelt, and is given up at once', async () => {
    const outbound = createOutbound({
      allow: [],
      denyPorts: [],
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    });
    const connects = vi.spyOn(Socket.prototype, 'connect');
    const before = connects.mock.calls.length;
    const port = new URL(receiver.origin).port;
    const wrong: string[] = [];
    for (const host of ssrfCorpus()) {
      const url = /[#?]/.test(host) ? `http://${host}` : `http://${host}:${port}/hook`;
      const outcome = await postMessage(
        outbound,
        { url, headers: {}, body: '{}' },
        { timeoutMs: 1_000, readsWords: false },
      );
      if (outcome.end !== 'never') wrong.push(`${url}: ${outcome.end}`);
    }
    expect(wrong).toEqual([]);
    expect(connects.mock.calls.length).toBe(before);
    connects.mockRestore();
    await outbound.close();
  });
});
