import { named, type Mail } from '../mail.js';
import { compose, ifNotYou, moment, type From } from './compose.js';

/** `factor` as the sentence needs it: "an authenticator app", "the passkey MacBook". */
export function secondFactorChangedLetter(
  letter: From & { change: 'added' | 'removed'; factor: string; at: Date },
): Mail {
  const factor = named(letter.factor);
  return compose(
    letter,
    letter.change === 'added'
      ? 'A way to sign in was added to your account'
      : 'A way to sign in was removed from your account',
    [
      `On ${moment(letter.at)}, ${factor} was ${letter.change === 'added' ? 'added to' : 'removed from'} the account of ${letter.to}.`,
      letter.change === 'added'
        ? 'From now on, signing in may ask for it.'
        : 'Signing in no longer asks for it.',
      ifNotYou(letter),
      ...(letter.change === 'added'
        ? [
            `A new password does not take it away again: sign in and remove it at ${letter.publicUrl}/account/security.`,
          ]
        : []),
    ],
  );
}
