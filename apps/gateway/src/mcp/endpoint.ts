/**
 * One MCP request over HTTP, top to bottom: read, authenticate, and only then answer for versions,
 * shapes and methods. Everything that governs is behind `GovernedMcp`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { headerValue, type Headers } from './agreement.js';
import { turnedAway } from './call.js';
import {
  answerBatch,
  answerLegacy,
  noteLegacy,
  type LegacyDeps,
  type LegacyScope,
} from './legacy.js';
import { answerModern } from './modern.js';
import { acceptOf } from './accept.js';
import {
  codedRefusal,
  errorText,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  refusal,
  SESSION_NOT_FOUND,
  TRANSPORT_ERROR,
  type Refusal,
  type RequestId,
} from './json-rpc.js';
import type { AuthenticateAnswer, McpRequestContext } from './ports.js';
import { NO_BATCHES, readBody, type Reading } from './read-body.js';
import { Reply, sendJson, type ReplyHeaders, type RpcReply } from './reply.js';
import { VERSION_UNNAMED, VERSION_WITH_BATCHES } from './versions.js';

export interface EndpointDeps extends LegacyDeps {
  /** Something that should not happen did; the client hears only that. */
  onFault(error: unknown): void;
}

export interface Arrival {
  request: IncomingMessage;
  response: ServerResponse;
  headers: Headers;
  /** CORS headers of every answer. */
  answerHeaders: ReplyHeaders;
  resourcePath: string;
}

/** Strangers do not get more than this parsed. */
const STRANGERS_BODY = 64 * 1024;

export async function handlePost(
  deps: EndpointDeps,
  arrival: Arrival,
  body: Buffer,
): Promise<void> {
  const { response, headers, answerHeaders } = arrival;
  let id: RequestId | null = null;
  let reply: Reply | undefined;
  try {
    const accept = acceptOf(headers['accept']);
    if (body.length > STRANGERS_BODY) {
      const first = await deps.mcp.authenticate(contextOf(arrival, undefined));
      if (first.kind !== 'caller')
        return sendJson(response, turnedAway(null, first), answerHeaders);
    }
    const reading = readBody(body, headers);
    id = idOf(reading);
    const context = contextOf(arrival, reading);
    const caller = await deps.mcp.authenticate(context);
    if (caller.kind !== 'caller') return sendJson(response, turnedAway(id, caller), answerHeaders);
    if (!accept.json && !accept.stream)
      return sendJson(response, refused(id, NOT_ACCEPTABLE), answerHeaders);

    reply = new Reply(response, {
      canStream: accept.stream,
      mustStream: !accept.json,
      headers: answerHeaders,
    });
    reply.end(await answer(deps, arrival, context, caller, reading, reply));
  } catch (error) {
    deps.onFault(error);
    const text = errorText(id, {
      code: INTERNAL_ERROR,
      message: 'Something went wrong on our side. Try again.',
    });
    const fault = { status: 500, text };
    if (reply) reply.end(fault);
    else if (!response.headersSent) sendJson(response, fault, answerHeaders);
  }
}

async function answer(
  deps: EndpointDeps,
  arrival: Arrival,
  context: McpRequestContext,
  caller: Extract<AuthenticateAnswer, { kind: 'caller' }>,
  reading: Reading,
  reply: Reply,
): Promise<RpcReply> {
  if (reading.kind === 'refused') return refused(reading.id, reading.refusal);
  if (reading.kind === 'message' && reading.classified.kind === 'refusal')
    return refused(idOf(reading), reading.classified);
  if (reading.kind === 'message' && reading.classified.kind === 'modern') {
    if (reading.message.kind === 'notification') return ACCEPTED;
    return answerModern(deps.mcp, context, reading.message, reply, arrival.response);
  }

  const begins = reading.kind === 'message' && reading.message.method === 'initialize';
  const scope = begins
    ? { context, principal: caller.principal, session: undefined }
    : inSession(deps, arrival, context, caller.principal);
  if (scope === undefined) return refused(idOf(reading), NO_SESSION);
  if (reading.kind === 'response') return refused(null, UNASKED);
  if (reading.kind === 'batch') {
    if (scope.context.protocolVersion !== VERSION_WITH_BATCHES)
      return refused(null, BATCH_IN_SESSION);
    return answerBatch(deps, scope, reading.messages);
  }
  const { message } = reading;
  if (message.kind === 'request') return answerLegacy(deps, scope, message, reply);
  noteLegacy(deps, scope, message.method, message.params);
  return ACCEPTED;
}

/** Ends a session. 204; 400 without an id; 404 for one that is not the caller's. */
export async function handleDelete(deps: EndpointDeps, arrival: Arrival): Promise<void> {
  const { response, answerHeaders } = arrival;
  const context = contextOf(arrival, undefined);
  const caller = await deps.mcp.authenticate(context);
  if (caller.kind !== 'caller') return sendJson(response, turnedAway(null, caller), answerHeaders);
  const id = arrival.headers['mcp-session-id'];
  if (id === undefined) return sendJson(response, refused(null, NO_SESSION_ID), answerHeaders);
  const session = deps.sessions.verify(id, caller.principal);
  if (!session) return sendJson(response, refused(null, NO_SESSION), answerHeaders);
  deps.sessions.end(session);
  sendJson(response, { status: 204, text: '' }, answerHeaders);
}

/** Methods that have no meaning here: 405 for those who may know that much, 401 for others. */
export async function handleOther(deps: EndpointDeps, arrival: Arrival): Promise<void> {
  const { response, answerHeaders } = arrival;
  const caller = await deps.mcp.authenticate(contextOf(arrival, undefined));
  if (caller.kind !== 'caller') return sendJson(response, turnedAway(null, caller), answerHeaders);
  const message = `${arrival.request.method} is not served here. Send JSON-RPC by POST.`;
  const reply = refused(null, refusal(405, TRANSPORT_ERROR, message));
  sendJson(response, { ...reply, headers: { allow: 'POST, DELETE, OPTIONS' } }, answerHeaders);
}

function contextOf(arrival: Arrival, reading: Reading | undefined): McpRequestContext {
  const classified = reading?.kind === 'message' ? reading.classified : undefined;
  const version =
    reading?.kind === 'batch'
      ? reading.version
      : classified?.kind === 'refusal'
        ? undefined
        : classified?.version;
  return {
    headers: arrival.headers,
    sourceIp: arrival.request.socket.remoteAddress ?? '',
    resourcePath: arrival.resourcePath,
    era: classified?.kind === 'modern' ? 'modern' : 'legacy',
    protocolVersion: version ?? VERSION_UNNAMED,
  };
}

/** `undefined` when a session is named that is not the caller's. The version then comes from header, session, default. */
function inSession(
  deps: EndpointDeps,
  arrival: Arrival,
  context: McpRequestContext,
  principal: string,
): LegacyScope | undefined {
  const id = arrival.headers['mcp-session-id'];
  if (id === undefined) return { context, principal, session: undefined };
  const session = deps.sessions.verify(id, principal);
  if (!session) return undefined;
  const named = headerValue(arrival.headers, 'mcp-protocol-version') !== undefined;
  return {
    context: named ? context : { ...context, protocolVersion: session.protocolVersion },
    principal,
    session,
  };
}

function idOf(reading: Reading): RequestId | null {
  if (reading.kind === 'refused') return reading.id;
  return reading.kind === 'message' && reading.message.kind === 'request'
    ? reading.message.id
    : null;
}

function refused(id: RequestId | null, { status, error }: Refusal): RpcReply {
  return { status, text: errorText(id, error) };
}

const ACCEPTED: RpcReply = { status: 202, text: '' };
const NO_SESSION = refusal(404, SESSION_NOT_FOUND, 'Session not found. Initialize again.');
const NO_SESSION_ID = refusal(400, TRANSPORT_ERROR, 'The header Mcp-Session-Id is required.');
const BATCH_IN_SESSION = codedRefusal(400, INVALID_REQUEST, NO_BATCHES, 'invalid_request');
const UNASKED = codedRefusal(
  400,
  INVALID_REQUEST,
  'No request of ours waits for this response.',
  'invalid_request',
);
const NOT_ACCEPTABLE = refusal(
  406,
  TRANSPORT_ERROR,
  'Accept application/json, text/event-stream or both.',
);
