import type { UpstreamEvent, WatchAnswer, WatchRequest } from '@conducktor/contracts';
import type { Logger, RpcWatch } from '@conducktor/runtime';
import type { ConnectionLoader } from '../connections/connection-loader.js';
import { withoutSecrets } from '../connections/without-secrets.js';
import {
  type ConnectionKind,
  type Connector,
  type ListName,
  type LoadedConnection,
  SubscriptionRefused,
  UpstreamFailure,
  type UpstreamWatch,
} from '../connector.js';
import { Coalescer } from './coalescer.js';

/** Watches of this worker, of one connection, and URIs of one watch. */
const MAX = { all: 20_000, connection: 2_000, uris: 1_000 };

export interface WatchesDeps {
  loader: Pick<ConnectionLoader, 'peek' | 'load'>;
  connectors: Readonly<Record<ConnectionKind, Connector>>;
  logger: Logger;
}

interface Open {
  key: string;
  lists: boolean;
  tell(event: UpstreamEvent): void;
}

/** Who listens to which connection, and what they are told. */
export class Watches {
  readonly #open = new Set<Open>();
  readonly #byConnection = new Map<string, Set<Open>>();

  constructor(private readonly deps: WatchesDeps) {}

  /** Answers when the upstream has subscribed or refused. Never rejects. */
  async watch(request: WatchRequest, stream: RpcWatch): Promise<WatchAnswer> {
    const { tenantId, connectionId, revision, uris, lists } = request;
    const key = `${tenantId}/${connectionId}`;
    const crowd = this.#byConnection.get(key)?.size ?? 0;
    if (this.#open.size >= MAX.all || crowd >= MAX.connection || uris.length > MAX.uris)
      return { ok: false, message: 'Too much is watched already.' };
    const events = new Coalescer((event) => stream.event(event));
    const open: Open = { key, lists, tell: (event) => events.tell(event) };
    this.#add(open);
    const ends: (() => void)[] = [() => events.close(), () => this.#remove(open)];
    const leave = (): void => {
      for (const end of ends.splice(0).reverse()) end();
    };
    stream.onClose = leave;
    let connection: LoadedConnection | undefined;
    try {
      connection =
        this.deps.loader.peek(tenantId, connectionId, revision) ??
        (await this.deps.loader.load(tenantId, connectionId, revision));
      const connector = this.deps.connectors[connection.kind];
      const end = (reason: string): void => {
        leave();
        stream.end(reason);
      };
      const watches = upstreamWatches(request, open.tell, end);
      ends.push(...watches.map((watch) => () => connector.unwatch(watch)));
      for (const watch of watches) if (!stream.closed) await connector.watch(connection, watch);
      if (!stream.closed) return { ok: true };
      // Closed while it was subscribed: what came to stand only then is still to be ended.
      for (const watch of watches) connector.unwatch(watch);
      return { ok: false, message: 'The watch was ended.' };
    } catch (error) {
      leave();
      return this.#refusal(error, connection, request);
    }
  }

  /** A connection's list has changed, wherever that was heard. */
  listsChanged(connection: Pick<LoadedConnection, 'tenantId' | 'id'>, list: ListName): void {
    const watching = this.#byConnection.get(`${connection.tenantId}/${connection.id}`);
    for (const { lists, tell } of watching ?? []) if (lists) tell({ kind: 'list-changed', list });
  }

  #refusal(
    error: unknown,
    connection: LoadedConnection | undefined,
    request: WatchRequest,
  ): WatchAnswer {
    if (error instanceof SubscriptionRefused)
      return { ok: false, message: error.message, error: error.error };
    if (error instanceof UpstreamFailure) {
      const message = connection ? withoutSecrets(error.message, connection) : error.message;
      return { ok: false, message };
    }
    const { tenantId, connectionId } = request;
    this.deps.logger.error({ err: error, tenantId, connectionId }, 'A watch could not be opened');
    return { ok: false, message: 'The connector worker failed while subscribing.' };
  }

  #add(open: Open): void {
    this.#open.add(open);
    let watching = this.#byConnection.get(open.key);
    if (!watching) this.#byConnection.set(open.key, (watching = new Set()));
    watching.add(open);
  }

  #remove(open: Open): void {
    this.#open.delete(open);
    const watching = this.#byConnection.get(open.key);
    watching?.delete(open);
    if (watching?.size === 0) this.#byConnection.delete(open.key);
  }
}

/** Lists are everybody's and are heard in nobody's name; what is subscribed is one member's. */
function upstreamWatches(
  { memberId, uris, lists, timeoutMs }: WatchRequest,
  tell: (event: UpstreamEvent) => void,
  end: (reason: string) => void,
): UpstreamWatch[] {
  const told = {
    timeoutMs,
    updated: (uri: string, params: Record<string, unknown>) =>
      tell({ kind: 'resource-updated', uri, params }),
    gap: () => tell({ kind: 'gap' }),
    end,
  };
  return [
    ...(lists ? [{ ...told, memberId: '', uris: [] }] : []),
    ...(uris.length > 0 ? [{ ...told, memberId, uris: [...new Set(uris)] }] : []),
  ];
}
