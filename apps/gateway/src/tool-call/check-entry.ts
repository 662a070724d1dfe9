import { hash } from 'node:crypto';
import { canonicalJson } from '@conducktor/catalog';
import type { EntryMethod } from './entries.js';
import { Refusal } from './refusal.js';
import { requireScope } from './require-scope.js';
import type { Caller, CheckedCall, Entry, EntryInput } from './types.js';

/** What is asked of a connection besides its tools. */
export interface EntryRequest {
  method: EntryMethod;
  entry: Entry;
  /** What policy decides on, in the upstream's own names and URIs. */
  arguments: Record<string, unknown>;
  /** The upstream's name of the prompt or URI of the resource; empty where there is none. */
  name: string;
  /** What is sent, where that is less than what is decided on. */
  sent?: Record<string, unknown>;
}

/** The one form of a request that is decided on, hashed, recorded and sent: canonical JSON (RFC 8785). */
export function checkEntry(caller: Caller, request: EntryRequest, input: EntryInput): CheckedCall {
  const { entry, method, name } = request;
  requireScope(caller, entry);
  let argumentsJson: string;
  let sentJson: string;
  try {
    argumentsJson = canonicalJson(request.arguments);
    sentJson = request.sent ? canonicalJson(request.sent) : argumentsJson;
  } catch (error) {
    throw new Refusal('invalid_arguments', (error as Error).message, {
      caller,
      toolName: entry.shownName,
      connection: entry.connection.slug,
    });
  }
  return {
    caller,
    tool: entry,
    input,
    arguments: request.arguments,
    argumentsJson,
    argumentsHash: hash('sha256', argumentsJson, 'hex'),
    sent: { method, name, argumentsJson: sentJson },
  };
}
