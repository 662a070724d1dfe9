import type { AskMethod, CallRequest } from '@conducktor/contracts';
import type { CheckedCall } from '../tool-call/types.js';

/** A later round of a request whose upstream asked for input. Each round is a call of its own in the journal. */
export interface Round {
  kind: 'round';
  /** 2 for the first that follows the request as it came. */
  number: number;
  /** See `askedBy`; absent where a client brings answers without a state. */
  askedBy?: string | undefined;
  /** What the upstream gets besides the arguments. */
  input?: NonNullable<CallRequest['input']> | undefined;
  /** The request's idempotency key, where an earlier round within the same request has taken it. */
  idempotency?: TakenKey | undefined;
  /** The person was shown the addresses that the upstream wants visited (-32042), and did not agree. */
  refusedUrls?: boolean | undefined;
}

/** An idempotency key, by its hash, and the call that stands under it. */
export interface TakenKey {
  tenantId: string;
  hash: string;
  callId: string;
}

/** Equal for as long as answers would reach the server that asked for them. */
export function askedBy({ tool, sent }: CheckedCall): string {
  const { id, revision } = tool.connection;
  return JSON.stringify([id, revision, sent.method, sent.name]);
}

/** A question that waits in the worker. */
export interface OpenAsk {
  askId: number;
  method: AskMethod;
}

/** What stands in a `requestState` of ours. */
export type RequestState =
  /** The call is open in the worker, waiting for replies. */
  | { kind: 'held'; callId: string; asks: OpenAsk[] }
  /** The upstream ended the call and wants another one, with its own state if it gave one. */
  | { kind: 'round'; number: number; askedBy: string; requestState?: string | undefined }
  /** The upstream wants addresses visited before it is called again, without any input. */
  | { kind: 'urls'; number: number; askedBy: string }
  /** Nothing was sent: the person was shown where others decide whether it may be. */
  | { kind: 'approval'; id: string };

/** The methods whose results may ask for input (2026-07-28). */
const MAY_ASK: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

export const mayAsk = (method: string): boolean => MAY_ASK.has(method);

/** Rounds of one request, as the official clients count them. */
export const MAX_ROUNDS = 10;
