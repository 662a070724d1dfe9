import type { NotificationEventKind } from './event.js';

/** An event of the outbox, as the sender reads it. */
export interface ToldEvent<Kind extends NotificationEventKind = NotificationEventKind> {
  /** `ntf_…`, the same for every attempt and channel. */
  id: string;
  kind: Kind;
  tenantId: string;
  subjectId: string;
  detail: { by?: string; reason?: string; outcome?: string; callId?: string };
  at: Date;
}

/** One message before it takes the shape of its channel, the same however often it is made. */
export interface Message {
  event: ToldEvent;
  /** One line for people. */
  headline: string;
  /** Facts for people: name and value. */
  fields: [name: string, value: string][];
  /** Sentences for people: what happened, what to do. */
  paragraphs: string[];
  /** Shown as JSON, cut to fit. */
  attachment?: unknown;
  /** Page of what it is about, behind sign-in, and the words that lead there. */
  link: string;
  linkWords: string;
  /** For programs: `data` of a signed webhook, beside the workspace and the link. */
  data: Record<string, unknown>;
}
