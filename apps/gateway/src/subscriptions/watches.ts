import type { WatchAnswer, WatchRequest } from '@conducktor/contracts';
import type { Workers } from '../workers/workers.js';
import type { Caller } from '../tool-call/types.js';
import type { ConnectionEntry } from '../workspace/types.js';
import { SharedWatch, type WatchListener } from './shared-watch.js';

export interface WatchHandle {
  answer: Promise<WatchAnswer>;
  close(): void;
}

/** The watches of this process, each shared by all who listen to the same. */
export class Watches {
  readonly #shared = new Map<string, SharedWatch>();

  constructor(private readonly workers: Pick<Workers, 'watch'>) {}

  /** What a connection's lists tell; one watch for all members, since it reads nothing of theirs. */
  lists(caller: Caller, connection: ConnectionEntry, listener: WatchListener): WatchHandle {
    return this.#join(['lists'], requestOf(caller, connection, { lists: true }), listener);
  }

  /** One resource, in the member's own session at the upstream. `uri` is the upstream's own. */
  resource(
    caller: Caller,
    connection: ConnectionEntry,
    uri: string,
    listener: WatchListener,
  ): WatchHandle {
    const request = requestOf(caller, connection, { uris: [uri] });
    return this.#join(['resource', caller.member.id, uri], request, listener);
  }

  get open(): number {
    return this.#shared.size;
  }

  stop(): void {
    for (const shared of this.#shared.values()) shared.end();
  }

  #join(what: string[], request: WatchRequest, listener: WatchListener): WatchHandle {
    const { tenantId, connectionId, revision } = request;
    const key = JSON.stringify([tenantId, connectionId, revision, ...what]);
    let shared = this.#shared.get(key);
    if (!shared) {
      shared = new SharedWatch(this.workers, request, () => this.#shared.delete(key));
      this.#shared.set(key, shared);
    }
    const joined = shared;
    joined.add(listener);
    return { answer: joined.answer, close: () => joined.remove(listener) };
  }
}

function requestOf(
  { workspace, member }: Caller,
  { id, revision, timeoutMs }: ConnectionEntry,
  what: { lists?: boolean; uris?: string[] },
): WatchRequest {
  return {
    tenantId: workspace.tenantId,
    memberId: member.id,
    connectionId: id,
    revision,
    lists: what.lists ?? false,
    uris: what.uris ?? [],
    timeoutMs,
  };
}
