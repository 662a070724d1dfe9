import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  alertMessage,
  approvalMessage,
  NotificationEvent,
  signWebhook,
  slackBody,
  verifyWebhook,
  webhookBody,
  type ApprovalEventKind,
  type ToldApproval,
  type ToldEvent,
} from '../index.js';

const at = new Date('2026-03-04T05:06:07Z');
const event: ToldEvent<ApprovalEventKind> = {
  id: 'ntf_0123456789abcdef012345',
  kind: 'approval.requested',
  tenantId: 'ten_1',
  subjectId: 'apr_0123456789abcdef012345',
  detail: {},
  at,
};
const approval: ToldApproval = {
  tool: 'crm_create_lead',
  connection: 'crm',
  toolClass: 'write',
  requester: { memberId: 'mem_1', email: 'ida@example.com' },
  clientId: 'client-1',
  approvers: 'the sales leads',
  expiresAt: new Date('2026-03-05T05:06:07Z'),
};
const message = (
  more: Partial<ToldApproval> = {},
  what: Partial<ToldEvent<ApprovalEventKind>> = {},
) => approvalMessage({ ...event, ...what }, { ...approval, ...more }, 'https://tools.example');

describe('Standard Webhooks', () => {
  test('signs what the specification’s own example signs', () => {
    // From the reference libraries of standard-webhooks.
    const headers = signWebhook(
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      new Date(1614265330 * 1000),
      '{"test": 2432232314}',
    );
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
    expect(headers['webhook-timestamp']).toBe('1614265330');
  });

  test('a message is good as it was sent, among other signatures, and for five minutes', () => {
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    const body = webhookBody(message());
    const headers = signWebhook(secret, event.id, at, body);
    const good = (more: Record<string, string> = {}, text = body, now = at, key = secret) =>
      verifyWebhook(key, { ...headers, ...more }, text, now);
    expect(good()).toBe(true);
    const other = signWebhook(`whsec_${randomBytes(32).toString('base64')}`, event.id, at, body);
    const both = `${other['webhook-signature']} ${headers['webhook-signature']}`;
    expect(good({ 'webhook-signature': both })).toBe(true);
    expect(good({}, `${body} `)).toBe(false);
    expect(good({ 'webhook-id': 'ntf_other' })).toBe(false);
    expect(good({ 'webhook-signature': other['webhook-signature'] })).toBe(false);
    expect(good({ 'webhook-signature': '' })).toBe(false);
    const late = new Date(at.getTime() + 301_000);
    expect(good({}, body, late)).toBe(false);
    expect(good({ 'webhook-timestamp': String(late.getTime() / 1000) }, body, late)).toBe(false);
  });
});

describe('a message', () => {
  test('of a webhook says what waits, for whom, and where, and no arguments unless given', () => {
    const body = JSON.parse(webhookBody(message())) as { data: object };
    expect(body).toEqual({
      type: 'approval.requested',
      timestamp: '2026-03-04T05:06:07.000Z',
      data: {
        workspaceId: 'ten_1',
        approvalId: event.subjectId,
        tool: 'crm_create_lead',
        toolClass: 'write',
        connection: 'crm',
        requester: { memberId: 'mem_1', email: 'ida@example.com' },
        clientId: 'client-1',
        approvers: 'the sales leads',
        expiresAt: '2026-03-05T05:06:07.000Z',
        link: `https://tools.example/approvals/${event.subjectId}`,
      },
    });
    expect(webhookBody(message({ arguments: { a: 1 } }))).toContain('"arguments":{"a":1}');
    const large = JSON.parse(webhookBody(message({ arguments: { a: 'x'.repeat(40_000) } })));
    expect(large.data).toMatchObject({ argumentsOmitted: true });
  });

  test('of Slack fits its limits and lets nobody mention people or bring a link', () => {
    const evil = '<!channel> <https://evil.example|click> & *bold*';
    const body = slackBody(
      message(
        { tool: evil + 'x'.repeat(400), arguments: { text: evil + 'y'.repeat(9_000) } },
        { kind: 'approval.rejected', detail: { by: evil, reason: evil + 'z'.repeat(2_000) } },
      ),
    );
    const { text, blocks } = JSON.parse(body) as {
      text: string;
      blocks: { type: string; text?: Text; fields?: Text[] }[];
    };
    interface Text {
      type: string;
      text: string;
    }
    expect(text).toContain('&lt;!channel&gt;');
    const texts = blocks.flatMap((block) => [
      ...(block.text ? [block.text] : []),
      ...(block.fields ?? []),
    ]);
    expect(texts.filter(({ type }) => type === 'mrkdwn').map((each) => each.text)).toEqual([
      `<https://tools.example/approvals/${event.subjectId}|Look at it>`,
    ]);
    expect(Math.max(...texts.map((each) => each.text.length))).toBeLessThanOrEqual(3_000);
    expect(blocks[0]!.text!.text.length).toBeLessThanOrEqual(150);
    expect(slackBody(message())).not.toContain('arguments');
  });
});

test('an alert says what happened and what to do, to people and to programs', () => {
  const id = 'alr_0123456789abcdef012345';
  const detail = { connection: 'crm', trouble: id, since: at.toISOString() };
  const told = alertMessage(
    { ...event, kind: 'connection.recovered', subjectId: id },
    {
      id,
      kind: 'connection.recovered',
      subjectId: 'con_0123456789abcdef012345',
      at: at.toISOString(),
      endedAt: null,
      told: true,
      detail,
    },
    { headline: 'Well again: <!channel>', what: 'It was <b>down</b>.', todo: 'Nothing.' },
    'https://tools.example',
  );
  expect(JSON.parse(webhookBody(told))).toEqual({
    type: 'connection.recovered',
    timestamp: '2026-03-04T05:06:07.000Z',
    data: {
      workspaceId: 'ten_1',
      alertId: id,
      subjectId: 'con_0123456789abcdef012345',
      headline: 'Well again: <!channel>',
      what: 'It was <b>down</b>.',
      todo: 'Nothing.',
      ...detail,
      link: `https://tools.example/alerts/${id}`,
    },
  });
  const slack = JSON.parse(slackBody(told));
  expect(slack.text).toBe('Well again: &lt;!channel&gt;');
  expect(slack.blocks.map((block: { text: { type: string } }) => block.text.type)).toEqual([
    'plain_text',
    'plain_text',
    'plain_text',
    'mrkdwn',
  ]);
});

test('an event that nobody knows is none', () => {
  expect(() => NotificationEvent.parse({ kind: 'budget.spent', subjectId: 'x' })).toThrow();
  expect(() =>
    NotificationEvent.parse({ kind: 'approval.requested', subjectId: event.subjectId, secret: 1 }),
  ).toThrow();
});
