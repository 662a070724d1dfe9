import { newId } from '@conducktor/contracts';
import type { NewMail } from '@conducktor/db';
import { tidyMail, type Mail } from './mail.js';

/** Seals bytes for a place: `sealForInstall` of the vault. */
export type Seal = (place: string, plaintext: string) => Buffer;
/** Opens what `Seal` made: `openForInstall` of the vault. */
export type Open = (place: string, box: Uint8Array) => Buffer;

/**
 * The row of `mail_outbox`, to be written in the transaction that causes the letter. With a
 * `dedupeKey`, the first letter of that key is the only one, however often its cause is handled.
 * Throws when `mail.to` is not one address.
 */
export function sealMail(seal: Seal, mail: Mail, dedupeKey?: string): NewMail {
  const id = newId('mai');
  return {
    id,
    dedupeKey: dedupeKey ?? null,
    sealed: seal(place(id), JSON.stringify(tidyMail(mail))),
  };
}

/** The letter in a row; throws when the row was sealed under another key or id. */
export function openMail(open: Open, row: { id: string; sealed: Uint8Array }): Mail {
  return JSON.parse(open(place(row.id), row.sealed).toString('utf8')) as Mail;
}

const place = (id: string) => `mail_outbox/${id}`;
