/** Characters; anything shorter is sent at once. */
export const LARGE = 256 * 1024;
/** Characters that wait: of one tenant, and of all. */
const MAX_OF_TENANT = 64 * 1024 * 1024;
const MAX_OF_ALL = 256 * 1024 * 1024;

interface Waiting {
  size: number;
  send(): void;
}

/**
 * Large results that wait until a connection has sent what it was given, so that the small answers of
 * everybody else are never far behind. Tenants take turns; nobody can fill the memory.
 */
export class LargeResults {
  /** In the order in which tenants are next. */
  readonly #queues = new Map<string, Waiting[]>();
  #size = 0;

  get any(): boolean {
    return this.#queues.size > 0;
  }

  /** False when too much waits already. */
  add(tenantId: string, size: number, send: () => void): boolean {
    const queue = this.#queues.get(tenantId) ?? [];
    const ofTenant = queue.reduce((sum, waiting) => sum + waiting.size, 0);
    if (ofTenant + size > MAX_OF_TENANT || this.#size + size > MAX_OF_ALL) return false;
    this.#size += size;
    queue.push({ size, send });
    this.#queues.set(tenantId, queue);
    return true;
  }

  /** Sends the next one, if any. */
  next(): void {
    const [entry] = this.#queues;
    if (!entry) return;
    const [tenantId, queue] = entry;
    const { size, send } = queue.shift()!;
    this.#size -= size;
    this.#queues.delete(tenantId);
    if (queue.length > 0) this.#queues.set(tenantId, queue);
    send();
  }

  clear(): void {
    this.#queues.clear();
    this.#size = 0;
  }
}
