import { randomBytes } from 'node:crypto';
import { newId, NotificationKind } from '@conducktor/contracts';
import { openMail } from '@conducktor/mail';
import { verifyWebhook } from '@conducktor/notifications';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNotificationSender } from '../../src/notifications/sender.js';
import { startControl, type ControlService, type Loose } from '../harness.js';
import { slack, startReceiver, type Receiver } from './receiver.js';

const SECRET = `whsec_${randomBytes(32).toString('base64')}`;

let service: ControlService;
let receiver: Receiver;
let ours: SeededWorkspace;
let theirs: SeededWorkspace;
let budget: string;

beforeAll(async () => {
  service = await startControl({ OUTBOUND_ALLOW: ['loopback'] });
  receiver = await startReceiver();
  [ours, theirs] = [await service.seed(), await service.seed()];
  await service.admin.pool.query('update user_account set email_verified_at = now()');
});
afterAll(async () => {
  await receiver.close();
  await service.stop();
});

const call = (key: string, method: string, path: string, body?: object) =>
  service.call<Loose>(key, method, `/api/v1${path}`, body);

/** 85 of 100 dollars a month for one group, and the look of billing-usage at it. */
async function spend(): Promise<void> {
  budget = newId('bud');
  await service.admin.pool.query(
    `with made as (
       insert into budget (tenant_id, id, scope_kind, scope_id, period, limit_micros, forecast)
       values ($1, $2, 'group', $3, 'month', 100000000, false) returning *)
     insert into budget_account (tenant_id, id, budget_id, limit_micros, spent_micros)
     select tenant_id, number * 65536 + budget_period_index(period, now(), 'UTC'), id, limit_micros, 85000000 from made`,
    [ours.tenantId, budget, ours.groupId],
  );
  await service.admin.pool.query('select check_budget_alerts()');
  await service.admin.pool.query('select check_budget_alerts()');
}

describe('an alert', () => {
  it('reaches Slack, a signed webhook and the people who answer for money, once', async () => {
    receiver.script('/slack', slack.ok);
    const channel = (kind: string, more: object = {}) =>
      call(ours.owner.apiKey, 'POST', '/notification-channels', {
        kind,
        name: kind,
        url: `${receiver.origin}/${kind}`,
        ...more,
      });
    expect((await channel('slack')).body.events).toEqual(NotificationKind.options);
    await channel('webhook', { secret: SECRET, events: ['budget.threshold'] });
    await service.admin.pool.query(
      `update member set roles = '{billing}' where tenant_id = $1 and id = $2`,
      [ours.tenantId, ours.contractor.memberId],
    );
    await spend();
    const sender = startNotificationSender({ ...service.control, pollMs: 50 });
    await expect.poll(() => receiver.received.length, { timeout: 30_000 }).toBe(2);
    const waiting = `select count(*)::int as n from notification_delivery where state = 'pending'`;
    await expect
      .poll(async () => (await service.admin.pool.query(waiting)).rows[0].n, { timeout: 30_000 })
      .toBe(0);
    await sender.stop();

    const [{ headers, body }] = receiver.of('/webhook') as [Loose];
    expect(verifyWebhook(SECRET, headers, body)).toBe(true);
    const { type, data } = JSON.parse(body) as Loose;
    expect(type).toBe('budget.threshold');
    expect(data).toMatchObject({
      workspaceId: ours.tenantId,
      subjectId: budget,
      budgetId: budget,
      scope: { kind: 'group', id: ours.groupId, name: 'contractors' },
      threshold: 80,
      spentMicros: 85_000_000,
      limitMicros: 100_000_000,
      headline: '80 % spent: monthly budget of the group contractors',
      link: `${service.origin}/alerts/${data.alertId}`,
    });
    const [said] = receiver.of('/slack');
    expect(said!.body).toContain('$85 of $100 is spent (85 %)');
    expect(said!.body).toContain('raise its limit');
    expect(said!.body).toContain(data.link);

    const { rows } = await service.admin.pool.query<{ id: string; sealed: Buffer }>(
      'select id, sealed from mail_outbox',
    );
    const letters = rows.map((row) => openMail(service.control.vault.openForInstall, row));
    expect(letters.map(({ to }) => to).sort()).toEqual(
      [ours.contractor.email, ours.owner.email].sort(),
    );
    expect(letters[0]!.subject).toBe('80 % spent: monthly budget of the group contractors');
    expect(letters[0]!.text).toContain('$85 of $100 is spent (85 %)');
    expect(letters[0]!.text).toContain(`\n${data.link}\n`);
  }, 60_000);

  it('is listed, newest first, for those who answer for it, and shown on its page', async () => {
    const list = async (query = '', key = ours.owner.apiKey) => call(key, 'GET', `/alerts${query}`);
    const all = await list();
    expect(all.body.items.map((each: Loose) => [each.detail.threshold, each.told])).toEqual(
      expect.arrayContaining([
        [50, false],
        [80, true],
      ]),
    );
    const first = await list('?limit=1&kind=budget.threshold');
    const second = await list(`?limit=1&cursor=${first.body.nextCursor}&subject=${budget}`);
    expect([...first.body.items, ...second.body.items]).toEqual(all.body.items);
    expect((await list('?kind=connection.trouble')).body.items).toEqual([]);
    expect((await list('', theirs.owner.apiKey)).body.items).toEqual([]);

    const { id } = all.body.items.find((each: Loose) => each.told);
    const page = async (userId: string) => {
      const { cookie } = await service.browser(userId);
      const response = await fetch(`${service.origin}/alerts/${id}`, {
        headers: { cookie },
        redirect: 'manual',
      });
      return { status: response.status, text: await response.text() };
    };
    const shown = await page(ours.owner.userId);
    expect(shown.status).toBe(200);
    expect(shown.text).toContain('$85 of $100 is spent (85 %)');
    expect(shown.text).toContain('contractors');
    expect((await page(ours.member.userId)).status).toBe(403);
    expect((await page(theirs.owner.userId)).status).toBe(404);
  });
});
