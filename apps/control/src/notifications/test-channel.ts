import { newId, type NotificationTested } from '@conducktor/contracts';
import { signWebhook, slackTestBody, testMessage } from '@conducktor/notifications';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { openChannel } from './channel-secrets.js';
import { postMessage } from './post-message.js';

const TEST_MS = 10_000;

/** Sends one message that says nothing, now and once, and answers what became of it. */
export async function testChannel(
  {
    prisma,
    vault,
    outbound,
    publicUrl,
  }: Pick<Control, 'prisma' | 'vault' | 'outbound' | 'publicUrl'>,
  caller: Caller,
  id: string,
): Promise<NotificationTested> {
  const { tenantId } = caller;
  const row = found(
    await prisma.withTenant(tenantId, (tx) =>
      tx.notificationChannel.findUnique({ where: { tenantId_id: { tenantId, id } } }),
    ),
    'channel',
  );
  const { url, secret } = await openChannel(vault, tenantId, id, row.sealed);
  const at = new Date();
  const isSlack = row.kind === 'slack';
  const body = isSlack ? slackTestBody(publicUrl) : testMessage(tenantId, at);
  const headers = secret === undefined ? {} : signWebhook(secret, newId('ntf'), at, body);
  const outcome = await postMessage(
    outbound,
    { url, headers, body },
    { timeoutMs: TEST_MS, readsWords: isSlack },
  );
  const delivered = outcome.end === 'sent';
  await prisma.withTenant(tenantId, (tx) =>
    recordChange(tx, caller, 'notification-channel.test', { channelId: id, delivered }),
  );
  return outcome.end === 'sent' ? { delivered } : { delivered, reason: outcome.reason };
}
