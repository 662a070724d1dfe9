import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createDb } from '@conducktor/db';
import { freePort } from '@conducktor/embedded';
import { notify } from '@conducktor/notifications';
import { expect, it } from 'vitest';
import { startNotificationSender } from '../../src/notifications/sender.js';
import { startControl } from '../harness.js';
import { askApproval } from './approvals.js';
import { startReceiver, status } from './receiver.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** What a busy machine takes, too. */
const soon = <T>(look: () => T) => expect.poll(look, { timeout: 30_000 });

it('a control service that is killed between sending and noting repeats the message once, under its id', async () => {
  const service = await startControl({ OUTBOUND_ALLOW: ['loopback'] });
  const receiver = await startReceiver();
  const outbox = createDb(service.databaseUrlFor('conducktor_app'), { max: 4 });
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ENVIRONMENT: 'embedded',
      PORT: String(await freePort()),
      SECRET_KEY: service.secretKey,
      DATABASE_URL: service.databaseUrlFor('conducktor_app'),
      REDIS_URL: 'redis://127.0.0.1:1',
      WORKERS: '127.0.0.1:1',
      OUTBOUND_ALLOW: 'loopback',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let words = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (words += String(chunk)));
  try {
    const ours = await service.seed();
    // It has the message, and dies before it hears so.
    receiver.script('/hook', () => void child.kill('SIGKILL'), status(200));
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const made = await service.call(ours.owner.apiKey, 'POST', '/api/v1/notification-channels', {
      kind: 'webhook',
      name: 'hook',
      url: `${receiver.origin}/hook`,
      secret,
    });
    expect(made.status).toBe(201);
    const subjectId = await askApproval(service, ours, { approvers: { roles: ['owner'] } });
    await outbox.withTenant(ours.tenantId, (tx) =>
      notify(tx, { kind: 'approval.requested', subjectId }),
    );
    await expect.poll(() => child.signalCode ?? words, { timeout: 40_000 }).toBe('SIGKILL');
    expect(receiver.of('/hook')).toHaveLength(1);

    const state = async () =>
      (await service.call(ours.owner.apiKey, 'GET', '/api/v1/notification-deliveries')).body[
        'items'
      ];
    expect(await state()).toMatchObject([{ state: 'pending', attempts: 1 }]);
    const senders = [1, 2].map(() =>
      startNotificationSender({ ...service.control, db: outbox, pollMs: 20 }),
    );
    // Nobody else's while the lease of the dead one lasts.
    await soon(async () => (await state()).length).toBe(1);
    expect(receiver.of('/hook')).toHaveLength(1);
    await service.admin.pool.query('update notification_delivery set next_at = now()');
    await soon(async () => (await state())[0].state).toBe('sent');
    await Promise.all(senders.map((sender) => sender.stop()));
    const ids = receiver.of('/hook').map(({ headers }) => headers['webhook-id']);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  } finally {
    child.kill('SIGKILL');
    await receiver.close();
    await outbox.end();
    await service.stop();
  }
}, 90_000);
