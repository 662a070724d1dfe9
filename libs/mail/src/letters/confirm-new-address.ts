import type { Mail } from '../mail.js';
import { compose, type From } from './compose.js';

/** To the address that an account shall have. `from.to` is the new one. */
export function confirmNewAddressLetter(letter: From & { oldAddress: string; url: string }): Mail {
  return compose(letter, 'Confirm your new email address', [
    `${letter.oldAddress} wants to sign in to Conducktor at ${letter.publicUrl} with the address ${letter.to} from now on.`,
    `Confirm that this address is yours:\n${letter.url}`,
    'The link works once, within 24 hours. If it was not you, do nothing: the account keeps its address.',
  ]);
}
