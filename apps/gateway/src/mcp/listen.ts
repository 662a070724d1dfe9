/**
 * `subscriptions/listen` (2026-07-28): one request whose answer is a stream of notifications, first
 * what of the filter is honoured, each with the request's id, and a result when it ends in good order.
 */
import type { ServerResponse } from 'node:http';
import { MAX_SUBSCRIPTIONS } from '../sessions/session-store.js';
import { misread, turnedAway, type RpcRequest } from './call.js';
import { EventStream } from './event-stream.js';
import { errorText, isObject, resultText, type Params } from './json-rpc.js';
import { EVERY_LIST, Listener, notificationOf, type ListenerNote } from './listener.js';
import { endedText, type Ended, type OpenStreams } from './open-streams.js';
import type { Challenge, ClientEvent, Failure, GovernedMcp, McpRequestContext } from './ports.js';
import type { ReplyHeaders, RpcReply } from './reply.js';
import { modernResult } from './result-shape.js';
import { declaresTasks, tasksNotDeclared } from './tasks.js';

const META_SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
/** Decided side by side; each may reach an upstream. */
const AT_ONCE = 8;

export interface ListenDeps {
  mcp: GovernedMcp;
  streams: OpenStreams;
}

interface Filter {
  lists: ReadonlySet<string>;
  uris: readonly string[];
  tasks: readonly string[];
}

/** An answer instead of the stream; `undefined` once the stream is open. */
export async function listen(
  { mcp, streams }: ListenDeps,
  context: McpRequestContext,
  principal: string,
  request: RpcRequest,
  response: ServerResponse,
  headers: ReplyHeaders,
): Promise<RpcReply | undefined> {
  const { id } = request;
  const filter = readFilter(request.params);
  if (typeof filter === 'string') return misread(mcp, context, request, filter);
  if (filter.tasks.length > 0 && !declaresTasks(context)) return tasksNotDeclared(id);
  // It left while it was being authenticated: its closing will not be heard again.
  if (response.destroyed) return undefined;
  const full = streams.refusalFor(principal);
  if (full) return { status: full.status, text: errorText(id, full.error), headers: full.headers };

  const early: ClientEvent[] = [];
  let tell = (event: ClientEvent): void => void (early.length < MAX_EARLY && early.push(event));
  const listener = new Listener(mcp, context, (event) => tell(event));
  const listens = {
    principal,
    context,
    // Until the stream is open, ending means not to open it.
    expire: () => listener.close(),
    drain: () => listener.close(),
  };
  const forget = streams.add(listens);
  response.once('close', () => {
    forget();
    listener.close();
  });
  const away = await begin(mcp, context, listener, filter);
  if (away) {
    forget();
    listener.close();
    return turnedAway(id, away, 'modern');
  }
  if (response.destroyed) return undefined;

  const stream = new EventStream(response, { headers });
  const send = ({ method, params }: ListenerNote) => {
    const stamped = { ...params, _meta: { [META_SUBSCRIPTION]: id } };
    stream.send(JSON.stringify({ jsonrpc: '2.0', method, params: stamped }));
  };
  const end = () => {
    const result = modernResult({ _meta: { [META_SUBSCRIPTION]: id } });
    stream.end(resultText(id, JSON.stringify(result)));
  };
  tell = (event) => {
    if (event.kind === 'list-changed' && !filter.lists.has(event.list)) return;
    send(notificationOf(event));
    if (endsSomething(event) && isIdle(listener, filter)) end();
  };
  listens.expire = (answer?: Ended) => stream.end(endedText(id, answer, context));
  listens.drain = end;

  send({
    method: 'notifications/subscriptions/acknowledged',
    params: { notifications: honoured(listener, filter) },
  });
  for (const event of early) tell(event);
  if (isIdle(listener, filter) || streams.isDraining) end();
  return undefined;
}

/** Events that come while the subscriptions are being made. */
const MAX_EARLY = 1_000;

/** What the client may not subscribe to is left out of what is honoured; only a challenge ends it. */
async function begin(
  mcp: GovernedMcp,
  context: McpRequestContext,
  listener: Listener,
  filter: Filter,
): Promise<Failure | Challenge | undefined> {
  const away =
    filter.lists.size > 0
      ? await listener.watchLists()
      : await mcp.limit(context, 'subscriptions/listen');
  if (away) return away;
  const left = [
    ...filter.uris.map((uri) => () => listener.subscribe(uri)),
    ...filter.tasks.map((taskId) => () => listener.watchTask(taskId)),
  ];
  let challenge: Challenge | undefined;
  const work = async () => {
    for (let make = left.shift(); make && !challenge; make = left.shift()) {
      const away = await make();
      if (away?.kind === 'challenge') challenge = away;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return challenge;
}

const endsSomething = (event: ClientEvent) =>
  event.kind === 'subscription-ended' || (event.kind === 'task-changed' && event.over);

function isIdle(listener: Listener, filter: Filter): boolean {
  return filter.lists.size === 0 && listener.subscribed.length === 0 && listener.openTasks === 0;
}

function honoured(listener: Listener, filter: Filter): Params {
  const { subscribed: uris, watchedTasks } = listener;
  return {
    ...Object.fromEntries([...filter.lists].map((list) => [`${list}ListChanged`, true])),
    ...(uris.length > 0 && {
      resourceSubscriptions: filter.uris.filter((uri) => uris.includes(uri)),
    }),
    ...(watchedTasks.length > 0 && {
      taskIds: filter.tasks.filter((id) => watchedTasks.includes(id)),
    }),
  };
}

function readFilter(params: Params | undefined): Filter | string {
  const wanted = params?.['notifications'];
  if (!isObject(wanted)) return 'params.notifications must say what to listen to.';
  const lists = new Set<string>();
  for (const list of EVERY_LIST) {
    const flag = wanted[`${list}ListChanged`];
    if (flag !== undefined && typeof flag !== 'boolean')
      return `params.notifications.${list}ListChanged must be true or false.`;
    if (flag) lists.add(list);
  }
  const uris = namesIn(wanted, 'resourceSubscriptions', 'URIs');
  if (typeof uris === 'string') return uris;
  const tasks = namesIn(wanted, 'taskIds', 'ids of tasks');
  if (typeof tasks === 'string') return tasks;
  return { lists, uris, tasks };
}

/** Each once; a sentence for what is no list of them. */
function namesIn(wanted: Params, field: string, what: string): string[] | string {
  const names = wanted[field] ?? [];
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string' && name !== ''))
    return `params.notifications.${field} must be a list of ${what}.`;
  if (names.length > MAX_SUBSCRIPTIONS)
    return `params.notifications.${field} may name ${MAX_SUBSCRIPTIONS} of them.`;
  return [...new Set(names as string[])];
}
