import type { Dispatcher } from 'undici';
import { UpstreamFailure } from '../connector.js';
import { notReachable } from '../http/failures.js';
import { HttpExchange, type HttpReply, type HttpTarget } from '../http/http-exchange.js';
import { type Message, readMessages } from '../mcp/messages.js';
import { endpointOf } from './endpoint.js';
import { EventStream } from './event-stream.js';

/** What nobody waits for; more of it within the window than this is a flood. */
const FLOOD = { messages: 20_000, characters: 64 * 1024 * 1024, windowMs: 10_000 };
/** Messages without an answer under way at once; more are not sent. */
const MAX_TELLING = 64;
const TELL_MS = 5_000;
/** A server may keep a POST open until it has answered by the stream, and a little longer. */
const LINGER_MS = 1_000;

/** The answer by the stream, or the refusal of the POST itself. */
export type Outcome =
  | Extract<Message, { kind: 'result' | 'error' }>
  | { kind: 'refused'; reply: HttpReply };

interface Waiting {
  sent: boolean;
  resolve(outcome: Outcome): void;
  reject(error: UpstreamFailure): void;
  /** Ends the POST, which a server may leave without a reply for ever. */
  leave(): void;
}

export interface SsePeerOptions {
  /** For the stream, which keeps its connection for as long as it is open. */
  streams: Dispatcher;
  posts: Dispatcher;
  url: URL;
  /** Of every request, name and value by turns. */
  headers: readonly string[];
  /** Requests and notifications of the server; true when somebody waited for it. */
  onMessage(message: Extract<Message, { kind: 'request' | 'notification' }>): boolean;
  onEnd(): void;
}

/** JSON-RPC by HTTP with SSE (MCP 2024-11-05): we post, the server speaks by one stream of events. */
export class SsePeer {
  /** Resolves when the server has said where to post; rejects when the stream ends before. */
  readonly ready: Promise<void>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #stream: EventStream;
  #headers: string[];
  #target: HttpTarget | undefined;
  #ended: UpstreamFailure | undefined;
  #telling = 0;
  #strays = { messages: 0, characters: 0, since: 0 };
  #settle!: { resolve(): void; reject(error: UpstreamFailure): void };

  constructor(private readonly options: SsePeerOptions) {
    const { url, headers, streams } = options;
    this.#headers = [...headers, 'content-type', 'application/json'];
    this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.ready.catch(() => {});
    this.#stream = new EventStream({
      dispatcher: streams,
      target: { origin: url.origin, path: url.pathname + url.search },
      headers: [...headers],
      onEvent: (type, data) => this.#onEvent(type, data),
      onEnd: (failure) => this.#onEnd(failure),
    });
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  get inFlight(): number {
    return this.#waiting.size;
  }

  /** From now on the version is told with every POST. */
  negotiated(version: string): void {
    this.#headers = [...this.#headers, 'mcp-protocol-version', version];
  }

  /**
   * Posts a request and waits for its answer. Rejects with UpstreamFailure: `unavailable` when it was
   * not sent, `unknown` when it was and the answer was lost.
   */
  request(id: number, body: string, onSent: () => void = () => {}): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      const leave = (): void => {
        // What still waits for a connection must not be sent any more.
        if (waiting.sent) setTimeout(() => post.abort(), LINGER_MS).unref();
        else post.abort();
      };
      const waiting: Waiting = {
        sent: false,
        resolve: (outcome) => (resolve(outcome), leave()),
        reject: (error) => (reject(error), leave()),
        leave,
      };
      this.#waiting.set(id, waiting);
      const post = this.#post(body, () => {
        waiting.sent = true;
        onSent();
      });
      post.reply.then(
        (reply) => {
          // Accepted: the answer comes, or came, by the stream.
          if (!reply.broken && !reply.tooLarge && reply.status < 300) return;
          if (!this.#waiting.delete(id)) return;
          if (reply.broken)
            reject(lost('The connection to the server was lost; whether it acted is not known.'));
          else resolve({ kind: 'refused', reply });
        },
        (error: Error) => this.#waiting.delete(id) && reject(notReachable(error)),
      );
    });
  }

  /** Nobody waits for this request any more; a late answer is ignored. */
  forget(id: number): void {
    this.#waiting.get(id)?.leave();
    this.#waiting.delete(id);
  }

  /** Posts a message that has no answer; it is lost when the server cannot take it. */
  tell(body: string): void {
    if (this.#ended || this.#telling >= MAX_TELLING) return;
    this.#telling++;
    void this.post(body, TELL_MS)
      .catch(() => {})
      .finally(() => this.#telling--);
  }

  /** Posts a message that has no answer; resolves with what HTTP says of it. */
  async post(body: string, ms: number): Promise<HttpReply> {
    if (this.#ended) throw this.#ended;
    const exchange = this.#post(body);
    const late = setTimeout(() => exchange.abort(), Math.max(0, ms));
    try {
      return await exchange.reply;
    } catch (error) {
      throw notReachable(error as Error);
    } finally {
      clearTimeout(late);
    }
  }

  close(reason = 'The session was closed.'): void {
    this.#stream.close(new UpstreamFailure('unavailable', reason));
  }

  #post(body: string, onSent?: () => void): HttpExchange {
    return new HttpExchange({
      dispatcher: this.options.posts,
      target: this.#target!,
      method: 'POST',
      headers: this.#headers,
      body,
      id: undefined,
      ...(onSent && { onSent }),
    });
  }

  #onEvent(type: string, data: string): void {
    if (type === 'endpoint') return this.#onEndpoint(data);
    const messages = type === 'message' ? readMessages(data) : [];
    if (messages.length === 0) return this.#stray(data.length);
    for (const message of messages) if (!this.#take(message)) this.#stray(data.length);
  }

  // Named once; a server that changes its mind is a server that can be made to.
  #onEndpoint(data: string): void {
    if (this.#target) return this.#stray(data.length);
    try {
      this.#target = endpointOf(this.options.url, data);
      this.#settle.resolve();
    } catch (error) {
      this.#stream.close(error as UpstreamFailure);
    }
  }

  #take(message: Message): boolean {
    if (message.kind === 'request' || message.kind === 'notification')
      return this.#target !== undefined && this.options.onMessage(message);
    const waiting = typeof message.id === 'number' ? this.#waiting.get(message.id) : undefined;
    // An answer to what was not written yet is made up.
    if (!waiting?.sent) return false;
    this.#waiting.delete(message.id as number);
    waiting.resolve(message);
    return true;
  }

  #stray(characters: number): void {
    const now = Date.now();
    if (now - this.#strays.since > FLOOD.windowMs)
      this.#strays = { messages: 0, characters: 0, since: now };
    this.#strays.characters += characters;
    if (++this.#strays.messages > FLOOD.messages || this.#strays.characters > FLOOD.characters)
      this.close('The server flooded its stream with messages that nobody asked for.');
  }

  #onEnd(failure: UpstreamFailure): void {
    this.#ended = failure;
    this.#settle.reject(failure);
    for (const waiting of this.#waiting.values()) {
      waiting.reject(
        waiting.sent
          ? lost(`${failure.message.replace(/\.$/, '')}; whether it acted is not known.`)
          : failure,
      );
    }
    this.#waiting.clear();
    this.options.onEnd();
  }
}

const lost = (message: string): UpstreamFailure => new UpstreamFailure('unknown', message);
