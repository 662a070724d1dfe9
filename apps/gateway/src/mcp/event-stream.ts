/**
 * An event stream (WHATWG HTML, server-sent events) that lasts: of a session, of the 2024-11-05
 * transport, or of `subscriptions/listen`. What it may hold for a reader that is slow is bounded;
 * beyond that the connection is closed, and the client comes back.
 */
import type { ServerResponse } from 'node:http';
import { eventText, markText, STREAM_HEADERS, type ReplyHeaders } from './reply.js';
import { dropWhenStalled } from './slow-readers.js';

/** Since when an event with an id and no data is understood; older clients parse it as JSON. */
export const PRIMED_SINCE = '2025-11-25';
/** Proxies in between drop silent connections, commonly after 30 to 60 seconds. */
const KEEP_ALIVE_MS = 15_000;
/** Held unsent when the next message comes; one message more is the most there can be. */
const MAX_BACKLOG_BYTES = 4 * 1024 * 1024;
/** Beyond it nothing is added that can be left out. */
const MAX_HINT_BACKLOG_BYTES = 256 * 1024;

export interface EventStreamOptions {
  headers: ReplyHeaders;
  keepAliveMs?: number;
  /** Begins every event id; absent: events have no ids. */
  idPrefix?: string;
}

export class EventStream {
  private readonly keepAlive: NodeJS.Timeout;
  private events = 0;

  constructor(
    private readonly response: ServerResponse,
    private readonly options: EventStreamOptions,
  ) {
    response.writeHead(200, { ...STREAM_HEADERS, ...options.headers });
    response.flushHeaders();
    const keepAliveMs = options.keepAliveMs ?? KEEP_ALIVE_MS;
    this.keepAlive = setInterval(() => this.sayStillHere(), keepAliveMs).unref();
    dropWhenStalled(response, 2 * keepAliveMs);
    response.once('close', () => clearInterval(this.keepAlive));
  }

  get isOpen(): boolean {
    return !this.response.destroyed && !this.response.writableEnded;
  }

  /** Called once, whoever closes it; at once when it is closed already. */
  onClose(closed: () => void): void {
    if (this.response.destroyed || this.response.closed) return closed();
    this.response.once('close', closed);
  }

  /** A JSON-RPC message. JSON has no line breaks, so one `data` line carries it. */
  send(text: string): void {
    this.event('message', text);
  }

  /** The same for what may be left out, such as progress: it is, while the client is behind. */
  hint(text: string): void {
    if (this.response.writableLength <= MAX_HINT_BACKLOG_BYTES) this.send(text);
  }

  event(name: string, data: string): void {
    this.write(`event: ${name}\n${this.nextId()}data: ${data}\n\n`);
  }

  /** An event id to come back with, before there is anything to tell (2025-11-25, transports). */
  prime(retryMs: number): void {
    this.write(`${this.nextId()}retry: ${retryMs}\ndata: \n\n`);
  }

  /** The same with an id that says more than where the stream broke. */
  mark(id: string, retryMs?: number): void {
    this.write(markText(id, retryMs));
  }

  end(lastText?: string): void {
    clearInterval(this.keepAlive);
    if (!this.isOpen) return;
    if (lastText !== undefined) this.send(lastText);
    this.response.end();
  }

  /** Ends with a message under an id of its own; `left` is called when all of it has left. */
  endAs(id: string, text: string, left?: () => void): void {
    clearInterval(this.keepAlive);
    if (!this.isOpen) return;
    if (left) this.response.once('finish', left);
    this.response.end(eventText(text, id));
  }

  private nextId(): string {
    const { idPrefix } = this.options;
    return idPrefix === undefined ? '' : `id: ${idPrefix}.${++this.events}\n`;
  }

  private write(text: string): void {
    const { response } = this;
    if (!this.isOpen) return;
    if (response.writableLength > MAX_BACKLOG_BYTES) response.destroy();
    else response.write(text);
  }

  /** While there is something unsent, that says enough; a reader that takes none of it is dropped. */
  private sayStillHere(): void {
    const { response } = this;
    if (this.isOpen && !response.writableNeedDrain) response.write(': keep-alive\n\n');
  }
}
