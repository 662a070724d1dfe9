/** A request to an MCP path: what is known of it before anything of it was answered. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bitsOf, capabilitiesOf } from '../sessions/capability-bits.js';
import type { Sessions } from '../sessions/open-sessions.js';
import { headerValue, type Headers } from './agreement.js';
import { META_CAPABILITIES, META_CLIENT, META_LOG_LEVEL } from './classify.js';
import {
  errorText,
  isObject,
  metaOf,
  refusal,
  SESSION_NOT_FOUND,
  type Params,
  type Refusal,
  type RequestId,
} from './json-rpc.js';
import type { LegacyScope } from './legacy.js';
import { isLogLevel } from '@conducktor/contracts';
import { Timeline } from '@conducktor/telemetry';
import type { McpRequestContext } from './ports.js';
import type { Reading } from './read-body.js';
import type { ReplyHeaders, RpcReply } from './reply.js';
import { sessionOwner } from './session-owner.js';
import { VERSION_UNNAMED } from './versions.js';

export interface Arrival {
  request: IncomingMessage;
  response: ServerResponse;
  headers: Headers;
  /** CORS headers of every answer. */
  answerHeaders: ReplyHeaders;
  resourcePath: string;
  sourceIp: string;
  /** `sessionId` of the query: a message of the 2024-11-05 transport. */
  streamSession?: string;
  place?: McpRequestContext['place'];
}

export function contextOf(arrival: Arrival, reading: Reading | undefined): McpRequestContext {
  const classified = reading?.kind === 'message' ? reading.classified : undefined;
  const modern = classified?.kind === 'modern';
  const meta = modern && reading?.kind === 'message' ? metaOf(reading.message.params) : undefined;
  const level = meta?.[META_LOG_LEVEL];
  const version =
    reading?.kind === 'batch'
      ? reading.version
      : classified?.kind === 'refusal'
        ? undefined
        : classified?.version;
  const client = clientOf(reading, meta);
  return {
    headers: arrival.headers,
    sourceIp: arrival.sourceIp,
    resourcePath: arrival.resourcePath,
    era: modern ? 'modern' : 'legacy',
    protocolVersion: version ?? VERSION_UNNAMED,
    ...(client && { client }),
    capabilities: meta && capabilitiesOf(bitsOf(meta[META_CAPABILITIES])),
    logLevel: isLogLevel(level) ? level : undefined,
    timeline: new Timeline(traceparentOf(arrival.headers, reading)),
    place: arrival.place,
  };
}

/** Of the message itself where it says one, or of the HTTP request that carries it. */
function traceparentOf(headers: Headers, reading: Reading | undefined): string | undefined {
  const message = reading?.kind === 'message' ? reading.message : undefined;
  const own = message?.kind === 'request' && metaOf(message.params)?.['traceparent'];
  return typeof own === 'string' ? own : headers['traceparent'];
}

/** In the envelope of each modern request, or in the handshake of older ones. */
function clientOf(
  reading: Reading | undefined,
  meta: Params | undefined,
): McpRequestContext['client'] {
  if (reading?.kind !== 'message' || reading.message.kind !== 'request') return undefined;
  const { method, params } = reading.message;
  const said =
    meta?.[META_CLIENT] ?? (method === 'initialize' ? params?.['clientInfo'] : undefined);
  if (!isObject(said) || typeof said['name'] !== 'string') return undefined;
  const { name, version } = said;
  return typeof version === 'string' ? { name, version } : { name };
}

/** `undefined` when a session is named that is not the caller's. The version then comes from header, session, default. */
export function inSession(
  { sessions }: { sessions: Sessions },
  arrival: Arrival,
  context: McpRequestContext,
  principal: string,
): LegacyScope | undefined {
  const id = arrival.headers['mcp-session-id'];
  if (id === undefined) return { context, principal, session: undefined };
  const session = sessions.verify(id, sessionOwner(principal, context));
  if (session?.kind !== 'http') return undefined;
  // The context is of this request alone.
  if (headerValue(arrival.headers, 'mcp-protocol-version') === undefined)
    context.protocolVersion = session.protocolVersion;
  context.capabilities = session.capabilities;
  context.logLevel = sessions.levelOf(session);
  return { context, principal, session };
}

export function refused(id: RequestId | null, { status, error, headers }: Refusal): RpcReply {
  return { status, text: errorText(id, error), headers };
}

export const NO_SESSION = refusal(404, SESSION_NOT_FOUND, 'Session not found. Initialize again.');
