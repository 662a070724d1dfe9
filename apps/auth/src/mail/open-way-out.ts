import type { AuthConfig } from '@conducktor/config';
import { mailDir } from './mail-dir.js';
import { smtp } from './smtp.js';
import { LetterRefused, type WayOut } from './way-out.js';

/** What operators read when letters have nowhere to go. */
export const NO_MAIL = 'SMTP_URL is not set, so this installation sends no letters.';

/** Where letters of this configuration go. */
export function mailKind(config: Pick<AuthConfig, 'SMTP_URL' | 'MAIL_DIR'>): WayOut['kind'] {
  return config.SMTP_URL ? 'smtp' : config.MAIL_DIR ? 'files' : 'off';
}

/** A mail server, a folder, or neither: then every letter becomes a dead one that says why. */
export function openWayOut(
  config: Pick<AuthConfig, 'SMTP_URL' | 'MAIL_FROM' | 'MAIL_DIR'>,
): WayOut {
  if (config.SMTP_URL) return smtp(config.SMTP_URL, config.MAIL_FROM);
  if (config.MAIL_DIR) return mailDir(config.MAIL_DIR);
  return {
    kind: 'off',
    send: () => Promise.reject(new LetterRefused(NO_MAIL)),
    close: () => undefined,
  };
}
