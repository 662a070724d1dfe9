import { ConducktorError, type UpstreamEvent } from '@conducktor/contracts';
import type { GovernedDeps } from '../governed.js';
import type { ListenInput, Subscription } from '../mcp/ports.js';
import { authenticate } from '../tool-call/authenticate.js';
import type { Caller } from '../tool-call/types.js';
import { viewFor } from '../tool-call/view-for.js';
import { atMostEvery, oneAtATime } from './pace.js';
import { seenLists, type List, type SeenLists } from './seen-lists.js';
import type { WatchHandle } from './watches.js';

const LISTS: readonly List[] = ['tools', 'prompts', 'resources'];
// A client lists again on each event; a server that changes all the time is not to make it do that.
const GAP_MS = 1_000;
// The database cannot be asked what is shown now.
const ASK_AGAIN_MS = 1_000;

/** What one listener hears of its lists. Ends silently when its caller may not be here any more. */
export class ListWatch implements Subscription {
  #seen: SeenLists;
  /** By connection and revision. */
  readonly #handles = new Map<string, WatchHandle>();
  readonly #tell: Map<List, ReturnType<typeof atMostEvery>>;
  readonly #stopListening: () => void;
  readonly #check = oneAtATime(() => this.#lookAgain());
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    private readonly deps: GovernedDeps,
    private readonly input: ListenInput,
    caller: Caller,
  ) {
    this.#tell = new Map(
      LISTS.map((list) => [
        list,
        atMostEvery(GAP_MS, () => input.onEvent({ kind: 'list-changed', list })),
      ]),
    );
    this.#seen = seenLists(caller);
    this.#follow(caller);
    this.#stopListening = deps.workspaces.onChange(caller.workspace.tenantId, this.#check);
    // The workspace may have changed since it was read, before anybody listened.
    this.#check();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#stopListening();
    for (const teller of this.#tell.values()) teller.stop();
    for (const handle of this.#handles.values()) handle.close();
    this.#handles.clear();
  }

  async #lookAgain(): Promise<void> {
    if (this.#closed) return;
    try {
      const caller = await authenticate(this.deps, this.input.context);
      if (this.#closed) return;
      const before = this.#seen;
      this.#seen = seenLists(caller);
      this.#follow(caller);
      for (const list of LISTS)
        if (before.prints[list] !== this.#seen.prints[list]) this.#tell.get(list)!.ask();
    } catch (error) {
      // Whoever may not be here any more is told so when they ask for anything.
      if (!(error instanceof ConducktorError && error.code === 'governance_unavailable'))
        return this.close();
      clearTimeout(this.#retry);
      this.#retry = setTimeout(this.#check, ASK_AGAIN_MS).unref();
    }
  }

  /** Watches the upstreams of what this caller sees now, and no others. */
  #follow(caller: Caller): void {
    const { from } = this.#seen;
    const wanted = new Map(
      viewFor(caller)
        .connections.filter(({ id, capabilities }) =>
          // A change of tools is not told here: its worker hears of it, and renews the catalogue.
          LISTS.some((list) => from[list].has(id) && tellsOf(capabilities[list])),
        )
        .map((connection) => [`${connection.id} ${connection.revision}`, connection]),
    );
    for (const [key, handle] of this.#handles) {
      if (wanted.has(key)) continue;
      this.#handles.delete(key);
      handle.close();
    }
    for (const [key, connection] of wanted) {
      if (this.#handles.has(key)) continue;
      const handle = this.deps.watches.lists(caller, connection, {
        onEvent: (event) => this.#heard(connection.id, event),
        // It tells nothing of its lists; what changes in the workspace is told all the same.
        onRefused: () => {},
      });
      this.#handles.set(key, handle);
    }
  }

  #heard(connectionId: string, event: UpstreamEvent): void {
    if (event.kind === 'resource-updated') return;
    for (const list of ['prompts', 'resources'] as const) {
      if (event.kind === 'list-changed' && event.list !== list) continue;
      this.deps.pages.drop(connectionId, list);
      if (this.#seen.from[list].has(connectionId)) this.#tell.get(list)!.ask();
    }
  }
}

/** Whether a server says that it tells of changes of this list. */
function tellsOf(capability: unknown): boolean {
  return (capability as { listChanged?: unknown } | undefined)?.listChanged === true;
}
