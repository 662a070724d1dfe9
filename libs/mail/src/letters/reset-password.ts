import type { Mail } from '../mail.js';
import { compose, type From } from './compose.js';

/** The way back in for who forgot the password. The link works for an hour. */
export function resetPasswordLetter(letter: From & { url: string }): Mail {
  return compose(letter, 'Choose a new password', [
    `Somebody, probably you, asked for a new password for ${letter.to} at ${letter.publicUrl}.`,
    `Choose it here:\n${letter.url}`,
    'The link works once, within an hour. A new password signs you out everywhere else; a second step of signing in stays, unless nobody has confirmed this address yet.',
    'If it was not you, do nothing: your password stays as it is, and nobody can use this link but who reads this letter.',
  ]);
}
