import type { FormBrowser } from '@conducktor/oauth-client';

/** Everything that the product hands out to be shown again, by the name of what it is for. */
export const HANDLE_KINDS = [
  'MCP session',
  'stream of 2024-11-05',
  'resumption',
  'requestState',
  'held call',
  'subscription',
  'cancellation',
  'idempotency key',
  'request for approval',
  'list cursor',
  'REST cursor',
  'export cursor',
  'audit event',
  'call',
  'activity stream',
  'sign-in under way',
  'invitation link',
  'browser session',
  'CSRF token',
  'initial access token',
  // It changes what its owner has, so it comes last.
  'reset link',
] as const;
export type HandleKind = (typeof HANDLE_KINDS)[number];

/** Somebody who comes by what was given to another: `token` at MCP and REST, `browser` at pages. */
export interface Thief {
  who: 'another person of the workspace' | 'a person of another tenant' | 'nobody';
  token: string | undefined;
  browser: FormBrowser;
}

export interface Answer {
  status: number;
  text: string;
}

/** A handle as its owner got it. */
export interface Handle {
  real: string;
  /** Of the same form, and never given to anybody. */
  madeUp: string;
  /** Shows one of the two wherever it may be shown. */
  replay(thief: Thief, handle: string): Promise<Answer[]>;
  /** Statuses of refusals; 401, 403 and 404 if not given. */
  refusals?: readonly number[];
  /** What only its owner has, and no answer may hold. */
  secrets?: readonly string[];
  /** Its owner uses it as if nothing had happened; throws when that fails. */
  use(): Promise<void>;
  close?(): Promise<unknown> | void;
}

/** Another text of the same form: one of its letters or digits is another one. */
export function bent(text: string, at: number): string {
  const old = text[at]!;
  const next = /[0-9]/.test(old) ? String((Number(old) + 1) % 10) : old === 'k' ? 'm' : 'k';
  return text.slice(0, at) + next + text.slice(at + 1);
}

/** An answer without what differs from one to the next of the same. */
export function likened({ status, text }: Answer, handle: string): string {
  const words = text
    .replaceAll(handle, '<handle>')
    .replaceAll(encodeURIComponent(handle), '<handle>')
    .replace(/\b(call|evt|req)_[0-9A-Za-z]{22}/g, '<id>')
    .replace(/[\w-]{40,}/g, '<long>')
    .replace(/"nextAfter":\d+/g, '"nextAfter":0')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/g, '<uuid>');
  return `${status} ${words}`;
}
