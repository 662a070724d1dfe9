import { redactJson, RedactionWork, type Redaction } from '@conducktor/policy';
import type { Failure, ToolCallAnswer } from '../mcp/ports.js';
import { CALL_ID } from '../tool-call/rpc-errors.js';

export type Redactions = readonly Redaction[] | undefined;
/** A value without what the policy takes out; one for all parts of an answer bounds what that may cost. */
type Redact = <T>(value: T) => T;
type Fields = Record<string, unknown>;

/** Whether any of them is about results. */
export function isForResults(redactions: Redactions): redactions is readonly Redaction[] {
  return redactions?.some(({ from }) => from.has('result')) ?? false;
}

/** For what of an upstream goes to the client. It throws RedactionError. */
export function redactorOf(redactions: readonly Redaction[]): Redact {
  const work = new RedactionWork();
  return (value) => redactJson(redactions, 'result', value, work);
}

/**
 * An upstream's answer without what the policy takes out of results. Every JSON document in it is
 * redacted as one: structured content, texts that are JSON, what an error carries. Our call id and what
 * the protocol itself reads stay. Bytes that are no text, as most images are, are not looked into. Throws
 * where it cannot be redacted: then it is for nobody.
 */
export function redactAnswer(redactions: Redactions, answer: ToolCallAnswer): ToolCallAnswer {
  if (!isForResults(redactions)) return answer;
  const redact = redactorOf(redactions);
  switch (answer.kind) {
    case 'result':
      return { ...answer, result: redactResult(redact, answer.result) };
    case 'error':
      return { ...answer, error: redactError(redact, answer.error) };
    case 'challenge':
      return answer;
  }
}

/** Of an elicitation, a request for sampling or for roots: all but how it is to be shown. */
export function redactQuestion(redact: Redact, { mode, ...params }: Fields): Fields {
  return { ...(mode !== undefined && { mode: word(redact, mode) }), ...redact(params) };
}

/** Of a log message: all but its level; what it carries is a document of its own. */
export function redactNote(redact: Redact, { level, data, ...params }: Fields): Fields {
  return {
    ...(level !== undefined && { level: word(redact, level) }),
    ...redact(params),
    ...(data !== undefined && { data: redact(data) }),
  };
}

/** Read by clients and by this gateway. The state is the upstream's own, and is sealed. */
const OF_THE_PROTOCOL: ReadonlySet<string> = new Set([
  'resultType',
  'requestState',
  'isError',
  'nextCursor',
  'ttlMs',
  'cacheScope',
]);

function redactResult(redact: Redact, result: Fields): Fields {
  const redacted = Object.fromEntries(
    Object.entries(result).map(([name, value]) => [name, redactPart(redact, name, value)]),
  );
  return withOurId(redacted, result['_meta']);
}

function redactPart(redact: Redact, name: string, value: unknown): unknown {
  if (OF_THE_PROTOCOL.has(name)) return word(redact, value);
  if (name === 'inputRequests' && isObject(value)) return redactRequests(redact, value);
  if (!Array.isArray(value)) return redact(value);
  if (name === 'content') return value.map((block) => redactBlock(redact, block));
  if (name === 'contents') return value.map((contents) => redactContents(redact, contents));
  if (name === 'messages') return value.map((message) => redactMessage(redact, message));
  return redact(value);
}

function redactError(redact: Redact, { code, message, data }: Failure['error']): Failure['error'] {
  const redacted = { code, message: redact(message) };
  if (!isObject(data)) return data === undefined ? redacted : { ...redacted, data: redact(data) };
  return { ...redacted, data: withOurId(redact(data), data['_meta']) };
}

/** The questions of an `input_required` result. */
function redactRequests(redact: Redact, requests: Fields): Fields {
  return Object.fromEntries(
    Object.entries(requests).map(([key, request]) => {
      if (!isObject(request) || !isObject(request['params'])) return [key, request];
      return [key, { ...request, params: redactQuestion(redact, request['params']) }];
    }),
  );
}

/** What the protocol itself reads is one word or number; anything else that stands there is not. */
function word(redact: Redact, value: unknown): unknown {
  return typeof value === 'object' ? redact(value) : value;
}

/** One block of content: text, a link, a resource, or bytes. */
function redactBlock(redact: Redact, block: unknown): unknown {
  if (!isObject(block)) return redact(block);
  const { type, mimeType, data, resource, ...rest } = block;
  return {
    ...('type' in block && { type: word(redact, type) }),
    ...('mimeType' in block && { mimeType: word(redact, mimeType) }),
    ...redact(rest),
    ...('data' in block && { data: BYTES.has(type) ? redactBlob(redact, data) : redact(data) }),
    ...('resource' in block && { resource: redactContents(redact, resource) }),
  };
}

/** The contents of a resource: text, or bytes. */
function redactContents(redact: Redact, contents: unknown): unknown {
  if (!isObject(contents)) return redact(contents);
  const { mimeType, blob, ...rest } = contents;
  return {
    ...redact(rest),
    ...('mimeType' in contents && { mimeType: word(redact, mimeType) }),
    ...('blob' in contents && { blob: redactBlob(redact, blob) }),
  };
}

/** One message of a prompt. */
function redactMessage(redact: Redact, message: unknown): unknown {
  if (!isObject(message)) return redact(message);
  const { role, content, ...rest } = message;
  const blocks = Array.isArray(content)
    ? content.map((block) => redactBlock(redact, block))
    : redactBlock(redact, content);
  return {
    ...('role' in message && { role: word(redact, role) }),
    content: blocks,
    ...redact(rest),
  };
}

/** Kinds of content whose data are bytes. */
const BYTES: ReadonlySet<unknown> = new Set(['image', 'audio']);
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Bytes that are text are redacted as such. */
function redactBlob(redact: Redact, blob: unknown): unknown {
  if (typeof blob !== 'string') return redact(blob);
  let text: string;
  try {
    text = utf8.decode(Buffer.from(blob, 'base64'));
  } catch {
    return blob;
  }
  const redacted = redact(text);
  return redacted === text ? blob : Buffer.from(redacted).toString('base64');
}

/** A person can ask about the call by its id, whatever is taken out. */
function withOurId(redacted: Fields, before: unknown): Fields {
  if (!isObject(before) || before[CALL_ID] === undefined) return redacted;
  const meta = redacted['_meta'];
  return {
    ...redacted,
    _meta: { ...(isObject(meta) ? meta : {}), [CALL_ID]: before[CALL_ID] },
  };
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
