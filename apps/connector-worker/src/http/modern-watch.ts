import {
  type ListName,
  SubscriptionRefused,
  UpstreamFailure,
  type UpstreamWatch,
} from '../connector.js';
import { changedList } from '../mcp/during-call.js';
import { isObject, type Message, requestText } from '../mcp/messages.js';
import { Subscriptions } from '../mcp/subscriptions.js';
import { METHOD_NOT_FOUND, MODERN_META } from '../mcp/versions.js';
import { notReachable, withoutAnswer } from './failures.js';
import type { HttpExchange, HttpReply } from './http-exchange.js';
import type { Exchange } from './legacy-session.js';
import { modernHeaders } from './modern-headers.js';

const METHOD = 'subscriptions/listen';
const BACKOFF_MS = { first: 250, most: 30_000 };
/** Attempts in a row after which whoever listens must ask again: it may be another server by now. */
const MAX_FAILURES = 8;
const HEALTHY_MS = 60_000;

export interface ModernWatchDeps {
  longExchange: Exchange;
  nextId: () => number;
  handshakeMs: number;
  onListChanged: (list: ListName) => void;
}

interface Listening {
  exchange: HttpExchange;
  uris: string;
  /** What the server said that it will tell; empty when it offers nothing of the kind. */
  acknowledged: Promise<Record<string, unknown>>;
  startedAt: number;
  ended: boolean;
}

/**
 * `subscriptions/listen` of 2026-07-28 for one member, or for the lists of a connection: one stream for
 * all URIs. As a stream's URIs are fixed when it is opened, another is opened before the old one is left.
 */
export class ModernWatch {
  readonly #subscriptions = new Subscriptions();
  #current: Listening | undefined;
  #opening: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #closed = false;

  constructor(
    private readonly deps: ModernWatchDeps,
    private readonly memberId: string,
  ) {}

  get empty(): boolean {
    return this.#subscriptions.watches.size === 0;
  }

  /** A group that was left is not taken up again. */
  get closed(): boolean {
    return this.#closed;
  }

  async add(watch: UpstreamWatch): Promise<void> {
    try {
      await this.#subscriptions.add(watch, (uri) => this.#hears(uri));
      if (watch.uris.length === 0) await this.#renew();
    } catch (error) {
      this.remove(watch);
      throw error;
    }
  }

  remove(watch: UpstreamWatch): void {
    const left = this.#subscriptions.remove(watch);
    if (this.empty) return this.close();
    if (left.length > 0) void this.#renew().catch(() => {});
  }

  end(reason: string): void {
    this.close();
    this.#subscriptions.end(reason);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#current?.exchange.abort();
    this.#current = undefined;
  }

  async #hears(uri: string): Promise<void> {
    // The URIs of one turn go together.
    await Promise.resolve();
    await this.#renew();
    const told = await this.#current?.acknowledged;
    const heard = told?.['resourceSubscriptions'];
    if (!Array.isArray(heard) || !heard.includes(uri))
      throw new SubscriptionRefused({
        code: METHOD_NOT_FOUND,
        message: 'The server does not offer subscriptions to this resource.',
      });
  }

  /** Makes the stream hear exactly what is wanted now. */
  async #renew(): Promise<void> {
    while (!this.#closed && this.#current?.uris !== this.#wanted()) {
      this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
      await this.#opening;
    }
  }

  #wanted(): string {
    return JSON.stringify(this.#subscriptions.uris);
  }

  async #open(): Promise<void> {
    const before = this.#current;
    const next = this.#listen();
    let told: Record<string, unknown>;
    try {
      told = await next.acknowledged;
    } catch (error) {
      next.exchange.abort();
      throw error;
    }
    if (this.#closed) return next.exchange.abort();
    clearTimeout(this.#retry);
    this.#current = next;
    before?.exchange.abort();
    // A server that has nothing to tell ends the stream behind its answer, and is not asked again.
    if (Object.keys(told).length === 0) next.ended = true;
    else if (next.ended) this.#ended(next);
  }

  #listen(): Listening {
    const id = this.deps.nextId();
    const { uris } = this.#subscriptions;
    const notifications =
      this.memberId === '' && uris.length === 0
        ? { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true }
        : { resourceSubscriptions: uris };
    const {
      promise: acknowledged,
      resolve,
      reject,
    } = Promise.withResolvers<Record<string, unknown>>();
    const exchange = this.deps.longExchange({
      method: 'POST',
      headers: modernHeaders(METHOD),
      body: requestText(id, METHOD, JSON.stringify({ notifications, _meta: MODERN_META })),
      id,
      onMessage: (message) => {
        if (message.kind !== 'notification') return;
        const { notifications: filter } = message.params;
        if (message.method === 'notifications/subscriptions/acknowledged')
          resolve(isObject(filter) ? filter : {});
        else this.#heard(message);
      },
    });
    const late = setTimeout(
      () => reject(new UpstreamFailure('unavailable', 'The server did not answer in time.')),
      this.deps.handshakeMs,
    );
    acknowledged.catch(() => {}).finally(() => clearTimeout(late));
    const listening: Listening = {
      exchange,
      uris: JSON.stringify(uris),
      acknowledged,
      startedAt: Date.now(),
      ended: false,
    };
    exchange.reply
      .then(
        (reply) => {
          const refusal = refusalOf(reply, this.memberId === '');
          if (refusal) reject(refusal);
          else resolve({});
        },
        (error: Error) => reject(notReachable(error)),
      )
      .finally(() => {
        if (listening.ended) return;
        listening.ended = true;
        if (this.#current === listening) this.#ended(listening);
      });
    return listening;
  }

  #heard(message: Extract<Message, { kind: 'notification' }>): void {
    const list = changedList(message.method);
    if (list) this.deps.onListChanged(list);
    else if (message.method === 'notifications/resources/updated')
      this.#subscriptions.updated(message.params);
  }

  #ended({ startedAt }: Pick<Listening, 'startedAt'>): void {
    if (this.#closed) return;
    this.#current = undefined;
    if (Date.now() - startedAt > HEALTHY_MS) this.#failures = 0;
    if (this.#failures >= MAX_FAILURES) return this.end('The server cannot be reached any more.');
    const wait = Math.min(BACKOFF_MS.first * 2 ** this.#failures++, BACKOFF_MS.most);
    const again = (): Promise<void> =>
      this.#renew().then(
        () => this.#subscriptions.gap(),
        (error: unknown) =>
          error instanceof SubscriptionRefused
            ? this.end('The server refuses a subscription that it had accepted before.')
            : this.#ended({ startedAt: Date.now() }),
      );
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void again(), wait * (0.5 + Math.random() / 2)).unref();
  }
}

/**
 * Why there is no stream; undefined when the server ended it well. For lists alone a refusal is no
 * failure: a server that tells of no changes is still one that can be called.
 */
function refusalOf(reply: HttpReply, onlyLists: boolean): Error | undefined {
  const { answer, status } = reply;
  if (answer?.kind === 'result' || (onlyLists && status >= 400 && status < 500)) return undefined;
  if (answer?.kind === 'error')
    return onlyLists ? undefined : new SubscriptionRefused(answer.error);
  return withoutAnswer(reply);
}
