/**
 * One MCP message over HTTP, top to bottom: read, authenticate, and only then answer for versions,
 * shapes and methods. Everything that governs is behind `GovernedMcp`.
 */
import { contextOf, inSession, NO_SESSION, refused, type Arrival } from './arrival.js';
import { takeReply } from './ask-client.js';
import { turnedAway } from './call.js';
import {
  answerBatch,
  answerLegacy,
  noteLegacy,
  type LegacyDeps,
  type LegacyScope,
} from './legacy.js';
import { listen } from './listen.js';
import { answerModern } from './modern.js';
import { acceptOf } from './accept.js';
import {
  codedRefusal,
  errorText,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  refusal,
  TRANSPORT_ERROR,
  type RequestId,
} from './json-rpc.js';
import { PRIMED_SINCE } from './event-stream.js';
import { limitOwn } from './own-requests.js';
import type { AuthenticateAnswer, McpRequestContext } from './ports.js';
import { endedText, type OpenStreams } from './open-streams.js';
import { NO_BATCHES, readBody, type Reading } from './read-body.js';
import { Reply, sendJson, type RpcReply } from './reply.js';
import type { Exchange } from './resumption/exchange.js';
import type { PostStreams } from './resumption/post-streams.js';
import { sessionOwner } from './session-owner.js';
import { dropWhenStalled } from './slow-readers.js';
import type { Running } from './running.js';
import { answerOverStream, scopeOfStream } from './stream-transport.js';
import { AWAY } from './legacy-session.js';
import { VERSION_WITH_BATCHES } from './versions.js';

export interface EndpointOptions extends LegacyDeps {
  /** Something that should not happen did; the client hears only that. */
  onFault(error: unknown): void;
  /** How long a client may take nothing of its answer, in milliseconds; 30 s if absent. */
  stalledMs?: number;
}

export interface EndpointDeps extends EndpointOptions {
  streams: OpenStreams;
  running: Running;
  posts: PostStreams;
  exchange: Exchange;
}

/** Strangers do not get more than this parsed. */
const STRANGERS_BODY = 64 * 1024;
/** Bytes unsent that are worth a timer; Node reads no further request while so much waits. */
const LARGE_ANSWER = 64 * 1024;

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
      const first = await deps.mcp.authenticate(contextOf(arrival, undefined), 'look');
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
    if (id !== null) endWithRight(deps.streams, reply, id, caller.principal, context, reading);
    const given = await answer(deps, arrival, context, caller, reading, reply);
    if (given) reply.end(given);
    if (response.writableLength > LARGE_ANSWER) dropWhenStalled(response, deps.stalledMs);
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

/** A call that streams is no way around a revocation: what was sent is settled, but nobody hears of it. */
function endWithRight(
  streams: OpenStreams,
  reply: Reply,
  id: RequestId,
  principal: string,
  context: McpRequestContext,
  reading: Reading,
): void {
  const isCall = reading.kind === 'message' && reading.message.method === 'tools/call';
  reply.endBy((expire) =>
    streams.watch({
      principal,
      context,
      expire: (answer) => expire(NO_RIGHT, endedText(id, answer, context, isCall)),
    }),
  );
}

/** `undefined` when the response was taken over for a lasting stream. */
async function answer(
  deps: EndpointDeps,
  arrival: Arrival,
  context: McpRequestContext,
  caller: Extract<AuthenticateAnswer, { kind: 'caller' }>,
  reading: Reading,
  reply: Reply,
): Promise<RpcReply | undefined> {
  if (reading.kind === 'refused') return refused(reading.id, reading.refusal);
  if (reading.kind === 'message' && reading.classified.kind === 'refusal')
    return refused(idOf(reading), reading.classified);
  const limited = limitOwn(deps.mcp, context, reading);
  const away = limited && (await limited);
  if (away) return turnedAway(idOf(reading), away, context.era);
  if (arrival.streamSession !== undefined)
    return answerStream(deps, arrival, context, caller.principal, reading);
  if (reading.kind === 'message' && reading.classified.kind === 'modern') {
    const { message } = reading;
    const { response, answerHeaders } = arrival;
    if (message.kind === 'notification') return ACCEPTED;
    if (message.method !== 'subscriptions/listen')
      return answerModern(deps.mcp, context, message, reply, response);
    if (!reply.canStream) return refused(message.id, NO_STREAM_ACCEPTED);
    reply.leave();
    return listen(deps, context, caller.principal, message, response, answerHeaders);
  }

  const begins = reading.kind === 'message' && reading.message.method === 'initialize';
  const scope = begins
    ? { context, principal: caller.principal, session: undefined }
    : inSession(deps, arrival, context, caller.principal);
  if (scope === undefined) return refused(idOf(reading), NO_SESSION);
  if (reading.kind === 'response') return answerReply(deps, scope, reading.message);
  if (reading.kind === 'batch') {
    if (scope.context.protocolVersion !== VERSION_WITH_BATCHES)
      return refused(null, BATCH_IN_SESSION);
    return answerBatch(deps, scope, reading.messages);
  }
  const { message } = reading;
  if (message.kind === 'request') {
    const { principal, session } = scope;
    if (session && session.protocolVersion >= PRIMED_SINCE) {
      const owner = { principal, sessionId: session.id, resourcePath: arrival.resourcePath };
      reply.resumeBy((hangUp) => deps.posts.open(owner, message.id, hangUp));
    }
    return answerLegacy(deps, scope, message, reply);
  }
  noteLegacy(deps, scope, message.method, message.params);
  return ACCEPTED;
}

/** A message posted for a 2024-11-05 stream: checked like any, then answered over the stream. */
async function answerStream(
  deps: EndpointDeps,
  arrival: Arrival,
  context: McpRequestContext,
  principal: string,
  reading: Reading,
): Promise<RpcReply> {
  const session = deps.sessions.verify(arrival.streamSession!, sessionOwner(principal, context));
  if (session?.kind !== 'stream') return refused(idOf(reading), NO_SESSION);
  const scope = await scopeOfStream(deps, context, principal, session);
  if ('status' in scope) return scope;
  if (reading.kind === 'response') return answerReply(deps, scope, reading.message);
  if (reading.kind !== 'message') return refused(null, BATCH_IN_SESSION);
  if (reading.classified.kind !== 'legacy') return refused(idOf(reading), MODERN_ON_STREAM);
  return answerOverStream(deps, scope, reading.message);
}

async function answerReply(
  deps: EndpointDeps,
  { principal, session }: LegacyScope,
  response: Record<string, unknown>,
): Promise<RpcReply> {
  const taken = await takeReply(deps, principal, session, response);
  if (taken === 'taken') return ACCEPTED;
  return refused(null, taken === 'lost' ? REPLY_LOST : UNASKED);
}

function idOf(reading: Reading): RequestId | null {
  if (reading.kind === 'refused') return reading.id;
  return reading.kind === 'message' && reading.message.kind === 'request'
    ? reading.message.id
    : null;
}

const NO_RIGHT = 'The client is not asked any more: its access has ended.';
const ACCEPTED: RpcReply = { status: 202, text: '' };
const BATCH_IN_SESSION = codedRefusal(400, INVALID_REQUEST, NO_BATCHES, 'invalid_request');
const UNASKED = codedRefusal(
  400,
  INVALID_REQUEST,
  'No request of ours waits for this response.',
  'invalid_request',
);
const MODERN_ON_STREAM = codedRefusal(
  400,
  INVALID_REQUEST,
  'This transport is of 2024-11-05. Send requests of 2026-07-28 by POST without a sessionId.',
  'invalid_request',
);
const NO_STREAM_ACCEPTED = refusal(
  406,
  TRANSPORT_ERROR,
  'The answer is a stream: accept text/event-stream.',
);
const REPLY_LOST = refusal(503, INTERNAL_ERROR, AWAY);
const NOT_ACCEPTABLE = refusal(
  406,
  TRANSPORT_ERROR,
  'Accept application/json, text/event-stream or both.',
);
