/**
 * One HTTP answer: JSON, or an event stream that opens only when there is something to stream. Until
 * it opens, the answer may still have its own HTTP status and headers (a 403 challenge needs them).
 */
import type { ServerResponse } from 'node:http';
import { answeredId } from '../sessions/post-stream-ids.js';
import type { RequestId } from './json-rpc.js';
import type { Outlet } from './outlet.js';
import type { PostStream } from './resumption/post-streams.js';

export type ReplyHeaders = Record<string, string>;

export interface RpcReply {
  status: number;
  /** Serialised JSON-RPC; empty for 202 and 204. */
  text: string;
  /** The same as `text`, ready to be written. */
  bytes?: readonly Buffer[];
  headers?: ReplyHeaders;
}

/** The answer with a result that is kept as bytes: it is copied for streams and batches only. */
export function readyResult(id: RequestId, result: Buffer): RpcReply {
  return new ReadyReply([
    Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`),
    result,
    END,
  ]);
}

const END = Buffer.from('}');

class ReadyReply implements RpcReply {
  readonly status = 200;
  constructor(readonly bytes: readonly Buffer[]) {}

  get text(): string {
    return Buffer.concat(this.bytes).toString();
  }
}

/** Proxies in between drop silent connections, commonly after 30 to 60 seconds. */
const KEEP_ALIVE_MS = 15_000;

/** Log messages held for a client that does not read. */
const MAX_NOTES = 64;

/** After this a client whose stream broke is to come back. */
export const RETRY_MS = 1_000;

export const STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

export interface ReplyOptions {
  /** The client accepts `text/event-stream`. */
  canStream: boolean;
  /** The client accepts nothing else. */
  mustStream: boolean;
  /** Sent with every answer: CORS. */
  headers: ReplyHeaders;
  keepAliveMs?: number;
}

/**
 * A class for its speed: a getter in an object literal makes a hidden class per request, which only a
 * full collection frees; that cost 10 µs a call.
 */
export class Reply implements Outlet {
  private streaming = false;
  private newest: string | undefined;
  private notes: string[] | undefined;
  private keepAlive: NodeJS.Timeout | undefined;
  private resumable: ((hangUp: () => void) => PostStream | undefined) | undefined;
  private post: PostStream | undefined;
  private watch: ((expire: (why: string, text: string) => void) => () => void) | undefined;
  private lost: Set<() => void> | undefined;
  over: string | undefined;

  constructor(
    private readonly response: ServerResponse,
    private readonly options: ReplyOptions,
  ) {
    if (options.canStream) this.keepAliveLater();
  }

  get canStream(): boolean {
    return this.options.canStream;
  }

  /**
   * Should the answer become a stream, it begins with an event id by which the client can come back for
   * what is still to come (2025-11-25, transports). An answer without a stream has no use for it.
   */
  resumeBy(open: (hangUp: () => void) => PostStream | undefined): void {
    this.resumable = open;
  }

  /**
   * Should the answer become a stream, `watch` is to end it when the right to it ends, with the text of
   * an error as its answer; it returns what takes that back. Called once, and not for a plain answer.
   */
  endBy(watch: (expire: (why: string, text: string) => void) => () => void): void {
    this.watch = watch;
  }

  /** Sends a notification ahead of the answer. Lossy: while the client does not read, only the newest is kept. */
  notify(text: string): void {
    const { response } = this;
    if (!this.options.canStream) return;
    if (this.post?.hasMoved) return this.post.send(text);
    this.open();
    if (!response.writableNeedDrain) return this.write(text);
    this.flushLater();
    this.newest = text;
  }

  note(text: string): void {
    if (!this.options.canStream) return;
    if (this.post?.hasMoved) return this.post.send(text);
    this.open();
    if (!this.response.writableNeedDrain) return this.write(text);
    this.flushLater();
    this.notes ??= [];
    if (this.notes.length < MAX_NOTES) this.notes.push(text);
  }

  ask(text: string): boolean | Promise<boolean> {
    const { response } = this;
    if (!this.options.canStream) return false;
    if (this.post?.hasMoved) return this.post.ask(text);
    this.open();
    if (!this.streaming || response.destroyed || response.writableEnded) return false;
    response.write(eventText(text));
    return true;
  }

  onLost(lost: () => void): () => void {
    const { response } = this;
    if (this.post?.hasMoved) return this.post.onLost(lost);
    const closed = () => {
      if (!response.writableEnded) lost();
    };
    if (response.destroyed) queueMicrotask(closed);
    response.once('close', closed);
    this.lost ??= new Set();
    this.lost.add(lost);
    return () => {
      response.off('close', closed);
      this.lost?.delete(lost);
    };
  }

  /** The answer; with the headers and status of `reply` unless a stream is open already. */
  end(reply: RpcReply): void {
    const { response, options } = this;
    const { post } = this;
    clearTimeout(this.keepAlive);
    if (this.over !== undefined) return;
    if (post && (post.hasMoved || response.destroyed)) return post.answered(reply.text);
    if (response.destroyed || response.writableEnded) return;
    // A stream of nothing but the answer has nothing to come back for.
    this.resumable = undefined;
    this.watch = undefined;
    if (options.mustStream && reply.status === 200) this.open();
    if (!this.streaming) {
      if (response.headersSent) response.end();
      else sendJson(response, reply, options.headers);
      return;
    }
    this.flush();
    if (post) {
      response.once('close', () =>
        response.writableFinished ? post.forget() : post.answered(reply.text),
      );
      response.end(eventText(reply.text, answeredId(post.eventId)));
    } else {
      response.end(reply.text === '' ? undefined : eventText(reply.text));
    }
  }

  /** It may become somebody else's stream: nothing is sent on it but an answer instead of that. */
  leave(): void {
    clearTimeout(this.keepAlive);
  }

  /** Nothing of what waits to be sent, or comes later, reaches the client any more. */
  private expire(why: string, text: string): void {
    const { response } = this;
    // One that broke may be come back to, with a right that is looked at then.
    if (this.over !== undefined || response.destroyed || response.writableEnded) return;
    this.newest = undefined;
    this.notes = undefined;
    this.end({ status: 401, text });
    this.over = why;
    for (const lost of this.lost ?? []) lost();
  }

  private open(): void {
    const { response, options } = this;
    if (this.streaming || response.headersSent || response.destroyed) return;
    this.streaming = true;
    response.writeHead(200, { ...STREAM_HEADERS, ...options.headers });
    response.flushHeaders();
    const unwatch = this.watch?.((why, expired) => this.expire(why, expired));
    if (unwatch) response.once('close', unwatch);
    const post = this.resumable?.(() => void response.destroy());
    if (!post) return;
    this.post = post;
    response.write(markText(post.eventId, RETRY_MS));
    response.once('close', () => {
      if (!response.writableEnded) post.leave();
    });
  }

  private flushLater(): void {
    if (this.newest === undefined && this.notes === undefined)
      this.response.once('drain', () => this.flush());
  }

  private flush(): void {
    const { newest, notes } = this;
    this.newest = undefined;
    this.notes = undefined;
    if (notes !== undefined) for (const note of notes) this.write(note);
    if (newest !== undefined) this.write(newest);
  }

  private write(text: string): void {
    const { response } = this;
    if (!response.destroyed && !response.writableEnded) response.write(eventText(text));
  }

  private keepAliveLater(): void {
    const wait = this.options.keepAliveMs ?? KEEP_ALIVE_MS;
    this.keepAlive = setTimeout(stillHere, wait, this).unref();
  }

  /** Says with a comment that the connection is in use. */
  sayStillHere(): void {
    const { response } = this;
    if (response.destroyed) return;
    this.open();
    if (!response.writableNeedDrain) response.write(': keep-alive\n\n');
    this.keepAliveLater();
  }
}

function stillHere(reply: Reply): void {
  reply.sayStillHere();
}

export function sendJson(
  response: ServerResponse,
  reply: RpcReply,
  headers: ReplyHeaders = {},
): void {
  if (reply.bytes) return sendBytes(response, reply.bytes, reply, headers);
  if (reply.text === '') {
    response.writeHead(reply.status, { ...headers, ...reply.headers, 'content-length': '0' }).end();
    return;
  }
  response
    .writeHead(reply.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(reply.text),
      ...headers,
      ...reply.headers,
    })
    .end(reply.text);
}

function sendBytes(
  response: ServerResponse,
  bytes: readonly Buffer[],
  reply: RpcReply,
  headers: ReplyHeaders,
): void {
  response.writeHead(reply.status, {
    'content-type': 'application/json',
    'content-length': bytes.reduce((sum, { length }) => sum + length, 0),
    ...headers,
    ...reply.headers,
  });
  // As one write to the socket.
  response.cork();
  for (const part of bytes) response.write(part);
  response.uncork();
  response.end();
}

/** JSON has no line breaks, so one `data` line carries it. */
export function eventText(text: string, id?: string): string {
  return `event: message\n${id === undefined ? '' : `id: ${id}\n`}data: ${text}\n\n`;
}

/** An event without data: nothing but an id to come back with (2025-11-25, transports). */
export function markText(id: string, retryMs?: number): string {
  return `id: ${id}\n${retryMs === undefined ? '' : `retry: ${retryMs}\n`}data: \n\n`;
}
