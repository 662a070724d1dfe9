import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { endWaiting } from '@conducktor/approvals';
import { TAKEN_BACK } from '@conducktor/contracts';
import { createDb, notificationBacklog, pruneNotifications, type Db } from '@conducktor/db';
import { openMail } from '@conducktor/mail';
import { notify } from '@conducktor/notifications';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  startNotificationSender,
  type NotificationSender,
  type NotificationSenderDeps,
} from '../../src/notifications/sender.js';
import { startControl, type ControlService, type Loose } from '../harness.js';
import { askApproval } from './approvals.js';
import { reset, silence, slack, startReceiver, status, type Receiver } from './receiver.js';

const SECRET = `whsec_${randomBytes(32).toString('base64')}`;
const GUIDE = join(import.meta.dirname, '../../../../docs/guides/notifications.md');

/** What a busy machine takes, too. */
const soon = <T>(look: () => T) => expect.poll(look, { timeout: 30_000 });

let service: ControlService;
let receiver: Receiver;
let ours: SeededWorkspace;
let outbox: Db;
let gateway: Db;
const senders: NotificationSender[] = [];

beforeAll(async () => {
  service = await startControl({ OUTBOUND_ALLOW: ['loopback'] });
  receiver = await startReceiver();
  outbox = createDb(service.databaseUrlFor('conducktor_app'), { max: 8 });
  gateway = createDb(service.databaseUrlFor('conducktor_gateway'), { max: 2 });
});
afterAll(async () => {
  await receiver.close();
  await outbox.end();
  await gateway.end();
  await service.stop();
});
beforeEach(async () => {
  ours = await service.seed();
  receiver.received.length = 0;
  await service.admin.pool.query('update user_account set email_verified_at = now()');
});
afterEach(async () => {
  await Promise.all(senders.splice(0).map((sender) => sender.stop()));
});

function send(more: Partial<NotificationSenderDeps> = {}): NotificationSender {
  const sender = startNotificationSender({
    ...service.control,
    db: outbox,
    pollMs: 50,
    firstRetrySeconds: 0.02,
    ...more,
  });
  senders.push(sender);
  return sender;
}

const post = async (path: string, body: object = {}) =>
  service.call(ours.owner.apiKey, 'POST', `/api/v1${path}`, body);
const channel = async (kind: 'slack' | 'webhook', path: string, more: object = {}) =>
  (
    await post('/notification-channels', {
      kind,
      name: path,
      url: receiver.origin + path,
      ...(kind === 'webhook' ? { secret: SECRET } : {}),
      ...more,
    })
  ).body['id'] as string;
const deliveries = async (state: string): Promise<Loose[]> =>
  (await service.call(ours.owner.apiKey, 'GET', `/api/v1/notification-deliveries?state=${state}`))
    .body['items'];
const tell = (subjectId: string, db: Db = outbox) =>
  db.withTenant(ours.tenantId, (tx) => notify(tx, { kind: 'approval.requested', subjectId }));
const ask = (more: Parameters<typeof askApproval>[2] = { approvers: { roles: ['owner'] } }) =>
  askApproval(service, ours, more);
const letters = async (subject: string) => {
  const { rows } = await service.admin.pool.query<{ id: string; sealed: Buffer }>(
    `select id, sealed from mail_outbox where dedupe_key like $1 || '/%' order by dedupe_key`,
    [subject],
  );
  return rows.map((row) => openMail(service.control.vault.openForInstall, row));
};
const idOf = (path: string) => receiver.of(path)[0]!.headers['webhook-id']!;

describe('an event', () => {
  it('is one message for each channel and one letter for each person, however often it is told and by how many replicas', async () => {
    await channel('slack', '/slack');
    await channel('webhook', '/hook');
    await channel('webhook', '/other', { events: ['approval.expired'] });
    const id = await ask({ approvers: { users: [ours.contractor.email], roles: ['owner'] } });
    for (let replica = 0; replica < 3; replica++) send();
    await Promise.all([tell(id), tell(id, gateway), tell(id, gateway), tell(id)]);
    await soon(() => receiver.received.length).toBe(2);
    await soon(async () => (await deliveries('sent')).length).toBe(2);
    expect(receiver.of('/slack')).toHaveLength(1);
    expect(receiver.of('/other')).toHaveLength(0);
    const written = await letters(idOf('/hook'));
    expect(written.map(({ to }) => to).sort()).toEqual(
      [ours.owner.email, ours.contractor.email].sort(),
    );
    expect(written[0]!.text).toContain(`/approvals/${id}\n`);

    await outbox.withTenant(ours.tenantId, (tx) =>
      notify(tx, {
        kind: 'approval.rejected',
        subjectId: id,
        detail: { by: ours.owner.email, reason: 'Not this one' },
      }),
    );
    await soon(() => receiver.of('/hook').length).toBe(2);
    const [told] = await letters(receiver.of('/hook')[1]!.headers['webhook-id']!);
    expect(told).toMatchObject({ to: ours.member.email });
    expect(told!.text).toContain(`rejected by ${ours.owner.email}`);
  }, 60_000);

  it('tells who asked and who may decide that a request is void and why, and nobody what was taken back', async () => {
    await channel('webhook', '/void', { events: ['approval.void'] });
    const [changed, takenBack] = [await ask(), await ask()];
    const why = 'The connection was changed.';
    for (const [id, reason] of [
      [changed, why],
      [takenBack, TAKEN_BACK],
    ] as const)
      await outbox.withTenant(ours.tenantId, (tx) =>
        endWaiting(tx, { id, status: 'pending' }, 'void', reason),
      );
    send();
    await soon(() => receiver.of('/void').length).toBe(2);
    const told = receiver.of('/void').map(({ body, headers }) => ({
      ...(JSON.parse(body) as Loose)['data'],
      message: headers['webhook-id']!,
    }));
    const about = (id: string) => told.find(({ approvalId }) => approvalId === id)!;
    expect(about(changed)['reason']).toBe(why);
    expect(about(takenBack)['reason']).toBe(TAKEN_BACK);
    const written = await letters(about(changed)['message']);
    expect(written.map(({ to }) => to).sort()).toEqual([ours.member.email, ours.owner.email]);
    for (const { text } of written) expect(text).toContain(why);
    expect(await letters(about(takenBack)['message'])).toEqual([]);
  }, 60_000);

  it('is not told when its transaction is undone', async () => {
    await channel('webhook', '/undone', { events: ['approval.approved'] });
    const [undone, done] = [await ask(), await ask()];
    const approved = (subjectId: string, end: () => void) =>
      outbox.withTenant(ours.tenantId, async (tx) => {
        await notify(tx, { kind: 'approval.approved', subjectId, detail: {} });
        end();
      });
    await expect(
      approved(undone, () => {
        throw new Error('undone');
      }),
    ).rejects.toThrow('undone');
    await approved(done, () => {});
    const sender = send();
    await soon(() => receiver.of('/undone').length).toBe(1);
    await sender.stop();
    expect(receiver.of('/undone').map(({ body }) => JSON.parse(body).data.approvalId)).toEqual([
      done,
    ]);
  });

  it('does not wait for the next look because there were many before it', async () => {
    await service.admin.withTenant(ours.tenantId, (tx) =>
      tx.query(
        `select notify_event($1, 'approval.requested', 'apr_' || n, '{}') from generate_series(1, 101) n`,
        [ours.tenantId],
      ),
    );
    send({ pollMs: 600_000 });
    await soon(async () => (await notificationBacklog(outbox)).waiting).toBe(0);
  });

  it('goes to who stands in for a decider, never to the requester or theirs, nor to unconfirmed addresses', async () => {
    const stand = (from: string, to: string, id: string) =>
      service.admin.withTenant(ours.tenantId, (tx) =>
        tx.query(
          `insert into approval_delegation (tenant_id, id, from_member_id, to_member_id, until)
           values ($1, $2, $3, $4, now() + interval '1 hour')`,
          [ours.tenantId, id, from, to],
        ),
      );
    const { owner, member, contractor } = ours;
    await channel('webhook', '/who');
    send();
    const told = async (approvers: object, status = 'pending') => {
      const before = receiver.of('/who').length;
      // Decided from its first moment: a letter about one that waits may leave at once.
      const id = await ask({ approvers, status });
      await tell(id);
      await soon(() => receiver.of('/who').length).toBe(before + 1);
      const last = receiver.of('/who').at(-1)!;
      return (await letters(last.headers['webhook-id']!)).map(({ to }) => to);
    };
    await stand(owner.memberId, contractor.memberId, 'dlg_1');
    expect(await told({ roles: ['owner'] })).toHaveLength(2);
    expect(await told({ roles: ['owner'] }, 'rejected')).toEqual([]);
    expect(await told({ users: [member.email] })).toEqual([]);
    await stand(member.memberId, contractor.memberId, 'dlg_2');
    expect(await told({ roles: ['owner'] })).toEqual([owner.email]);
    const made = 'update api_key set created_by = $2 where tenant_id = $1 and id = $3';
    const key = [ours.tenantId, owner.memberId, member.keyId];
    await service.admin.pool.query(made, key);
    expect(await told({ roles: ['owner'] })).toEqual([]);
    await service.admin.pool.query(made, key.with(1, contractor.memberId));
    await service.admin.pool.query(
      'update user_account set email_verified_at = null where id = $1',
      [owner.userId],
    );
    expect(await told({ roles: ['owner'] })).toEqual([]);
  });
});

describe('the outbox', () => {
  it('says how many wait, for how long, and how many are dead, and forgets what is 90 days old', async () => {
    await Promise.all(senders.splice(0).map((sender) => sender.stop()));
    await service.admin.pool.query('truncate notification_event cascade');
    expect(await notificationBacklog(outbox)).toEqual({ waiting: 0, dueSeconds: 0, dead: 0 });
    await tell(await ask());
    await service.admin.pool.query(
      `update notification_event set created_at = now() - interval '1 hour'`,
    );
    const waits = await notificationBacklog(outbox);
    expect(waits).toMatchObject({ waiting: 1, dead: 0 });
    expect(waits.dueSeconds).toBeGreaterThanOrEqual(3_600);

    receiver.script('/gone', status(410));
    await channel('webhook', '/gone');
    send();
    await soon(() => notificationBacklog(outbox)).toEqual({ waiting: 0, dueSeconds: 0, dead: 1 });
    expect(await pruneNotifications(outbox, 10)).toBe(0);
    await service.admin.pool.query(
      `update notification_event set created_at = now() - interval '91 days'`,
    );
    expect(await pruneNotifications(outbox, 10)).toBe(1);
    expect(await deliveries('dead')).toEqual([]);
  });
});

describe('a message', () => {
  it('is verified by the snippet of the guide, and holds arguments only where the channel shows them', async () => {
    await channel('webhook', '/plain');
    await channel('webhook', '/open', { showArguments: true });
    await channel('slack', '/slack-open', { showArguments: true });
    const id = await ask({
      approvers: { roles: ['owner'] },
      args: { email: 'lead@canary.example' },
    });
    send();
    await tell(id);
    await soon(() => receiver.received.length).toBe(3);
    const snippet = /```js\n([\s\S]*?)```/.exec(readFileSync(GUIDE, 'utf8'))![1]!;
    const { verify } = (await import(
      `data:text/javascript,${encodeURIComponent(snippet)}`
    )) as Loose;
    for (const path of ['/plain', '/open']) {
      const { headers, body } = receiver.of(path)[0]!;
      expect(verify(headers, body, SECRET)).toBe(true);
      expect(verify(headers, `${body} `, SECRET)).toBe(false);
    }
    expect(receiver.of('/plain')[0]!.body).not.toContain('canary');
    expect(JSON.parse(receiver.of('/open')[0]!.body).data.arguments).toEqual({
      email: 'lead@canary.example',
    });
    expect(receiver.of('/slack-open')[0]!.body).toContain('canary');

    const erased = await ask({ approvers: { roles: ['owner'] }, args: { email: 'canary' } });
    const key = [ours.tenantId, ours.member.memberId];
    const ofMember = 'from subject_key where tenant_id = $1 and member_id = $2';
    await service.admin.pool.query(`delete ${ofMember}`, key);
    await tell(erased);
    await soon(() => receiver.received.length).toBe(6);
    for (const { body } of receiver.received.slice(3)) expect(body).not.toContain('canary');
    expect((await service.admin.pool.query(`select ${ofMember}`, key)).rowCount).toBe(0);
  });

  it('is sent again after 5xx, silence and a broken connection, under the same id', async () => {
    receiver.script('/weak', status(503), silence, reset, status(200));
    await channel('webhook', '/weak');
    send({ attemptMs: 300 });
    await tell(await ask());
    await soon(() => receiver.of('/weak').length).toBe(4);
    await soon(async () => (await deliveries('sent')).length).toBe(1);
    expect(new Set(receiver.of('/weak').map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect((await deliveries('sent'))[0]).toMatchObject({ attempts: 4, reason: null });
  });

  it('waits as long as Slack asks', async () => {
    receiver.script('/busy', slack.rateLimited(1), slack.ok);
    await channel('slack', '/busy');
    send();
    await tell(await ask());
    await soon(() => receiver.of('/busy').length).toBe(2);
    const [first, second] = receiver.of('/busy');
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(950);
  });

  it('is a dead letter at once where no later attempt would help, is audited once, and can be sent anew', async () => {
    receiver.script('/invalid', slack.invalidPayload, slack.ok);
    receiver.script('/moved', status(307, { location: `${receiver.origin}/elsewhere` }));
    const id = await channel('slack', '/invalid');
    await channel('webhook', '/moved');
    send();
    send();
    await tell(await ask());
    await soon(async () => (await deliveries('dead')).length).toBe(2);
    const dead = await deliveries('dead');
    expect(dead.map(({ reason }) => reason).sort()).toEqual([
      'It answered 307. Redirects are not followed.',
      'It answered 400 invalid_payload.',
    ]);
    expect(receiver.of('/elsewhere')).toHaveLength(0);
    const records = (await service.changes(ours.tenantId)).filter(
      ({ action }) => action === 'notification.dead',
    );
    expect(records).toHaveLength(2);
    expect(JSON.stringify(records)).not.toContain(receiver.origin);

    const letter = dead.find(({ channelId }) => channelId === id);
    const retried = await post(`/notification-deliveries/${letter.id}/retry`);
    expect(retried.body).toMatchObject({ state: 'pending', eventId: letter.eventId });
    await soon(() => receiver.of('/invalid').length).toBe(2);
    await soon(async () => (await deliveries('sent')).length).toBe(1);
    const again = await post(`/notification-deliveries/${letter.id}/retry`);
    expect(again.body['detail']).toBe('This message is sent; only a dead one is sent anew.');
  });

  it('is given up after ten attempts, and arguments that cannot be opened hold up nothing', async () => {
    receiver.script('/down', status(500));
    await channel('webhook', '/down');
    const unopened = await channel('webhook', '/erased', { showArguments: true });
    const id = await ask();
    await service.admin.pool.query(
      `update approval_request set arguments_sealed = 'x' where id = $1`,
      [id],
    );
    // Before anything is sent: nine attempts behind it.
    await tell(id);
    const first = send({ attemptMs: 1_000, firstRetrySeconds: 600 });
    await soon(async () => (await deliveries('pending')).filter((each) => each.reason).length).toBe(
      2,
    );
    await first.stop();
    await service.admin.withTenant(ours.tenantId, (tx) =>
      tx.query(
        'update notification_delivery set attempts = 9, next_at = now() where tenant_id = $1',
        [tx.tenantId],
      ),
    );
    send();
    await soon(async () => (await deliveries('dead')).length).toBe(2);
    const reasons = new Map((await deliveries('dead')).map((each) => [each.channelId, each]));
    expect(reasons.get(unopened)).toMatchObject({ attempts: 10, reason: 'It could not be made.' });
    expect(receiver.of('/down')).toHaveLength(2);
  });

  it('under way is waited for when the sender stops, and is not sent twice', async () => {
    let answer = () => {};
    receiver.script('/slow', (response) => (answer = () => void response.end()));
    await channel('webhook', '/slow');
    const sender = send();
    await tell(await ask());
    await soon(() => receiver.of('/slow').length).toBe(1);
    const stopped = sender.stop();
    answer();
    await stopped;
    expect(await deliveries('sent')).toHaveLength(1);
  });

  it('of a workspace whose receivers are silent holds up no other workspace', async () => {
    const held: (() => void)[] = [];
    for (let each = 0; each < 6; each++) {
      receiver.script(`/silent-${each}`, (response) => held.push(() => void response.end()));
      await channel('webhook', `/silent-${each}`);
    }
    const sender = send();
    await tell(await ask());
    await tell(await ask());
    await soon(() => held.length).toBeGreaterThanOrEqual(4);
    ours = await service.seed();
    await channel('webhook', '/quick');
    await tell(await ask());
    await soon(() => receiver.of('/quick').length).toBe(1);
    expect(held.length).toBeLessThan(12);
    const stopped = sender.stop();
    held.forEach((answer) => answer());
    await stopped;
  });
});
