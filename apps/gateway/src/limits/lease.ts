import { isSame, LocalGcra, type LimitProfile } from './gcra.js';

// Tokens are drawn about this far ahead, so that a busy workspace asks Redis a few times a second.
const LEASE_SECONDS = 0.2;

/** What a lease is of. Another allowance under the same key makes new terms. */
export interface Terms {
  profile: LimitProfile;
  /** In Redis, one for each allowance. */
  keys: readonly string[];
  /** Limit and window (ms) of each. */
  numbers: readonly number[];
  /** How many tokens are drawn ahead. */
  whole: number;
  /** Unspent ones that are on their way back. */
  back: number;
}

/** Tokens of one limit that this process may spend without asking. */
export interface Lease {
  key: string;
  terms: Terms;
  tokens: number;
  until: number;
  /** With fewer left it is renewed while they last; 0: not before they are spent. */
  low: number;
  /** Redis had none: when it has one again, and when it is asked again at the earliest. */
  freeAt: number;
  askAt: number;
  local: LocalGcra;
  drawing: Promise<void> | undefined;
  waiting: number;
  usedAt: number;
}

export function newLease(key: string, profile: LimitProfile): Lease {
  return {
    key,
    terms: termsOf(key, profile),
    tokens: 0,
    until: 0,
    low: 0,
    freeAt: 0,
    askAt: 0,
    local: new LocalGcra(),
    drawing: undefined,
    waiting: 0,
    usedAt: 0,
  };
}

/** Nothing that was drawn or learnt under other allowances counts under these. */
export function holdTo(lease: Lease, profile: LimitProfile): void {
  if (lease.terms.profile === profile) return;
  // Every change of a workspace makes a new snapshot, most of them with the same allowances.
  if (isSame(lease.terms.profile, profile)) {
    lease.terms.profile = profile;
    return;
  }
  lease.terms = termsOf(lease.key, profile);
  lease.tokens = 0;
  lease.freeAt = 0;
  lease.askAt = 0;
  lease.local = new LocalGcra();
}

/**
 * The window is in the name, so that a level is never read as one of another window. Of a changed number of
 * calls in the same window the same part is used up.
 */
function termsOf(key: string, profile: LimitProfile): Terms {
  // One hash tag for all of a workspace, because a script takes them together.
  const [workspace] = key.split(':', 1) as [string];
  const place = `limit:{${workspace}}${key.slice(workspace.length)}`;
  const perSecond = Math.min(...profile.map(({ limit, windowMs }) => (limit * 1_000) / windowMs));
  return {
    profile,
    keys: profile.map(({ windowMs }) => `${place}:${windowMs}`),
    numbers: profile.flatMap(({ limit, windowMs }) => [limit, windowMs]),
    whole: Math.ceil(perSecond * LEASE_SECONDS),
    back: 0,
  };
}

export const leftOf = ({ tokens, until }: Lease, now: number): number => (until > now ? tokens : 0);

/** As far as is known; 0: it is not known to be empty. */
export const waitOf = ({ askAt, freeAt }: Lease, now: number): number =>
  askAt > now ? Math.max(1, Math.ceil(freeAt - now)) : 0;
