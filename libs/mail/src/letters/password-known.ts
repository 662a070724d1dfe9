import type { Mail } from '../mail.js';
import { compose, moment, type From } from './compose.js';

/** Tells that somebody who knows the password fails at the second step, again and again. */
export function passwordKnownLetter(letter: From & { at: Date }): Mail {
  return compose(letter, 'Somebody may know your password', [
    `On ${moment(letter.at)} somebody gave the right password of ${letter.to} and then one wrong code after the other. Nobody was signed in by that, and codes from browsers that you did not use before are refused for some minutes.`,
    `If this was not you, choose a new password now at ${letter.publicUrl}/login/forgot - that signs everybody out - and tell an owner of your workspace.`,
  ]);
}
