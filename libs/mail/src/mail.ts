/** A letter to one person: plain text, nothing loaded, nothing counted. */
export interface Mail {
  /** One bare address. */
  to: string;
  subject: string;
  text: string;
}

const SUBJECT_MAX = 150;
const NAME_MAX = 60;
// Controls, line and paragraph separators, characters that are not seen or turn the text around.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]+/gu;
// What would end the address, or begin another one.
const NO_ADDRESS = /[\s\p{Cc}\p{Cf}<>,;:"()[\]\\]/u;

/** One line: a line break in a subject would begin another header (RFC 5322 section 2.2). */
export function oneLine(text: string, max = SUBJECT_MAX): string {
  const line = text.replace(UNSEEN, ' ').replace(/\s+/g, ' ').trim();
  const characters = [...line];
  return characters.length <= max ? line : `${characters.slice(0, max - 1).join('')}…`;
}

/**
 * A name that somebody chose, for a letter that we vouch for: one line of at most 60 characters (or `max`)
 * in which no mail program finds a link.
 */
export function named(name: string, max = NAME_MAX): string {
  return oneLine(name, max)
    .replace(/[:/\\]{2,}/g, ' ')
    .replace(/\.(?=[\p{L}\p{N}])/gu, '. ');
}

/** Throws when `to` is not one bare address. */
export function tidyMail(mail: Mail): Mail {
  if (mail.to.length > 320 || !/^[^@]+@[^@]+$/.test(mail.to) || NO_ADDRESS.test(mail.to)) {
    throw new Error('A letter needs exactly one address.');
  }
  return { to: mail.to, subject: oneLine(mail.subject), text: mail.text };
}
