import type { Message } from '../pages/message-pages.js';

/** A request that ends on a page saying what happened and what to do. */
export class PageError extends Error {
  constructor(
    readonly status: number,
    readonly page: Message,
    readonly headers: Record<string, string> = {},
  ) {
    super(page.title);
    this.name = 'PageError';
  }
}

export const flowEnded = () =>
  new PageError(400, {
    title: 'This sign-in has ended',
    what: 'It was finished already, took longer than an hour, or was begun in another browser.',
    doNext: 'Start again from the app that you wanted to connect.',
    code: 'flow_ended',
  });

export const formRefused = () =>
  new PageError(400, {
    title: 'This form cannot be used',
    what: 'It was not made for this browser, or cookies are switched off. Nothing was changed.',
    doNext: 'Go back, load the page again, and send the form from there.',
    code: 'form_refused',
  });

export const tooMany = (retryAfterMs: number, orNow = '') => {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  const time = seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
  return new PageError(
    429,
    {
      title: 'Too many attempts',
      what: 'There were too many attempts from here or for this account. Nothing was checked.',
      doNext: `Try again in ${time}${orNow}.`,
      code: 'rate_limited',
    },
    { 'retry-after': String(seconds) },
  );
};

/** For whoever signs in: others may have used up the attempts, and there are ways past that. */
export const tooManyGuesses = (retryAfterMs: number) =>
  tooMany(
    retryAfterMs,
    ', or now: in a browser in which you signed in before, with a passkey, or after resetting the password by mail',
  );

export const invitationEnded = () =>
  new PageError(404, {
    title: 'This invitation cannot be used',
    what: 'It was used already, is older than seven days, was withdrawn, or its address is incomplete.',
    doNext: 'If you joined already, sign in. Otherwise ask whoever invited you.',
    code: 'invitation_ended',
  });
