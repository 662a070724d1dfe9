/** Requests that change what a legacy session asked for: its log level, its subscriptions. */
import { RedisAway } from '../sessions/bus.js';
import type { Sessions } from '../sessions/open-sessions.js';
import type { SubscribeFault } from '../sessions/session-streams.js';
import { MAX_SUBSCRIPTIONS, MAX_URI_BYTES, SessionLost } from '../sessions/session-store.js';
import { invalidParams, turnedAway, type RpcRequest } from './call.js';
import {
  errorText,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  resultText,
  SESSION_NOT_FOUND,
  TRANSPORT_ERROR,
  type RequestId,
} from './json-rpc.js';
import type { LegacyScope } from './legacy.js';
import { mayPass } from './listener.js';
import { isLogLevel, LOG_LEVELS } from '@conducktor/contracts';
import type { Challenge, Failure, GovernedMcp } from './ports.js';
import type { RpcReply } from './reply.js';

export interface SessionRequestDeps {
  mcp: GovernedMcp;
  sessions: Sessions;
}

export async function setLevel(
  { sessions }: SessionRequestDeps,
  { session }: LegacyScope,
  { id, params }: RpcRequest,
): Promise<RpcReply> {
  const level = params?.['level'];
  if (!isLogLevel(level))
    return invalidParams(id, `params.level must be one of ${LOG_LEVELS.join(', ')}.`);
  if (!session) return needsSession(id);
  return remembering(id, async () => {
    await sessions.setLevel(session, level);
    return done(id);
  });
}

/**
 * The story decides, then it is remembered. Where the session's stream is open, that gateway makes the
 * subscription and holds it; while none is open there is nobody to tell, and the next stream makes it.
 */
export async function subscribe(
  { mcp, sessions }: SessionRequestDeps,
  { context, principal, session }: LegacyScope,
  { id, params }: RpcRequest,
): Promise<RpcReply> {
  const uri = params?.['uri'];
  if (!isUri(uri)) return invalidParams(id, NO_URI);
  if (!session) return needsSession(id);
  return remembering(id, async () => {
    const added =
      session.kind === 'http' ? await sessions.store.addUri(session, principal, uri) : undefined;
    if (added === 'full') return tooMany(id);
    let fault = await sessions.streams.subscribe(session.id, uri);
    if (fault === 'no stream') {
      const answer = await mcp.subscribe({ context, uri, onEvent: () => {} });
      if (answer.kind === 'subscribed') answer.subscription.close();
      fault = answer.kind === 'subscribed' ? undefined : { ...answer };
    }
    if (fault === undefined) return done(id);
    // What it is subscribed to already is not lost by a failure that passes.
    if (added === 'added' || (added === 'known' && isForGood(fault)))
      await sessions.store.removeUri(session, principal, uri);
    return fault === 'no answer'
      ? unavailable(id, 'The gateway that has your event stream did not answer. Try again.')
      : turnedAway(id, fault as unknown as Failure | Challenge);
  });
}

export async function unsubscribe(
  { sessions }: SessionRequestDeps,
  { principal, session }: LegacyScope,
  { id, params }: RpcRequest,
): Promise<RpcReply> {
  const uri = params?.['uri'];
  if (!isUri(uri)) return invalidParams(id, NO_URI);
  if (!session) return needsSession(id);
  return remembering(id, async () => {
    if (session.kind === 'http') await sessions.store.removeUri(session, principal, uri);
    await sessions.streams.unsubscribe(session.id, uri);
    return done(id);
  });
}

/** Answers for state that cannot be reached or is gone. */
async function remembering(id: RequestId, run: () => Promise<RpcReply>): Promise<RpcReply> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof RedisAway) return unavailable(id, AWAY);
    if (error instanceof SessionLost)
      return {
        status: 404,
        text: errorText(id, { code: SESSION_NOT_FOUND, message: `${error.message} ${AGAIN}` }),
      };
    throw error;
  }
}

function isForGood(fault: 'no answer' | SubscribeFault): boolean {
  return fault !== 'no answer' && !mayPass(fault as unknown as Failure | Challenge);
}

function isUri(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= MAX_URI_BYTES;
}

const NO_URI = `params.uri must be a URI of at most ${MAX_URI_BYTES} bytes.`;
export const AWAY = 'What belongs to a session cannot be remembered right now. Try again.';
export const AGAIN = 'Initialize again.';

const done = (id: RequestId): RpcReply => ({ status: 200, text: resultText(id, '{}') });

function unavailable(id: RequestId, message: string): RpcReply {
  return { status: 503, text: errorText(id, { code: INTERNAL_ERROR, message }) };
}

function needsSession(id: RequestId): RpcReply {
  const message = 'This needs a session. Begin with initialize and send its Mcp-Session-Id.';
  return { status: 200, text: errorText(id, { code: INVALID_REQUEST, message }) };
}

function tooMany(id: RequestId): RpcReply {
  const message = `A session may have ${MAX_SUBSCRIPTIONS} subscriptions. Unsubscribe from some first.`;
  return { status: 200, text: errorText(id, { code: TRANSPORT_ERROR, message }) };
}
