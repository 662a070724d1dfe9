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
  /** Open subscriptions by member. */
  readonly #ofMember = new Map<string, number>();

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
    const { id } = caller.member;
    const request = requestOf(caller, connection, { uris: [uri] });
    const handle = this.#join(['resource', id, uri], request, listener);
    this.#ofMember.set(id, this.openOf(caller) + 1);
    let open = true;
    return {
      answer: handle.answer,
      close: () => {
        if (!open) return;
        open = false;
        const left = this.openOf(caller) - 1;
        if (left > 0) this.#ofMember.set(id, left);
        else this.#ofMember.delete(id);
        handle.close();
      },
    };
  }

  /** How many resources this member listens to in this process. */
  openOf({ member }: Caller): number {
    return this.#ofMember.get(member.id) ?? 0;
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
