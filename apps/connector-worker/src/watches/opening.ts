import type { UpstreamEvent, WatchAnswer, WatchRequest } from '@conducktor/contracts';
import type { ConnectionLoader } from '../connections/connection-loader.js';
import {
  type ConnectionKind,
  type Connector,
  type LoadedConnection,
  UpstreamFailure,
  type UpstreamWatch,
} from '../connector.js';

export interface OpeningDeps {
  loader: Pick<ConnectionLoader, 'peek' | 'load'>;
  connectors: Readonly<Record<ConnectionKind, Connector>>;
}

/** One watch at the upstream: from its request until it is left, whichever comes first of its ends. */
export class Opening {
  connection: LoadedConnection | undefined;
  readonly #watches: UpstreamWatch[];
  #connector: Connector | undefined;
  #left = false;

  constructor(
    private readonly request: WatchRequest,
    tell: (event: UpstreamEvent) => void,
    end: (reason: string) => void,
  ) {
    this.#watches = upstreamWatches(request, tell, end);
  }

  /** Resolves when everything is subscribed. Rejects as Connector.watch does, and when it takes too long. */
  async run(deps: OpeningDeps): Promise<WatchAnswer> {
    const { timeoutMs } = this.request;
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      const words = `The server did not subscribe within ${Math.max(1, Math.round(timeoutMs / 1000))} s.`;
      late = setTimeout(() => reject(new UpstreamFailure('unavailable', words)), timeoutMs);
    });
    try {
      return await Promise.race([this.#subscribe(deps), tooLate]);
    } finally {
      clearTimeout(late);
    }
  }

  leave(): void {
    this.#left = true;
    for (const watch of this.#watches) this.#connector?.unwatch(watch);
  }

  async #subscribe({ loader, connectors }: OpeningDeps): Promise<WatchAnswer> {
    const { tenantId, connectionId, revision } = this.request;
    this.connection =
      loader.peek(tenantId, connectionId, revision) ??
      (await loader.load(tenantId, connectionId, revision));
    this.#connector = connectors[this.connection.kind];
    for (const watch of this.#watches)
      if (!this.#left) await this.#connector.watch(this.connection, watch);
    if (!this.#left) return { ok: true };
    // Left while it was subscribed: what came to stand only then is still to be ended.
    this.leave();
    return { ok: false, message: 'The watch was ended.' };
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
