import type { Mail } from '@conducktor/mail';

/** A letter on its way: the same for every attempt to send it. */
export interface OutgoingLetter extends Mail {
  /**
   * RFC 5322 section 3.6.4, without angle brackets. The same for every attempt, so that a letter which
   * arrives twice is one letter to mail programs.
   */
  messageId: string;
  createdAt: Date;
}

/**
 * Where letters go. `send` resolves when somebody else has the letter safely. It throws LetterRefused
 * when it never will, and anything else when it may later.
 */
export interface WayOut {
  kind: 'smtp' | 'files' | 'off';
  send(letter: OutgoingLetter, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** No later attempt would end differently. The message is for operators and holds no secret. */
export class LetterRefused extends Error {}

/** Not now. The message is for operators and holds no secret. */
export class LetterDelayed extends Error {}
