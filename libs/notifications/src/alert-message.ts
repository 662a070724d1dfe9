import type { AlertKind, AlertView } from '@conducktor/contracts';
import type { Message, ToldEvent } from './message.js';

/** An alert in words for people. */
export interface AlertWords {
  /** One line. */
  headline: string;
  /** What happened, in sentences with the amounts. */
  what: string;
  /** What to do about it. */
  todo: string;
}

/** What is told of an alert; its figures are those of the moment at which it was given. */
export function alertMessage(
  event: ToldEvent<AlertKind>,
  { subjectId, detail }: AlertView,
  { headline, what, todo }: AlertWords,
  publicUrl: string,
): Message {
  return {
    event,
    headline,
    fields: [],
    paragraphs: [what, todo],
    link: alertLink(publicUrl, event.subjectId),
    linkWords: 'Look at it',
    data: { alertId: event.subjectId, subjectId, headline, what, todo, ...detail },
  };
}

/** Page of an alert, behind sign-in. */
export const alertLink = (publicUrl: string, id: string) => `${publicUrl}/alerts/${id}`;
