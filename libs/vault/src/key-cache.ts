import type { KeyObject } from 'node:crypto';

/**
 * Unwrapped keys of the most recently used tenants and people, and the loads under way for them.
 * Bounded: the oldest entry leaves when `limit` is passed.
 */
export class KeyCache {
  private readonly keys = new Map<string, KeyObject>();
  private readonly loading = new Map<string, Promise<KeyObject>>();

  constructor(private readonly limit = 10_000) {}

  peek(id: string): KeyObject | undefined {
    return this.keys.get(id);
  }

  async get(id: string, load: () => Promise<KeyObject>): Promise<KeyObject> {
    const known = this.keys.get(id);
    if (known) return known;
    let pending = this.loading.get(id);
    if (!pending) {
      pending = load()
        .then((key) => {
          if (this.keys.size >= this.limit) {
            const [oldest] = this.keys.keys();
            if (oldest !== undefined) this.keys.delete(oldest);
          }
          this.keys.set(id, key);
          return key;
        })
        .finally(() => this.loading.delete(id));
      this.loading.set(id, pending);
    }
    return pending;
  }
}
