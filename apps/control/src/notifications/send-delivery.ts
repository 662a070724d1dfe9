import {
  buryDelivery,
  findDelivery,
  markDelivered,
  postponeDelivery,
  recordControlEvent,
  type ClaimedDelivery,
  type Db,
  type DeliveryRow,
} from '@conducktor/db';
import {
  alertMessage,
  approvalMessage,
  signWebhook,
  slackBody,
  webhookBody,
  type ApprovalEventKind,
  type Message,
  type ToldEvent,
} from '@conducktor/notifications';
import type { Outbound } from '@conducktor/outbound';
import type { Logger } from '@conducktor/runtime';
import type { Vault } from '@conducktor/vault';
import { alertWords } from '../alerts/alert-words.js';
import { isAlertKind, readAlert } from '../alerts/read-alerts.js';
import { openChannel } from './channel-secrets.js';
import { postMessage, type PostOutcome } from './post-message.js';
import { readSealedArguments, readToldApproval } from './told-approval.js';

export interface SendDeps {
  db: Db;
  vault: Vault;
  outbound: Pick<Outbound, 'fetch'>;
  publicUrl: string;
  logger: Logger;
  attemptMs?: number;
  firstRetrySeconds?: number;
}

/** Attempts until a message is given up: about half a day with the waits below. */
const MAX_ATTEMPTS = 10;
const LONGEST_WAIT_SECONDS = 6 * 3600;

/** One attempt, and a note of what became of it. */
export async function sendDelivery(deps: SendDeps, claim: ClaimedDelivery): Promise<void> {
  const { db, logger } = deps;
  const { tenantId, id } = claim;
  const row = await db.withTenant(tenantId, (tx) => findDelivery(tx, id));
  if (!row) return;
  const outcome = await attempt(deps, tenantId, row).catch((error: unknown): PostOutcome => {
    logger.warn({ err: error, delivery: id }, 'A notification could not be made');
    return { end: 'later', reason: 'It could not be made.' };
  });
  await db.withTenant(tenantId, async (tx) => {
    if (outcome.end === 'sent') return markDelivered(tx, claim);
    const { reason } = outcome;
    if (outcome.end === 'later' && row.tried < MAX_ATTEMPTS) {
      logger.info({ delivery: id, attempts: claim.attempts, reason }, 'A notification has to wait');
      const seconds = Math.max(wait(deps, row.tried), outcome.afterSeconds ?? 0);
      return postponeDelivery(tx, claim, { seconds, reason });
    }
    if (!(await buryDelivery(tx, claim, reason))) return;
    logger.warn({ delivery: id, attempts: claim.attempts, reason }, 'A notification was given up');
    await recordControlEvent(tx, {
      action: 'notification.dead',
      actor: 'notifications',
      deliveryId: id,
      eventId: row.id,
      kind: row.kind,
      subject: row.subjectId,
      channelId: row.channelId,
      channel: row.channelName,
      attempts: claim.attempts,
      reason,
    });
  });
}

async function attempt(deps: SendDeps, tenantId: string, row: DeliveryRow): Promise<PostOutcome> {
  if (row.isDisabled) return { end: 'never', reason: 'The channel is switched off.' };
  const message = await readMessage(deps, tenantId, row);
  if (!message) return { end: 'never', reason: 'What it was about is gone.' };
  const { url, secret } = await openChannel(deps.vault, tenantId, row.channelId, row.sealed);
  const isSlack = row.channelKind === 'slack';
  const body = isSlack ? slackBody(message) : webhookBody(message);
  const headers = secret === undefined ? {} : signWebhook(secret, row.id, new Date(), body);
  return postMessage(
    deps.outbound,
    { url, headers, body },
    { timeoutMs: deps.attemptMs ?? 10_000, readsWords: isSlack },
  );
}

/** Made anew for each attempt and kept nowhere, so that erased arguments are in no queue. */
async function readMessage(
  deps: SendDeps,
  tenantId: string,
  { id, kind, subjectId, detail, at, showArguments }: DeliveryRow,
): Promise<Message | undefined> {
  const event = { id, tenantId, subjectId, detail, at };
  if (!isAlertKind(kind))
    return readApprovalMessage(
      deps,
      { ...event, kind: kind as ApprovalEventKind },
      showArguments && kind === 'approval.requested',
    );
  const alert = await deps.db.withTenant(tenantId, (tx) => readAlert(tx, subjectId));
  return alert && alertMessage({ ...event, kind }, alert, alertWords(alert), deps.publicUrl);
}

async function readApprovalMessage(
  { db, vault, publicUrl }: SendDeps,
  event: ToldEvent<ApprovalEventKind>,
  showsArguments: boolean,
): Promise<Message | undefined> {
  const { tenantId, subjectId } = event;
  const read = await db.withTenant(tenantId, async (tx) => ({
    approval: await readToldApproval(tx, subjectId),
    sealed: showsArguments ? await readSealedArguments(tx, subjectId) : undefined,
  }));
  if (!read.approval) return undefined;
  const { told, row } = read.approval;
  const opened =
    read.sealed &&
    (await vault.openForSubject(tenantId, row.memberId, `approval/${subjectId}`, read.sealed));
  const args = opened && { arguments: JSON.parse(opened.toString('utf8')) as unknown };
  return approvalMessage(event, { ...told, ...args }, publicUrl);
}

/** Three times as long each time, up to six hours; spread, so that what failed together does not come together. */
function wait({ firstRetrySeconds = 5 }: SendDeps, tried: number): number {
  const seconds = Math.min(firstRetrySeconds * 3 ** (tried - 1), LONGEST_WAIT_SECONDS);
  return seconds * (0.75 + Math.random() / 2);
}
