import { named, type Mail } from '../mail.js';
import { compose, ifNotYou, moment, type From } from './compose.js';

/** Tells of a sign-in from a browser that was not seen before. `browser` is what it calls itself. */
export function newBrowserLetter(letter: From & { browser: string; at: Date }): Mail {
  return compose(letter, 'You signed in from a new browser', [
    `On ${moment(letter.at)} somebody signed in as ${letter.to} with ${named(letter.browser)}, which was not used before.`,
    'If this was you, there is nothing to do.',
    ifNotYou(letter),
  ]);
}
