/** 2026-07-28: no handshake, every request says all that is needed. */
import type { ServerResponse } from 'node:http';
import { callTool, listTools, requestEntry, turnedAway, type RpcRequest } from './call.js';
import { errorText, METHOD_NOT_FOUND, resultText } from './json-rpc.js';
import type { GovernedMcp, McpRequestContext } from './ports.js';
import { isEntry } from './read-params.js';
import type { Reply, RpcReply } from './reply.js';
import { modernResult } from './result-shape.js';
import { discoveryOf } from './server-info.js';
import { isTaskMethod, requestTask } from './tasks.js';

/** What we are changes with a release, what a path shows seldom. */
const DISCOVERY_TTL_MS = 300_000;

/** All but `subscriptions/listen`, whose answer is a stream of its own. */
export async function answerModern(
  mcp: GovernedMcp,
  context: McpRequestContext,
  request: RpcRequest,
  reply: Reply,
  response: ServerResponse,
): Promise<RpcReply> {
  const { method } = request;
  switch (method) {
    case 'server/discover':
      return discover(mcp, context, request);
    case 'tools/list':
      return listTools(mcp, context, request);
    case 'tools/call':
      return callTool(mcp, context, request, { signal: abortedByClosing(response), outlet: reply });
  }
  if (isEntry(method)) {
    const reach = { signal: abortedByClosing(response), outlet: reply };
    return requestEntry(mcp, context, request, method, reach);
  }
  if (isTaskMethod(method))
    return requestTask(mcp, context, { ...request, method }, abortedByClosing(response));
  return {
    status: 404,
    text: errorText(request.id, {
      code: METHOD_NOT_FOUND,
      message: `Method not found: ${method}`,
    }),
  };
}

async function discover(
  mcp: GovernedMcp,
  context: McpRequestContext,
  { id }: RpcRequest,
): Promise<RpcReply> {
  const introduction = await mcp.introduce(context);
  if (introduction.kind !== 'introduction') return turnedAway(id, introduction, 'modern');
  const discovery = discoveryOf(introduction);
  const result = modernResult({ ...discovery, ttlMs: DISCOVERY_TTL_MS, cacheScope: 'private' });
  return { status: 200, text: resultText(id, JSON.stringify(result)) };
}

/** Closing the stream cancels the request (2026-07-28, cancellation). */
function abortedByClosing(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort(new Error('The client closed the connection.'));
  // It may have left while it was being authenticated.
  if (response.destroyed) abort();
  response.once('close', () => {
    if (!response.writableFinished) abort();
  });
  return controller.signal;
}
