import type { Mail } from '../mail.js';
import { compose, type From } from './compose.js';

/** Asks whoever reads this mailbox to say so. The link works for a day. */
export function verifyAddressLetter(letter: From & { url: string }): Mail {
  return compose(letter, 'Confirm your email address', [
    `Somebody, probably you, uses ${letter.to} to sign in to Conducktor at ${letter.publicUrl}.`,
    `Confirm that this address is yours:\n${letter.url}`,
    'The link works once, within 24 hours. If it was not you, do nothing: the address stays unconfirmed.',
  ]);
}
