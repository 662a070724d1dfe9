import { returnAttempt, takeAttempt, type Allowance, type Db } from '@conducktor/db';
import {
  accountKey,
  addressKey,
  BY_ALL_STRANGERS,
  CODES_BY_STRANGERS,
  EVERYBODY,
  knownBrowserKey,
  PASSWORDS_BY_STRANGERS,
  PER_ADDRESS,
  PER_KNOWN_BROWSER,
} from './limits.js';

const SLOWED_BY_MS = 2_000;
/** More that wait at once are refused: each holds a connection open. */
const WAITING_MAX = 200;

/** Who tries, before it is known whether they may. */
export interface Attempt {
  what: 'password' | 'code';
  /** As it was typed, tidied; of an account or not. */
  email: string;
  ip: string;
  /** Set when the account was signed in with this browser before. */
  known: { userId: string; browser: string } | undefined;
}

/** Refused for a while, or taken: then `right` gives it back when it turns out to be no guess. */
export type Taken = { retryAfterMs: number } | { right(): Promise<void> };

export interface Attempts {
  take(attempt: Attempt): Promise<Taken>;
}

/**
 * Counts guesses so that nobody guesses much and nobody is locked out by another (OWASP's device
 * cookies): a browser that an account was signed in with has an allowance of its own, all strangers
 * share one for each account and one for each network, and beyond a pace of all strangers together
 * each waits. Taken before anything is looked at, so attempts made at once count too; kept in
 * Postgres, so a restart forgives nothing.
 */
export function createAttempts(deps: { db: Db; slowedByMs?: number }): Attempts {
  const { db, slowedByMs = SLOWED_BY_MS } = deps;
  let waiting = 0;

  return {
    async take(attempt) {
      const allowances = allowancesOf(attempt);
      for (const [key, allowance] of allowances) {
        const retryAfterMs = await takeAttempt(db, key, allowance);
        if (retryAfterMs > 0) return { retryAfterMs };
      }
      const taken = [...allowances];
      if (!attempt.known) {
        if ((await takeAttempt(db, EVERYBODY, BY_ALL_STRANGERS)) > 0) {
          if (waiting >= WAITING_MAX) return { retryAfterMs: slowedByMs };
          waiting++;
          await new Promise((resolve) => setTimeout(resolve, slowedByMs));
          waiting--;
        } else taken.push([EVERYBODY, BY_ALL_STRANGERS]);
      }
      return {
        right: async () => {
          for (const [key, allowance] of taken) await returnAttempt(db, key, allowance);
        },
      };
    },
  };
}

function allowancesOf({ what, email, ip, known }: Attempt): [key: string, Allowance][] {
  if (known) return [[knownBrowserKey(what, known.userId, known.browser), PER_KNOWN_BROWSER]];
  return [
    [addressKey('sign-in', ip), PER_ADDRESS],
    [accountKey(what, email), what === 'password' ? PASSWORDS_BY_STRANGERS : CODES_BY_STRANGERS],
  ];
}
