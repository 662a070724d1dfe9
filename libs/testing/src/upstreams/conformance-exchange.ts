import type { Revision } from '../clients/revision-client.js';

export const MODERN: Revision = '2026-07-28';

/** Something that a server wants of the client: a request of its own, or an input request. */
export interface Ask {
  method: 'elicitation/create' | 'sampling/createMessage' | 'roots/list';
  params: Record<string, unknown>;
}

/**
 * What a handler answers when it cannot go on without the client. Modern servers send it as
 * `input_required`; for legacy clients each ask becomes a request and the handler runs again.
 */
export class Asking {
  constructor(
    /** By the key under which the answer comes back. */
    readonly asks: Record<string, Ask>,
    /** Any JSON; a modern server signs it. */
    readonly state?: unknown,
  ) {}
}

export type Outcome = Record<string, unknown> | Asking;

export type Change = 'tools' | 'prompts' | 'resources' | { uri: string };

/** What sessions of one fixture share, and what tests look at afterwards. */
export interface FixtureWorld {
  /** How often each list was changed; shown in a description, so that the list really differs. */
  changes: { tools: number; prompts: number; resources: number };
  /** Tells every client that wants to know. */
  announce(change: Change): void;
  /** Names of tools whose call was cancelled while it ran. */
  cancelled: string[];
  /** Requests and notifications as they arrived: method and params. */
  received: { method: string; params: Record<string, unknown> }[];
}

/** What a handler may do while it answers one request. */
export interface Exchange {
  revision: Revision;
  /** What the client declared. */
  capabilities: Record<string, unknown>;
  /** Answers to earlier asks of the same request, not validated. */
  answers: Record<string, unknown>;
  /** The state that came with them, verified. */
  state: unknown;
  signal: AbortSignal;
  world: FixtureWorld;
  /** Nothing when the client gave no progress token. */
  progress(progress: number, total: number): Promise<void>;
  /** Nothing when the client wants no messages of this level. */
  log(level: 'debug' | 'info' | 'warning' | 'error', data: string): Promise<void>;
  /** Ends the event stream under a request that goes on (SEP-1699), where streams can be resumed. */
  dropStream(): void;
}

/** A tool of the fixture; not listed in revisions older than `since`. */
export interface FixtureEntry {
  since?: Revision;
  definition: Record<string, unknown> & { name: string };
  run(args: Record<string, unknown>, exchange: Exchange): Promise<Outcome>;
}

export const text = (value: string) => ({ content: [{ type: 'text', text: value }] });

export const objectSchema = (
  properties: Record<string, unknown> = {},
  required: string[] = [],
): Record<string, unknown> => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required }),
});

// One red pixel and 44 bytes of silence: the smallest honest image and audio.
export const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=';
