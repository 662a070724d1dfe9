import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Allowance } from '@conducktor/db';

/** Wrong passwords for one account: ten at once, then one a minute. */
export const PER_ACCOUNT: Allowance = { burst: 10, everyMs: 60_000 };
/** Wrong passwords from one address, for whichever accounts. */
export const PER_ADDRESS: Allowance = { burst: 100, everyMs: 6_000 };
/** New workspaces from one address. */
export const SIGN_UPS: Allowance = { burst: 60, everyMs: 10_000 };
/** Registrations of clients from one address. */
export const REGISTRATIONS: Allowance = { burst: 60, everyMs: 5_000 };
/** Metadata documents and key sets of clients that are fetched for one address; known ones cost nothing. */
export const DOCUMENT_FETCHES: Allowance = { burst: 30, everyMs: 2_000 };

export const accountKey = (email: string) =>
  `sign-in/account/${createHash('sha256').update(email).digest('base64url')}`;

export const addressKey = (
  purpose: 'sign-in' | 'sign-up' | 'register' | 'client-document',
  ip: string,
) =>
  `${purpose}/address/${network(ip)}`;

/** One household or machine: an IPv4 address, or the /64 that an IPv6 host may roam in. */
export function network(ip: string): string {
  const plain = ip.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('%')[0]!.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail ? tail.split(':') : [];
  const zeros =
    tail === undefined ? [] : Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  const groups = [...left, ...zeros, ...right].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
