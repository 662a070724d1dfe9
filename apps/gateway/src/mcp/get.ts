/** `GET` on an MCP path: the stream of a session, or of a client of 2024-11-05 that begins with it. */
import { acceptOf } from './accept.js';
import { headerValue } from './agreement.js';
import { contextOf, inSession, NO_SESSION, refused, type Arrival } from './arrival.js';
import { turnedAway } from './call.js';
import { unsupportedHeader } from './classify.js';
import type { EndpointDeps } from './endpoint.js';
import { refusal, TRANSPORT_ERROR } from './json-rpc.js';
import { handleOther } from './other-methods.js';
import { sendJson } from './reply.js';
import { resumePost } from './resumption/resume.js';
import { openSessionStream } from './session-stream.js';
import { openStreamTransport } from './stream-transport.js';
import { isModernVersion, isServedLegacy } from './versions.js';

export async function handleGet(deps: EndpointDeps, arrival: Arrival): Promise<void> {
  const { response, headers, answerHeaders } = arrival;
  const version = headerValue(headers, 'mcp-protocol-version');
  // 2026-07-28 has `subscriptions/listen` instead.
  if (version !== undefined && isModernVersion(version)) return handleOther(deps, arrival);
  const context = contextOf(arrival, undefined);
  const caller = await deps.mcp.authenticate(context);
  if (caller.kind !== 'caller') return sendJson(response, turnedAway(null, caller), answerHeaders);
  if (!acceptOf(headers['accept']).stream)
    return sendJson(response, refused(null, NO_STREAM_ACCEPTED), answerHeaders);
  if (version !== undefined && !isServedLegacy(version))
    return sendJson(response, refused(null, unsupportedHeader(version)), answerHeaders);
  const limited = await deps.mcp.limit(context, 'GET');
  if (limited) return sendJson(response, turnedAway(null, limited), answerHeaders);
  if (version !== undefined) context.protocolVersion = version;
  const scope = inSession(deps, arrival, context, caller.principal);
  if (!scope) return sendJson(response, refused(null, NO_SESSION), answerHeaders);
  const lastId = headerValue(headers, 'last-event-id');
  if (scope.session && lastId !== undefined) {
    const sessionId = scope.session.id;
    const owner = { principal: caller.principal, sessionId, resourcePath: arrival.resourcePath };
    const claim = deps.sessions.postStreamIds.read(lastId, owner);
    if (claim !== undefined) {
      const given =
        claim === 'foreign'
          ? refused(null, UNKNOWN_EVENT)
          : await resumePost(deps, arrival, context, caller.principal, claim);
      if (given) sendJson(response, given, answerHeaders);
      return;
    }
  }
  const reply = scope.session
    ? await openSessionStream(deps, arrival, context, caller.principal, scope.session)
    : await openStreamTransport(deps, arrival, context, caller.principal);
  if (reply) sendJson(response, reply, answerHeaders);
}

const UNKNOWN_EVENT = refusal(
  404,
  TRANSPORT_ERROR,
  'The Last-Event-ID is not of a request of this session.',
);
const NO_STREAM_ACCEPTED = refusal(
  406,
  TRANSPORT_ERROR,
  'A GET opens an event stream: accept text/event-stream, or send JSON-RPC by POST.',
);
