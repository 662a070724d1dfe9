/**
 * `GET` with a session (2025-03-26 … 2025-11-25): what the client is told or asked outside of its
 * requests. On any gateway: what the session subscribed to is made again by the story, and what may
 * have been missed since an earlier stream is announced, so that the client looks for itself.
 */
import { RedisAway } from '../sessions/bus.js';
import type { SessionStream } from '../sessions/session-streams.js';
import type { Session } from '../sessions/session-id.js';
import { SessionLost } from '../sessions/session-store.js';
import type { Arrival } from './arrival.js';
import type { EndpointDeps } from './endpoint.js';
import { turnedAway } from './call.js';
import { EventStream, PRIMED_SINCE } from './event-stream.js';
import { errorText, INTERNAL_ERROR, SESSION_NOT_FOUND } from './json-rpc.js';
import { AGAIN, AWAY } from './legacy-session.js';
import { EVERY_LIST, Listener, notificationOf, type ListenerNote } from './listener.js';
import type { ClientEvent, Failure, McpRequestContext } from './ports.js';
import { RETRY_MS, type RpcReply } from './reply.js';
import { sessionOwner } from './session-owner.js';

/** An answer instead of the stream; `undefined` once the stream is open. */
export async function openSessionStream(
  deps: EndpointDeps,
  arrival: Arrival,
  context: McpRequestContext,
  principal: string,
  session: Session,
): Promise<RpcReply | undefined> {
  const { sessions } = deps;
  let known: boolean;
  try {
    known = await sessions.store.openStream(session, principal);
  } catch (error) {
    return unremembered(error);
  }
  const missed = known || arrival.headers['last-event-id'] !== undefined;
  const makeAgain = async (uri: string, listener: Listener, tell: Tell): Promise<void> => {
    const made = await listener.subscribeAgain(uri);
    if (made === 'given up') return;
    if (made === 'refused') await sessions.store.removeUri(session, principal, uri).catch(() => {});
    // It was subscribed before this stream was there; or it is not any more.
    tell(notificationOf({ kind: 'resource-updated', uri }));
  };
  const makeMissing = async (stream: EventStream, listener: Listener, tell: Tell) => {
    try {
      // Held first: what is asked for in between is in both.
      const held = listener.wanted;
      const uris = await sessions.store.uris(session, principal);
      for (const uri of held) if (!uris.includes(uri)) listener.unsubscribe(uri);
      const missing = uris.filter((uri) => !held.includes(uri));
      await Promise.all(missing.map((uri) => makeAgain(uri, listener, tell)));
    } catch (error) {
      // What it is subscribed to was forgotten: the next stream is told to initialize again.
      if (error instanceof SessionLost && listener.wanted.length > 0) stream.end();
      else if (!(error instanceof RedisAway || error instanceof SessionLost)) deps.onFault(error);
    }
  };
  return serveStream(deps, arrival, context, principal, {
    sessionId: session.id,
    alone: false,
    idPrefix: sessions.bus.instance,
    begin: async (stream, listener, tell) => {
      if (session.protocolVersion >= PRIMED_SINCE) stream.prime(RETRY_MS);
      if (missed)
        for (const list of EVERY_LIST) tell(notificationOf({ kind: 'list-changed', list }));
      // Read once others can reach this stream: what was asked for while it was opened is there too.
      await makeMissing(stream, listener, tell);
    },
    refresh: makeMissing,
    onEnded: (uri) => void sessions.store.removeUri(session, principal, uri).catch(() => {}),
    onClose: () => {},
  });
}

type Tell = (note: ListenerNote) => void;

export interface StreamService {
  sessionId: string;
  /** It does without Redis: then only this gateway knows of it. */
  alone: boolean;
  idPrefix?: string;
  begin(stream: EventStream, listener: Listener, tell: Tell): Promise<void> | void;
  /** Redis is back; never rejects. */
  refresh?(stream: EventStream, listener: Listener, tell: Tell): Promise<void>;
  /** A subscription ended by itself. */
  onEnded(uri: string): void;
  onClose(): void;
}

/** The stream of a session of either legacy transport, registered for all gateways. */
export async function serveStream(
  deps: EndpointDeps,
  { response, answerHeaders }: Arrival,
  context: McpRequestContext,
  principal: string,
  service: StreamService,
): Promise<RpcReply | undefined> {
  const { sessions, streams } = deps;
  const full = streams.refusalFor(principal);
  if (full)
    return { status: full.status, text: errorText(null, full.error), headers: full.headers };

  const opened: { stream?: EventStream } = {};
  const early: string[] = [];
  const send = (text: string) => (opened.stream ? opened.stream.send(text) : void early.push(text));
  const tell: Tell = ({ method, params }) =>
    send(JSON.stringify({ jsonrpc: '2.0', method, ...(params && { params }) }));
  const listener = new Listener(deps.mcp, context, (event: ClientEvent) => {
    if (event.kind === 'subscription-ended') service.onEnded(event.uri);
    tell(notificationOf(event));
  });
  const end = () => (opened.stream ? opened.stream.end() : void response.destroy());
  const sessionStream: SessionStream = {
    send,
    hint: (text) => opened.stream?.hint(text),
    end,
    subscribe: async (uri) => {
      try {
        const away = await listener.subscribe(uri);
        return away && { ...away };
      } catch (error) {
        // Asked for through another gateway, nobody here would catch it.
        deps.onFault(error);
        return { ...SUBSCRIBE_FAILED };
      }
    },
    unsubscribe: (uri) => listener.unsubscribe(uri),
    refresh: () => opened.stream && void service.refresh?.(opened.stream, listener, tell),
  };

  const undo = [
    streams.add({ principal, context, expire: end, drain: end }),
    () => listener.close(),
  ];
  const close = () => {
    for (const step of undo.splice(0)) step();
  };
  response.once('close', () => {
    close();
    service.onClose();
  });
  try {
    const away = await listener.watchLists();
    if (away) {
      close();
      return turnedAway(null, away);
    }
    undo.push(await sessions.streams.open(service.sessionId, sessionStream, service.alone));
  } catch (error) {
    close();
    return unremembered(error);
  }
  // The client left meanwhile: what was registered after that is undone as well.
  if (response.destroyed) {
    close();
    return undefined;
  }
  // Or its session was ended meanwhile, which is said only once.
  if (!sessions.verify(service.sessionId, sessionOwner(principal, context))) {
    close();
    return unremembered(new SessionLost('This session was ended.'));
  }
  const stream = new EventStream(response, {
    headers: answerHeaders,
    idPrefix: service.idPrefix,
  });
  opened.stream = stream;
  const begun = service.begin(stream, listener, tell);
  for (const text of early) stream.send(text);
  await begun;
  return undefined;
}

const SUBSCRIBE_FAILED: Failure = {
  kind: 'error',
  error: { code: INTERNAL_ERROR, message: 'Something went wrong on our side. Try again.' },
};

function unremembered(error: unknown): RpcReply {
  if (error instanceof RedisAway)
    return {
      status: 503,
      text: errorText(null, { code: INTERNAL_ERROR, message: AWAY }),
      headers: { 'retry-after': '1' },
    };
  if (error instanceof SessionLost)
    return {
      status: 404,
      text: errorText(null, { code: SESSION_NOT_FOUND, message: `${error.message} ${AGAIN}` }),
    };
  throw error;
}
