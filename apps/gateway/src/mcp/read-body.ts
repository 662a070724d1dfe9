/**
 * From bytes to messages. Nothing here answers: what is wrong is said only after the caller has been
 * authenticated, so that versions and shapes are no way around that.
 */
import { isUtf8 } from 'node:buffer';
import { classify, META_VERSION, type Classified } from './classify.js';
import { headerValue, type Headers } from './agreement.js';
import {
  codedRefusal,
  INVALID_REQUEST,
  metaOf,
  PARSE_ERROR,
  readMessage,
  type Message,
  type Refusal,
  type RequestId,
} from './json-rpc.js';
import { parseJson } from './parse-json.js';
import { VERSION_WITH_BATCHES } from './versions.js';

/** More than any client was seen to send at once, few enough to run side by side. */
export const MAX_BATCH = 50;
export const NO_BATCHES = 'This protocol version has no batches. Send messages one by one.';

export type LegacyMessage = Exclude<Message, { kind: 'invalid' }>;

export type Reading =
  | {
      kind: 'message';
      message: Extract<Message, { kind: 'request' | 'notification' }>;
      classified: Classified;
    }
  | { kind: 'response'; message: Record<string, unknown> }
  /** `version` is what the header names, if it is there. */
  | { kind: 'batch'; messages: LegacyMessage[]; version: string | undefined }
  | { kind: 'refused'; id: RequestId | null; refusal: Refusal };

export function readBody(body: Buffer, headers: Headers): Reading {
  if (!isUtf8(body)) return refused(null, 'The body is not UTF-8.', PARSE_ERROR);
  const parsed = parseJson(body);
  if ('fault' in parsed) return refused(null, `Parse error: ${parsed.fault}`, PARSE_ERROR);
  if (Array.isArray(parsed.value))
    return readBatch(parsed.value, headerValue(headers, 'mcp-protocol-version'));
  const message = readMessage(parsed.value);
  if (message.kind === 'invalid') return refused(message.id, `Invalid request: ${message.why}`);
  if (message.kind === 'response') return message;
  return { kind: 'message', message, classified: classify(message, headers) };
}

function readBatch(items: unknown[], version: string | undefined): Reading {
  if (version !== undefined && version !== VERSION_WITH_BATCHES) return refused(null, NO_BATCHES);
  if (items.length === 0 || items.length > MAX_BATCH) {
    return refused(null, `Invalid request: a batch holds 1 to ${MAX_BATCH} messages.`);
  }
  const messages: LegacyMessage[] = [];
  for (const item of items) {
    const message = readMessage(item);
    if (message.kind === 'invalid')
      return refused(null, `Invalid request: in the batch: ${message.why}`);
    if (message.kind !== 'response') {
      if (message.method === 'initialize')
        return refused(null, 'Invalid request: initialize cannot be batched.');
      const meta = metaOf(message.params);
      if (meta && META_VERSION in meta) {
        return refused(null, NO_BATCHES);
      }
    }
    messages.push(message);
  }
  return { kind: 'batch', messages, version };
}

function refused(id: RequestId | null, message: string, code = INVALID_REQUEST): Reading {
  return { kind: 'refused', id, refusal: codedRefusal(400, code, message, 'invalid_request') };
}
