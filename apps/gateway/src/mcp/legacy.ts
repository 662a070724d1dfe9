/** 2024-11-05 … 2025-11-25: a handshake, then requests that belong to a session. */
import { Timeline } from '@conducktor/telemetry';
import { bitsOf } from '../sessions/capability-bits.js';
import type { Session } from '../sessions/session-id.js';
import { askerOf, takeReply, type AskDeps } from './ask-client.js';
import {
  callTool,
  listTools,
  requestEntry,
  turnedAway,
  type Reach,
  type RpcRequest,
} from './call.js';
import type { InFlight } from './in-flight.js';
import {
  errorText,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  resultText,
  type Params,
  type RequestId,
} from './json-rpc.js';
import { setLevel, subscribe, unsubscribe } from './legacy-session.js';
import type { Outlet } from './outlet.js';
import type { GovernedMcp, McpRequestContext } from './ports.js';
import type { LegacyMessage } from './read-body.js';
import { isEntry } from './read-params.js';
import type { RpcReply } from './reply.js';
import { sessionOwner } from './session-owner.js';
import { CAPABILITIES, instructionsOf, SERVER_INFO } from './server-info.js';
import { negotiateVersion } from './versions.js';

export interface LegacyDeps extends AskDeps {
  mcp: GovernedMcp;
  inFlight: InFlight;
}

export interface LegacyScope {
  context: McpRequestContext;
  principal: string;
  session: Session | undefined;
}

/** `outlet` takes progress, log messages and questions; without it (in a batch) there are none. */
export async function answerLegacy(
  deps: LegacyDeps,
  scope: LegacyScope,
  request: RpcRequest,
  outlet?: Outlet,
): Promise<RpcReply> {
  switch (request.method) {
    case 'initialize':
      return initialize(deps, scope, request);
    case 'ping':
      return { status: 200, text: resultText(request.id, '{}') };
    case 'tools/list':
      return listTools(deps.mcp, scope.context, request);
    case 'tools/call':
      return inSession(deps, scope, request, outlet, (reach) =>
        callTool(deps.mcp, scope.context, request, reach),
      );
    case 'logging/setLevel':
      return setLevel(deps, scope, request);
    case 'resources/subscribe':
      return subscribe(deps, scope, request);
    case 'resources/unsubscribe':
      return unsubscribe(deps, scope, request);
  }
  const { method } = request;
  if (isEntry(method)) {
    return inSession(deps, scope, request, outlet, (reach) =>
      requestEntry(deps.mcp, scope.context, request, method, reach),
    );
  }
  return {
    status: 200,
    text: errorText(request.id, {
      code: METHOD_NOT_FOUND,
      message: `Method not found: ${method}`,
    }),
  };
}

export function noteLegacy(
  deps: LegacyDeps,
  scope: LegacyScope,
  method: string,
  params: Params | undefined,
): void {
  if (method !== 'notifications/cancelled' || !scope.session) return;
  const id = params?.['requestId'];
  if (typeof id !== 'string' && typeof id !== 'number') return;
  const reason =
    typeof params?.['reason'] === 'string'
      ? params['reason'].slice(0, 200)
      : 'Cancelled by the client.';
  deps.inFlight.cancel(scope.principal, scope.session.id, id, reason);
}

/** All at once, answers in the order of the requests; nothing but notifications is answered 202. */
export async function answerBatch(
  deps: LegacyDeps,
  scope: LegacyScope,
  messages: LegacyMessage[],
): Promise<RpcReply> {
  const answers = await Promise.all(
    messages.map(async (message) => {
      if (message.kind === 'request') return answerLegacy(deps, ownTime(scope), message);
      if (message.kind === 'notification') noteLegacy(deps, scope, message.method, message.params);
      // One that answers nothing of ours is as good as one that comes too late.
      else await takeReply(deps, scope.principal, scope.session, message.message);
      return undefined;
    }),
  );
  const texts = answers.filter((answer) => answer !== undefined).map((answer) => answer.text);
  return texts.length === 0
    ? { status: 202, text: '' }
    : { status: 200, text: `[${texts.join(',')}]` };
}

/** The steps of one request of a batch are not those of another. */
function ownTime(scope: LegacyScope): LegacyScope {
  const { context } = scope;
  const timeline = new Timeline(context.timeline.traceparent);
  return { ...scope, context: { ...context, timeline } };
}

async function initialize(
  { mcp, sessions }: LegacyDeps,
  { context, principal, session }: LegacyScope,
  { id, params }: RpcRequest,
): Promise<RpcReply> {
  if (params === undefined || typeof params['protocolVersion'] !== 'string') {
    return {
      status: 200,
      text: errorText(id, {
        code: INVALID_REQUEST,
        message: 'initialize needs params.protocolVersion.',
      }),
    };
  }
  const introduction = await mcp.introduce(context);
  if (introduction.kind !== 'introduction') return turnedAway(id, introduction);
  const protocolVersion = negotiateVersion(params['protocolVersion']);
  const bits = bitsOf(params['capabilities']);
  const result = {
    protocolVersion,
    capabilities: CAPABILITIES,
    serverInfo: SERVER_INFO,
    instructions: instructionsOf(introduction),
  };
  const text = resultText(id, JSON.stringify(result));
  if (session?.kind === 'stream') {
    const stream = sessions.streams.here(session.id);
    if (stream) stream.handshake = { protocolVersion, bits };
    const kept = sessions.store.keepHandshake(session, principal, { protocolVersion, bits });
    // The gateway that has the stream remembers it without Redis.
    await (stream ? kept.catch(() => {}) : kept);
    return { status: 200, text };
  }
  const owner = sessionOwner(principal, context);
  const issued = sessions.issue({ principal: owner, protocolVersion, bits, kind: 'http' });
  return { status: 200, text, headers: { 'mcp-session-id': issued } };
}

/**
 * A dropped connection is not a cancellation here (2025-03-26, transports): the call goes on and is
 * recorded, whether or not somebody still listens. Only `notifications/cancelled` stops it.
 */
async function inSession(
  deps: LegacyDeps,
  { principal, session }: LegacyScope,
  request: RpcRequest,
  outlet: Outlet | undefined,
  run: (reach: Reach) => Promise<RpcReply>,
): Promise<RpcReply> {
  const controller = new AbortController();
  const { signal } = controller;
  const forget = session
    ? deps.inFlight.add(principal, session.id, request.id as RequestId, controller)
    : undefined;
  try {
    return await run({ signal, outlet, ask: askerOf(deps, principal, session, outlet, signal) });
  } finally {
    forget?.();
  }
}
