import type { Mail } from '../mail.js';
import { compose, ifNotYou, moment, type From } from './compose.js';

/** Tells that the password was changed, or chosen anew through a link. */
export function passwordChangedLetter(letter: From & { at: Date }): Mail {
  return compose(letter, 'Your password was changed', [
    `The password of ${letter.to} was changed on ${moment(letter.at)}. You were signed out in other browsers; apps that you connected stay connected.`,
    ifNotYou(letter),
  ]);
}
