import type { Mail } from '../mail.js';
import { compose, moment, type From } from './compose.js';

/** To the address that an account had until now. */
export function addressChangedLetter(letter: From & { newAddress: string; at: Date }): Mail {
  return compose(letter, 'Your email address was changed', [
    `On ${moment(letter.at)} the account of ${letter.to} was given the address ${letter.newAddress}. From now on it signs in with that one, and letters go there.`,
    `If this was not you, tell an owner of your workspace at once: they can remove the member, and whoever runs ${letter.publicUrl} can give the account back to you.`,
  ]);
}
