/** 2024-11-05 … 2025-11-25: a handshake, then requests that belong to a session. */
import { callTool, listTools, type RpcRequest } from './call.js';
import type { InFlight } from './in-flight.js';
import {
  errorText,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  resultText,
  type Params,
  type RequestId,
} from './json-rpc.js';
import type { GovernedMcp, McpRequestContext } from './ports.js';
import type { Reply, RpcReply } from './reply.js';
import type { LegacyMessage } from './read-body.js';
import { CAPABILITIES, INSTRUCTIONS, SERVER_INFO } from './server-info.js';
import type { Session, Sessions } from './sessions.js';
import { negotiateVersion } from './versions.js';

export interface LegacyDeps {
  mcp: GovernedMcp;
  sessions: Sessions;
  inFlight: InFlight;
}

export interface LegacyScope {
  context: McpRequestContext;
  principal: string;
  session: Session | undefined;
}

/** `reply` takes progress; without it (in a batch) there is none. */
export async function answerLegacy(
  deps: LegacyDeps,
  scope: LegacyScope,
  request: RpcRequest,
  reply?: Reply,
): Promise<RpcReply> {
  switch (request.method) {
    case 'initialize':
      return initialize(deps, scope, request);
    case 'ping':
      return { status: 200, text: resultText(request.id, '{}') };
    case 'tools/list':
      return listTools(deps.mcp, scope.context, request);
    case 'tools/call':
      return callInSession(deps, scope, request, reply);
    default:
      return {
        status: 200,
        text: errorText(request.id, {
          code: METHOD_NOT_FOUND,
          message: `Method not found: ${request.method}`,
        }),
      };
  }
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
    messages.map((message) => {
      if (message.kind === 'request') return answerLegacy(deps, scope, message);
      if (message.kind === 'notification') noteLegacy(deps, scope, message.method, message.params);
      return undefined;
    }),
  );
  const texts = answers.filter((answer) => answer !== undefined).map((answer) => answer.text);
  return texts.length === 0
    ? { status: 202, text: '' }
    : { status: 200, text: `[${texts.join(',')}]` };
}

function initialize(
  { sessions }: LegacyDeps,
  { principal }: LegacyScope,
  { id, params }: RpcRequest,
): RpcReply {
  if (params === undefined || typeof params['protocolVersion'] !== 'string') {
    return {
      status: 200,
      text: errorText(id, {
        code: INVALID_REQUEST,
        message: 'initialize needs params.protocolVersion.',
      }),
    };
  }
  const protocolVersion = negotiateVersion(params['protocolVersion']);
  const result = {
    protocolVersion,
    capabilities: CAPABILITIES,
    serverInfo: SERVER_INFO,
    instructions: INSTRUCTIONS,
  };
  return {
    status: 200,
    text: resultText(id, JSON.stringify(result)),
    headers: { 'mcp-session-id': sessions.issue(principal, protocolVersion) },
  };
}

/**
 * A dropped connection is not a cancellation here (2025-03-26, transports): the call goes on and is
 * recorded, whether or not somebody still listens. Only `notifications/cancelled` stops it.
 */
async function callInSession(
  { mcp, inFlight }: LegacyDeps,
  { context, principal, session }: LegacyScope,
  request: RpcRequest,
  reply: Reply | undefined,
): Promise<RpcReply> {
  const controller = new AbortController();
  const forget = session
    ? inFlight.add(principal, session.id, request.id as RequestId, controller)
    : undefined;
  try {
    return await callTool(mcp, context, request, controller.signal, reply);
  } finally {
    forget?.();
  }
}
