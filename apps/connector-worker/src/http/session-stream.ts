import type { HttpExchange } from './http-exchange.js';

/** The first event may be long in coming, but a server that has a stream says so at once. */
const OPEN_MS = 1_000;
const BACKOFF_MS = { first: 250, most: 30_000 };
/** Refusals in a row of a stream that stood before. */
const MAX_REFUSALS = 8;
/** A stream that stood this long is healthy: the next end counts as the first. */
const HEALTHY_MS = 60_000;

export interface SessionStreamOptions {
  exchange(headers: string[], onOpen: (status: number) => void): HttpExchange;
  /** The stream stands again; what was said meanwhile is lost. */
  onGap(): void;
  /** The server does not know the session any more, or does not give its stream back; it has stopped. */
  onLost(): void;
}

/** What a legacy server says outside of calls (GET): one stream for each session, kept up. */
export class SessionStream {
  /** Whether the server has such a stream, as far as it has said. */
  readonly opened: Promise<boolean>;
  #opened!: (open: boolean) => void;
  #exchange: HttpExchange | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #stood = false;
  #refusals = 0;
  #stopped = false;

  constructor(private readonly options: SessionStreamOptions) {
    this.opened = new Promise((resolve) => (this.#opened = resolve));
    setTimeout(() => this.#opened(true), OPEN_MS).unref();
    void this.#run(undefined, false);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#opened(false);
    this.#exchange?.abort();
  }

  async #run(lastEventId: string | undefined, again: boolean): Promise<void> {
    const startedAt = Date.now();
    const headers = lastEventId === undefined ? [] : ['last-event-id', lastEventId];
    const exchange = this.options.exchange(headers, (status) => {
      if (status !== 200) return;
      this.#stood = true;
      this.#refusals = 0;
      this.#opened(true);
      // With the id of the last event the server sends again what was missed.
      if (again && lastEventId === undefined) this.options.onGap();
    });
    this.#exchange = exchange;
    const reply = await exchange.reply.catch(() => undefined);
    if (this.#stopped) return;
    if (reply && reply.status >= 400 && reply.status < 500) {
      // 405, or 404 where GET has no route: a server that says nothing outside of calls.
      if (!this.#stood) return this.#end();
      // It may not have noticed yet that the stream before this one broke (409), or be busy (429).
      if (reply.status === 404 || ++this.#refusals >= MAX_REFUSALS)
        return this.#end(() => this.options.onLost());
    }
    if (Date.now() - startedAt > HEALTHY_MS) this.#failures = 0;
    const wait = Math.min(BACKOFF_MS.first * 2 ** this.#failures++, BACKOFF_MS.most);
    const asked = reply?.resume?.retryMs ?? 0;
    // An id that the server no longer knows must not keep the stream from coming back.
    const next = reply?.resume?.lastEventId ?? (reply?.status === 200 ? lastEventId : undefined);
    this.#retry = setTimeout(
      () => void this.#run(next, true),
      Math.max(Math.min(asked, BACKOFF_MS.most), wait * (0.5 + Math.random() / 2)),
    ).unref();
  }

  #end(then?: () => void): void {
    this.#stopped = true;
    this.#opened(false);
    then?.();
  }
}
