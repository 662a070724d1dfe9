import type { Mail } from '../mail.js';

/** Where the letter comes from: every letter says so, and whom to ask. */
export interface From {
  /** Address of the person. */
  to: string;
  /** PUBLIC_URL: the installation that writes. */
  publicUrl: string;
}

/** Paragraphs, then who wrote this and whom to ask. */
export function compose(from: From, subject: string, paragraphs: string[]): Mail {
  const signature = [
    '-- ',
    `Conducktor at ${from.publicUrl}`,
    'Questions? Ask the person who runs Conducktor where you work. Nobody reads replies to this letter.',
  ].join('\n');
  return { to: from.to, subject, text: `${[...paragraphs, signature].join('\n\n')}\n` };
}

/** For letters that tell of a change: what to do when it was somebody else. */
export function ifNotYou({ publicUrl }: From): string {
  return (
    `If this was not you, choose a new password now at ${publicUrl}/login/forgot - that signs everybody out - ` +
    'and tell an owner of your workspace.'
  );
}

/** A moment as a letter names it: to the minute, in UTC. */
export function moment(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
