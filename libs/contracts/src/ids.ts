import { randomBytes } from 'node:crypto';

/** Prefixes of the ids that people and scripts see. */
export type IdPrefix =
  | 'ten'
  | 'usr'
  | 'mem'
  | 'grp'
  | 'con'
  | 'tol'
  | 'tls'
  | 'key'
  | 'iat'
  | 'grt'
  | 'evt'
  | 'call'
  | 'ins'
  | 'lim'
  | 'apr'
  | 'dlg'
  | 'sim'
  | 'alr'
  | 'ntf'
  | 'nch'
  | 'ndl'
  | 'mai'
  | 'pak'
  | 'bud'
  | 'prl';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

// Random bytes are drawn in bulk: one system call for a few hundred ids instead of one each.
let pool = Buffer.alloc(0);
let used = 0;

/**
 * An unguessable id: the prefix, `_`, and 22 characters of base 62 (131 bits drawn without bias).
 */
export function newId(prefix: IdPrefix): string {
  let id = `${prefix}_`;
  let length = 0;
  while (length < 22) {
    if (used >= pool.length) {
      pool = randomBytes(8192);
      used = 0;
    }
    const six = pool[used++]! & 63;
    // 62 and 63 are drawn again, so that every character is equally likely.
    if (six < 62) {
      id += ALPHABET[six];
      length++;
    }
  }
  return id;
}
