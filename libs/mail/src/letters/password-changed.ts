import type { Mail } from '../mail.js';
import { compose, ifNotYou, moment, type From } from './compose.js';

/** Tells that the password was changed, or chosen anew through a link; `appsStay`: whether apps act on. */
export function passwordChangedLetter(letter: From & { at: Date; appsStay: boolean }): Mail {
  const apps = letter.appsStay
    ? 'apps that you connected stay connected'
    : 'apps, API keys and second steps were taken away, because nobody had confirmed this address yet';
  return compose(letter, 'Your password was changed', [
    `The password of ${letter.to} was changed on ${moment(letter.at)}. You were signed out in other browsers; ${apps}.`,
    ifNotYou(letter),
  ]);
}
