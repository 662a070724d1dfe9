import { named, type Mail } from '../mail.js';
import { compose, type From } from './compose.js';

/**
 * Tells somebody who answers for money or connections what happened and what to do. `headline`, `what` and
 * `todo` are sentences of ours, in which names that people chose are `named` already; `roles` whom it goes to.
 */
export function alertLetter(
  letter: From & {
    workspace: string;
    headline: string;
    what: string;
    todo: string;
    roles: string;
    url: string;
  },
): Mail {
  const workspace = named(letter.workspace);
  return compose(letter, letter.headline, [
    letter.what,
    letter.todo,
    `More of it is here:\n${letter.url}`,
    `This goes to ${letter.to}, who is ${letter.roles} of the workspace ${workspace}.`,
  ]);
}
