import type { UpstreamWatch } from '../connector.js';

/** Which watches want which URI: a URI is subscribed once, for the first, until the last has gone. */
export class Subscriptions {
  readonly watches = new Set<UpstreamWatch>();
  readonly #uris = new Map<string, { watches: Set<UpstreamWatch>; ready: Promise<void> }>();

  get uris(): string[] {
    return [...this.#uris.keys()];
  }

  /** Resolves when all of its URIs are subscribed; when one is refused, none of them is kept for it. */
  async add(watch: UpstreamWatch, subscribe: (uri: string) => Promise<void>): Promise<void> {
    this.watches.add(watch);
    await Promise.all(
      watch.uris.map((uri) => {
        let entry = this.#uris.get(uri);
        if (!entry) {
          entry = { watches: new Set(), ready: subscribe(uri) };
          this.#uris.set(uri, entry);
        }
        entry.watches.add(watch);
        return entry.ready;
      }),
    );
  }

  /** The URIs that nobody wants any more. */
  remove(watch: UpstreamWatch): string[] {
    this.watches.delete(watch);
    const left: string[] = [];
    for (const uri of watch.uris) {
      const entry = this.#uris.get(uri);
      if (!entry?.watches.delete(watch) || entry.watches.size > 0) continue;
      this.#uris.delete(uri);
      left.push(uri);
    }
    return left;
  }

  /** To everyone who asked for this URI, or for one above it: a server may name a part (2025-11-25). */
  updated(params: Record<string, unknown>): void {
    const { uri } = params;
    if (typeof uri !== 'string') return;
    const exact = this.#uris.get(uri);
    if (exact) for (const watch of exact.watches) watch.updated(uri, params);
    else
      for (const [parent, { watches }] of this.#uris)
        if (isBelow(uri, parent)) for (const watch of watches) watch.updated(parent, params);
  }

  gap(): void {
    for (const watch of this.watches) watch.gap();
  }

  end(reason: string): void {
    const all = [...this.watches];
    this.watches.clear();
    this.#uris.clear();
    for (const watch of all) watch.end(reason);
  }
}

/** "The URI might be a sub-resource of the one that the client actually subscribed to." */
const isBelow = (uri: string, parent: string): boolean =>
  uri.startsWith(parent.endsWith('/') ? parent : `${parent}/`);
