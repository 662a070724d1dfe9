import { createHash } from 'node:crypto';
import type { Allowance } from '@conducktor/db';
import { networkOf } from '@conducktor/identity';

/** Wrong passwords and codes from a browser that this account was signed in with before, for itself. */
export const PER_KNOWN_BROWSER: Allowance = { burst: 10, everyMs: 60_000 };
/** Wrong passwords for one account from everywhere else together: 30 in the first hour, then 20. */
export const PASSWORDS_BY_STRANGERS: Allowance = { burst: 10, everyMs: 180_000 };
/** Wrong codes, after the right password, likewise: three of a million codes are right at any time. */
export const CODES_BY_STRANGERS: Allowance = { burst: 5, everyMs: 600_000 };
/** Wrong passwords and codes from one address, for whichever accounts. */
export const PER_ADDRESS: Allowance = { burst: 100, everyMs: 6_000 };
/** Wrong passwords and codes by strangers in all; beyond, each waits before it is looked at. */
export const BY_ALL_STRANGERS: Allowance = { burst: 600, everyMs: 200 };
/** Signatures of passkeys to check for one address; they cannot be guessed, only sent. */
export const PASSKEY_ANSWERS: Allowance = { burst: 60, everyMs: 2_000 };
/** Forms for a new account and workspace from one address, wrong ones too. */
export const SIGN_UPS: Allowance = { burst: 60, everyMs: 10_000 };
/** Registrations of clients from one address. */
export const REGISTRATIONS: Allowance = { burst: 60, everyMs: 5_000 };
/** Metadata documents and key sets of clients that are fetched for one address; known ones cost nothing. */
export const DOCUMENT_FETCHES: Allowance = { burst: 30, everyMs: 2_000 };

/** What is counted of an account, whether it exists or not: never the address itself. */
export const accountKey = (what: 'password' | 'code', email: string) =>
  `sign-in/${what}/${createHash('sha256').update(email).digest('base64url')}`;

export const knownBrowserKey = (what: 'password' | 'code', userId: string, browser: string) =>
  `sign-in/known/${what}/${createHash('sha256').update(`${userId}/${browser}`).digest('base64url')}`;

export const EVERYBODY = 'sign-in/everybody';

export const addressKey = (
  purpose: 'sign-in' | 'passkey' | 'sign-up' | 'register' | 'client-document',
  ip: string,
) => `${purpose}/address/${networkOf(ip)}`;
