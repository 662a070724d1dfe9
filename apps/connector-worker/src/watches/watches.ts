import type { UpstreamEvent, WatchAnswer, WatchRequest } from '@conducktor/contracts';
import type { Logger, RpcWatch } from '@conducktor/runtime';
import { valueWithoutSecrets, withoutSecrets } from '../connections/without-secrets.js';
import {
  type ListName,
  type LoadedConnection,
  SubscriptionRefused,
  UpstreamFailure,
} from '../connector.js';
import { Coalescer } from './coalescer.js';
import { Opening, type OpeningDeps } from './opening.js';

/** Watches of this worker, of one connection, and URIs of one watch. */
const MAX = { all: 20_000, connection: 2_000, uris: 1_000 };

export interface WatchesDeps extends OpeningDeps {
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
    const { tenantId, connectionId, uris, lists } = request;
    const key = `${tenantId}/${connectionId}`;
    const crowd = this.#byConnection.get(key)?.size ?? 0;
    if (this.#open.size >= MAX.all || crowd >= MAX.connection || uris.length > MAX.uris)
      return { ok: false, message: 'Too much is watched already.' };
    const events = new Coalescer((event) => stream.event(event));
    const open: Open = { key, lists, tell: (event) => events.tell(event) };
    this.#add(open);
    const opening = new Opening(request, open.tell, (reason) => {
      leave();
      stream.end(reason);
    });
    const leave = (): void => {
      opening.leave();
      events.close();
      this.#remove(open);
    };
    stream.onClose = leave;
    try {
      return await opening.run(this.deps);
    } catch (error) {
      leave();
      return this.#refusal(error, opening.connection, request);
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
      return {
        ok: false,
        message: error.message,
        error: connection ? valueWithoutSecrets(error.error, connection) : error.error,
      };
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
