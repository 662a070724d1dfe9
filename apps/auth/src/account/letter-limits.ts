import { createHash } from 'node:crypto';
import { takeAttempt, type Allowance, type Db } from '@conducktor/db';

const MINUTE = 60_000;

/** Requests for new passwords from one address, for whichever accounts. */
export const RESETS_PER_ADDRESS: Allowance = { burst: 20, everyMs: MINUTE };

/**
 * Letters that somebody else can have us write to one mailbox. Whoever uses them up keeps nobody out:
 * the links of the letters that did go are good for longer than it takes until the next one may.
 */
const PER_MAILBOX = {
  reset: { burst: 3, everyMs: 20 * MINUTE },
  verify: { burst: 3, everyMs: 20 * MINUTE },
  change: { burst: 2, everyMs: 60 * MINUTE },
} satisfies Record<string, Allowance>;

/** Changes of address that one person may begin. */
const CHANGES_PER_PERSON: Allowance = { burst: 5, everyMs: 60 * MINUTE };
/** Workspaces that one person may create besides the first. */
const WORKSPACES_PER_PERSON: Allowance = { burst: 5, everyMs: 60 * MINUTE };

const hashed = (text: string) =>
  createHash('sha256').update(text.toLowerCase()).digest('base64url');

/** Whether one more letter of this kind may go to this mailbox now. */
export async function mayWriteTo(
  db: Db,
  kind: keyof typeof PER_MAILBOX,
  email: string,
): Promise<boolean> {
  return (await takeAttempt(db, `letter/${kind}/${hashed(email)}`, PER_MAILBOX[kind])) === 0;
}

/** 0, or the milliseconds until this person may begin another change of address. */
export const waitToChange = (db: Db, userId: string) =>
  takeAttempt(db, `change-email/${hashed(userId)}`, CHANGES_PER_PERSON);

/** 0, or the milliseconds until this person may create another workspace. */
export const waitToCreate = (db: Db, userId: string) =>
  takeAttempt(db, `create-workspace/${hashed(userId)}`, WORKSPACES_PER_PERSON);
