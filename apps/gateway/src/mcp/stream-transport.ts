/**
 * The transport of 2024-11-05 (HTTP+SSE): one stream that begins with the address to post to, and takes
 * every answer. The stream is open on one gateway; a message may be posted to any, is answered there,
 * and the answer travels to the stream. The session is the stream: both end together.
 */
import { setTimeout } from 'node:timers/promises';
import { capabilitiesOf } from '../sessions/capability-bits.js';
import { RedisAway } from '../sessions/bus.js';
import type { Session } from '../sessions/session-id.js';
import type { Arrival } from './arrival.js';
import type { EndpointDeps } from './endpoint.js';
import { answerLegacy, noteLegacy, type LegacyScope } from './legacy.js';
import { AWAY } from './legacy-session.js';
import {
  errorText,
  INTERNAL_ERROR,
  TRANSPORT_ERROR,
  type Message,
  type RequestId,
} from './json-rpc.js';
import type { Outlet } from './outlet.js';
import type { McpRequestContext } from './ports.js';
import type { RpcReply } from './reply.js';
import { sessionOwner } from './session-owner.js';
import { serveStream } from './session-stream.js';

/** The version of who has not said its own yet. */
export const STREAM_VERSION = '2024-11-05';
/** Requests of one session under way on one gateway: each was answered 202 and holds no connection. */
const MAX_RUNNING = 64;
const PATIENCE_MS = 30_000;
const RETRY_MS = 500;

/** An answer instead of the stream; `undefined` once it is open. */
export async function openStreamTransport(
  deps: EndpointDeps,
  arrival: Arrival,
  context: McpRequestContext,
  principal: string,
): Promise<RpcReply | undefined> {
  const { sessions } = deps;
  const owner = sessionOwner(principal, context);
  const id = sessions.issue({
    principal: owner,
    protocolVersion: STREAM_VERSION,
    bits: 0,
    kind: 'stream',
  });
  return serveStream(deps, arrival, context, principal, {
    sessionId: id,
    alone: true,
    begin: (stream) => {
      // The same path: a token may be for this path only.
      stream.event('endpoint', `${arrival.resourcePath}?sessionId=${id}`);
    },
    onEnded: () => {},
    onClose: () => {
      const session = sessions.verify(id, owner);
      if (session) void sessions.store.forget(session, principal).catch(() => {});
    },
  });
}

export type StreamScope = LegacyScope & { session: Session };
type Posted = Extract<Message, { kind: 'request' | 'notification' }>;

/** What `initialize` said; 404 when the stream is not open, 503 when that cannot be known. */
export async function scopeOfStream(
  { sessions }: EndpointDeps,
  context: McpRequestContext,
  principal: string,
  session: Session,
): Promise<StreamScope | RpcReply> {
  try {
    const here = sessions.streams.here(session.id);
    if (!here && !(await sessions.streams.isOpen(session.id))) return NOT_OPEN;
    // It may have been posted to another gateway than this one, which has the stream.
    const handshake =
      here?.handshake ??
      (await sessions.store.handshake(session, principal).catch((error: unknown) => {
        if (here && error instanceof RedisAway) return undefined;
        throw error;
      }));
    if (here && handshake) here.handshake = handshake;
    if (!handshake)
      return { context: { ...context, protocolVersion: STREAM_VERSION }, principal, session };
    const { protocolVersion } = handshake;
    const capabilities = capabilitiesOf(handshake.bits);
    return {
      context: {
        ...context,
        protocolVersion,
        capabilities,
        logLevel: sessions.levelOf(session),
      },
      principal,
      session: { ...session, protocolVersion, capabilities },
    };
  } catch (error) {
    if (error instanceof RedisAway) return UNKNOWN;
    throw error;
  }
}

/** 202 at once; the answer comes over the stream. */
export function answerOverStream(
  deps: EndpointDeps,
  scope: StreamScope,
  message: Posted,
): RpcReply {
  if (message.kind === 'notification') {
    noteLegacy(deps, scope, message.method, message.params);
    return ACCEPTED;
  }
  const { id } = scope.session;
  const ended = deps.running.begin(id, MAX_RUNNING);
  if (!ended) return busy(message.id);
  const deliver = (text: string, how?: 'hint') => deps.sessions.streams.deliver(id, text, how);
  const answer = (reply: RpcReply) => patiently(() => deliver(reply.text));
  void answerLegacy(deps, scope, message, outletTo(deliver))
    .catch((error: unknown): RpcReply => {
      deps.onFault(error);
      const text = errorText(message.id, {
        code: INTERNAL_ERROR,
        message: 'Something went wrong on our side. Try again.',
      });
      return { status: 500, text };
    })
    // Whoever closed the stream, or lost it with its gateway, does not wait for the answer.
    .then(answer)
    .catch(() => {})
    .finally(ended);
  return ACCEPTED;
}

/** Redis may be away for a moment, and the client was told that its answer comes. */
async function patiently(deliver: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  while (true) {
    try {
      await deliver();
      return;
    } catch (error) {
      if (!(error instanceof RedisAway) || Date.now() > until) throw error;
      await setTimeout(RETRY_MS, undefined, { ref: false });
    }
  }
}

/** The stream is the session: a flood of what may be left out must not cost the client its answers. */
function outletTo(deliver: (text: string, how?: 'hint') => Promise<boolean>): Outlet {
  const hint = (text: string) => void deliver(text, 'hint').catch(() => {});
  return {
    canStream: true,
    notify: hint,
    note: hint,
    ask: (text) => deliver(text).catch(() => false),
    onLost: () => () => {},
    // The stream is watched, and the session ends with it.
    over: undefined,
  };
}

const ACCEPTED: RpcReply = { status: 202, text: '' };
const NOT_OPEN: RpcReply = {
  status: 404,
  text: errorText(null, {
    code: -32001,
    message: 'This session’s stream is not open. Connect again.',
  }),
};
const UNKNOWN: RpcReply = {
  status: 503,
  text: errorText(null, { code: INTERNAL_ERROR, message: AWAY }),
  headers: { 'retry-after': '1' },
};
function busy(id: RequestId): RpcReply {
  const message = 'Too many requests of this session are under way.';
  return {
    status: 429,
    text: errorText(id, { code: TRANSPORT_ERROR, message }),
    headers: { 'retry-after': '1' },
  };
}
