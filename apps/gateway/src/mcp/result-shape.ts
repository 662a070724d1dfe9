/**
 * A tool's result in the shape that the client's revision knows. Results come from upstreams of any
 * era; what a client cannot read becomes text, nothing is dropped silently.
 */
import { isObject } from './json-rpc.js';
import { SERVER_INFO } from './server-info.js';

type Result = Record<string, unknown>;

/** Since when a kind of content exists; older clients reject results with kinds they do not know. */
const CONTENT_SINCE: Record<string, string> = { audio: '2025-03-26', resource_link: '2025-06-18' };
const NEWEST_CONTENT = '2025-06-18';
const STRUCTURED_SINCE = '2025-06-18';
const META_SERVER = 'io.modelcontextprotocol/serverInfo';

/** 2026-07-28: every result says its type, and who answered. */
export function modernResult(result: Result): Result {
  const meta = isObject(result['_meta']) ? result['_meta'] : undefined;
  return {
    ...result,
    resultType: result['resultType'] ?? 'complete',
    _meta: { ...meta, [META_SERVER]: SERVER_INFO },
  };
}

export function modernToolResult(result: Result): Result {
  const { content, structuredContent } = result;
  const complete = result['resultType'] === undefined || result['resultType'] === 'complete';
  if (!complete) return modernResult(result);
  if (structuredContent !== undefined && !isObject(structuredContent))
    return modernResult(withText(result));
  return modernResult(Array.isArray(content) ? result : { ...result, content: [] });
}

/** Answers of these carry how long and by whom they may be kept. */
const CACHEABLE: readonly string[] = [
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'prompts/list',
];

/** Resources, prompts and completions. What is shown depends on the person, so no cache may share it. */
export function modernEntryResult(method: string, result: Result): Result {
  const complete = result['resultType'] === undefined || result['resultType'] === 'complete';
  if (!complete || !CACHEABLE.includes(method)) return modernResult(result);
  return modernResult({ ttlMs: 0, ...result, cacheScope: 'private' });
}

const MODERN_ONLY = ['resultType', 'ttlMs', 'cacheScope'];

/** Resources, prompts and completions for 2024-11-05 … 2025-11-25. */
export function legacyResult(result: Result, protocolVersion: string): Result {
  const shaped = { ...ofGateway(result) };
  for (const key of MODERN_ONLY) delete shaped[key];
  const messages = shaped['messages'];
  if (protocolVersion >= NEWEST_CONTENT || !Array.isArray(messages)) return shaped;
  return {
    ...shaped,
    messages: messages.map((message) =>
      isObject(message)
        ? { ...message, content: readableContent([message['content']], protocolVersion)[0] }
        : message,
    ),
  };
}

/** 2024-11-05 … 2025-11-25. */
export function legacyToolResult(result: Result, protocolVersion: string): Result {
  let shaped = ofGateway('resultType' in result ? without(result, 'resultType') : result);
  const structured = shaped['structuredContent'];
  if (structured !== undefined) {
    // Their schemas know objects only, and they check it against the tool's schema even for errors.
    if (shaped['isError'] === true) shaped = without(withText(shaped), 'structuredContent');
    else if (!isObject(structured))
      shaped = { ...withText(shaped), structuredContent: { result: structured } };
    // Who does not know it reads the content alone.
    else if (protocolVersion < STRUCTURED_SINCE) shaped = withText(shaped);
  }
  if (!Array.isArray(shaped['content'])) return { ...shaped, content: [] };
  return protocolVersion < NEWEST_CONTENT
    ? { ...shaped, content: readableContent(shaped['content'], protocolVersion) }
    : shaped;
}

/** Without the name of the upstream: legacy clients heard in `initialize` who answers them. */
function ofGateway(result: Result): Result {
  const meta = result['_meta'];
  return isObject(meta) && META_SERVER in meta
    ? { ...result, _meta: without(meta, META_SERVER) }
    : result;
}

function readableContent(content: unknown[], protocolVersion: string): unknown[] {
  return content.map((item) => {
    const since = isObject(item) ? CONTENT_SINCE[String(item['type'])] : undefined;
    return since !== undefined && protocolVersion < since
      ? { type: 'text', text: asText(item as Result) }
      : item;
  });
}

function asText(item: Result): string {
  if (item['type'] === 'resource_link') {
    const label = [item['title'] ?? item['name'], item['description']].filter(Boolean).join(': ');
    return `${label ? `${label} ` : ''}${String(item['uri'])}`;
  }
  return `[${String(item['type'])} ${String(item['mimeType'] ?? '')}: this client's protocol version cannot carry it]`;
}

/** Says the structured content as text too, unless a text is there already. */
function withText(result: Result): Result {
  const content = Array.isArray(result['content']) ? result['content'] : [];
  if (content.some((item) => isObject(item) && item['type'] === 'text'))
    return { ...result, content };
  return {
    ...result,
    content: [...content, { type: 'text', text: JSON.stringify(result['structuredContent']) }],
  };
}

function without(result: Result, key: string): Result {
  const copy = { ...result };
  delete copy[key];
  return copy;
}
