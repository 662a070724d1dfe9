/** `DELETE`, which ends a session, and the methods that have no meaning on an MCP path. */
import { contextOf, NO_SESSION, refused, type Arrival } from './arrival.js';
import { turnedAway } from './call.js';
import type { EndpointDeps } from './endpoint.js';
import { refusal, TRANSPORT_ERROR } from './json-rpc.js';
import { sendJson } from './reply.js';
import { sessionOwner } from './session-owner.js';

/** Ends a session. 204; 400 without an id; 404 for one that is not the caller's. */
export async function handleDelete(deps: EndpointDeps, arrival: Arrival): Promise<void> {
  const { response, answerHeaders } = arrival;
  const context = contextOf(arrival, undefined);
  const caller = await deps.mcp.authenticate(context);
  if (caller.kind !== 'caller') return sendJson(response, turnedAway(null, caller), answerHeaders);
  const limited = await deps.mcp.limit(context, 'DELETE');
  if (limited) return sendJson(response, turnedAway(null, limited), answerHeaders);
  const id = arrival.headers['mcp-session-id'];
  if (id === undefined) return sendJson(response, refused(null, NO_SESSION_ID), answerHeaders);
  const session = deps.sessions.verify(id, sessionOwner(caller.principal, context));
  if (session?.kind !== 'http') return sendJson(response, refused(null, NO_SESSION), answerHeaders);
  await deps.sessions.end(session, caller.principal);
  sendJson(response, { status: 204, text: '' }, answerHeaders);
}

/** Methods that have no meaning here: 405 for those who may know that much, 401 for others. */
export async function handleOther(deps: EndpointDeps, arrival: Arrival): Promise<void> {
  const { response, answerHeaders } = arrival;
  const caller = await deps.mcp.authenticate(contextOf(arrival, undefined));
  if (caller.kind !== 'caller') return sendJson(response, turnedAway(null, caller), answerHeaders);
  const message = `${arrival.request.method} is not served here. Send JSON-RPC by POST.`;
  const reply = refused(null, refusal(405, TRANSPORT_ERROR, message));
  sendJson(response, { ...reply, headers: { allow: 'GET, POST, DELETE, OPTIONS' } }, answerHeaders);
}

const NO_SESSION_ID = refusal(400, TRANSPORT_ERROR, 'The header Mcp-Session-Id is required.');
