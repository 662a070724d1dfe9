import { FetchFailure } from './fetch-failure.js';

/** Milliseconds for which a failure is answered again without asking. */
const FAILED_FOR = { passing: 10_000, lasting: 60_000 };

export interface Known<Value> {
  value: Value;
  /** Milliseconds since 1970. */
  fetchedAt: number;
  freshUntil: number;
}

type Entry<Value> = Known<Value> | { failure: FetchFailure; freshUntil: number };

/**
 * What this process has fetched, by address: bounded in number, failures included, and one fetch at a
 * time for each address however many ask.
 */
export class Remembered<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #underWay = new Map<string, Promise<Known<Value>>>();

  constructor(readonly max: number) {}

  /** What is known and fresh. Throws the failure that is. */
  fresh(key: string): Known<Value> | undefined {
    const entry = this.#entries.get(key);
    if (!entry || entry.freshUntil <= Date.now()) return undefined;
    if ('failure' in entry) throw entry.failure;
    return entry;
  }

  keep(key: string, known: Known<Value>): void {
    this.#set(key, known);
  }

  /** Runs `load` once for all who ask meanwhile, and keeps what became of it. */
  load(key: string, load: () => Promise<Known<Value>>): Promise<Known<Value>> {
    let underWay = this.#underWay.get(key);
    if (!underWay) {
      underWay = load()
        .then((known) => {
          this.#set(key, known);
          return known;
        })
        .catch((error: unknown) => {
          if (error instanceof FetchFailure) {
            const freshUntil = Date.now() + FAILED_FOR[error.kind];
            this.#set(key, { failure: error, freshUntil });
          }
          throw error;
        })
        .finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, underWay);
    }
    return underWay;
  }

  isUnderWay(key: string): boolean {
    return this.#underWay.has(key);
  }

  #set(key: string, entry: Entry<Value>): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    // The oldest goes; what is asked for often is fetched again soon enough.
    if (this.#entries.size > this.max) this.#entries.delete(this.#entries.keys().next().value!);
  }
}
