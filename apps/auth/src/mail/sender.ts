import {
  claimMail,
  failMail,
  listenTo,
  markMailSent,
  postponeMail,
  type ClaimedMail,
  type Db,
} from '@conducktor/db';
import { openMail } from '@conducktor/mail';
import type { Logger } from '@conducktor/runtime';
import type { Vault } from '@conducktor/vault';
import { LetterDelayed, LetterRefused, type WayOut } from './way-out.js';

export interface SenderDeps {
  db: Db;
  vault: Vault;
  wayOut: WayOut;
  /** Host of the ids of letters: that of MAIL_FROM. */
  host: string;
  logger: Logger;
  /** Seconds of a lease, and of an attempt, which is shorter. */
  leaseSeconds?: number;
  attemptSeconds?: number;
  pollMs?: number;
  firstRetrySeconds?: number;
}

export interface Sender {
  /** Waits for the attempts under way and takes no new ones. */
  stop(): Promise<void>;
}

const AT_ONCE = 5;
const GIVE_UP_MS = 3 * 24 * 3600 * 1000;
const LONGEST_WAIT_SECONDS = 3600;

/**
 * Sends what is in the outbox until it is stopped. Any number of processes may run one: a letter is
 * leased to one of them, for longer than an attempt can last. At least once: a process that ends
 * between sending and noting it leaves a letter that is sent again under the same Message-ID.
 */
export function startSender(deps: SenderDeps): Sender {
  const { db, logger, pollMs = 5_000, leaseSeconds = 120 } = deps;
  let stopped = false;
  let wake: (() => void) | undefined;
  let told = true;
  const look = () => {
    told = true;
    wake?.();
  };

  const run = async () => {
    while (!stopped) {
      told = false;
      try {
        const due = await claimMail(db, { limit: AT_ONCE, leaseSeconds });
        const attempts = await Promise.allSettled(due.map((mail) => attempt(deps, mail)));
        for (const each of attempts) {
          if (each.status === 'rejected') {
            logger.warn({ err: each.reason }, 'What became of a letter could not be noted');
          }
        }
        if (due.length === AT_ONCE) continue;
      } catch (error) {
        logger.warn({ err: error }, 'The outbox could not be read or written');
      }
      if (stopped || told) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        timer.unref();
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      wake = undefined;
    }
  };
  const running = run();
  const stopListening = listenTo(db, 'mail_outbox', look);
  return {
    async stop() {
      stopped = true;
      wake?.();
      await Promise.all([stopListening(), running]);
      deps.wayOut.close();
    },
  };
}

async function attempt(deps: SenderDeps, mail: ClaimedMail): Promise<void> {
  const { db, vault, wayOut, logger } = deps;
  const { id, attempts, createdAt } = mail;
  try {
    const letter = openMail(vault.openForInstall, mail);
    const signal = AbortSignal.timeout((deps.attemptSeconds ?? 60) * 1000);
    await wayOut.send({ ...letter, messageId: `${id}@${deps.host}`, createdAt }, signal);
  } catch (error) {
    const reason =
      error instanceof LetterRefused || error instanceof LetterDelayed
        ? error.message
        : 'It could not be opened or handed over.';
    if (error instanceof LetterRefused || Date.now() - createdAt.getTime() > GIVE_UP_MS) {
      logger.error({ mail: id, attempts, reason }, 'A letter was given up');
      return failMail(db, mail, reason);
    }
    const unknown = error instanceof LetterDelayed ? {} : { err: error };
    logger.warn({ mail: id, attempts, reason, ...unknown }, 'A letter has to wait');
    return postponeMail(db, mail, { seconds: wait(deps, attempts), reason });
  }
  await markMailSent(db, mail);
  logger.debug({ mail: id, attempts }, 'A letter was sent');
}

/** Twice as long each time, up to an hour; spread, so that what failed together does not come together. */
function wait({ firstRetrySeconds = 30 }: SenderDeps, attempts: number): number {
  const seconds = Math.min(
    firstRetrySeconds * 2 ** Math.min(attempts - 1, 20),
    LONGEST_WAIT_SECONDS,
  );
  return seconds * (0.75 + Math.random() / 2);
}

/** The host of an address such as `Conducktor <mail@example.com>`. */
export function hostOf(from: string): string {
  return /@([\w.-]+)>?\s*$/.exec(from)?.[1] ?? 'localhost';
}
