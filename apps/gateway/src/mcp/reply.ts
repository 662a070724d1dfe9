/**
 * One HTTP answer: JSON, or an event stream that opens only when there is something to stream. Until
 * it opens, the answer may still have its own HTTP status and headers (a 403 challenge needs them).
 */
import type { ServerResponse } from 'node:http';

export type ReplyHeaders = Record<string, string>;

export interface RpcReply {
  status: number;
  /** Serialised JSON-RPC; empty for 202 and 204. */
  text: string;
  headers?: ReplyHeaders;
}

/** Proxies in between drop silent connections, commonly after 30 to 60 seconds. */
const KEEP_ALIVE_MS = 15_000;

const STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

export interface Reply {
  readonly streaming: boolean;
  /** Sends a notification ahead of the answer. Lossy: while the client does not read, only the newest is kept. */
  notify(text: string): void;
  end(reply: RpcReply): void;
}

export interface ReplyOptions {
  /** The client accepts `text/event-stream`. */
  canStream: boolean;
  /** The client accepts nothing else. */
  mustStream: boolean;
  /** Sent with every answer: CORS. */
  headers: ReplyHeaders;
  keepAliveMs?: number;
}

export function createReply(response: ServerResponse, options: ReplyOptions): Reply {
  let streaming = false;
  let waiting: string | undefined;
  let keepAlive: NodeJS.Timeout | undefined;
  const interval = options.keepAliveMs ?? KEEP_ALIVE_MS;

  const open = () => {
    if (streaming || response.headersSent || response.destroyed) return;
    streaming = true;
    response.writeHead(200, { ...STREAM_HEADERS, ...options.headers });
    response.flushHeaders();
  };
  const write = (text: string) => {
    if (!response.destroyed && !response.writableEnded) response.write(event(text));
  };
  const onKeepAlive = () => {
    if (response.destroyed) return;
    open();
    if (!response.writableNeedDrain) response.write(': keep-alive\n\n');
    keepAlive = setTimeout(onKeepAlive, interval).unref();
  };
  if (options.canStream) keepAlive = setTimeout(onKeepAlive, interval).unref();

  return {
    get streaming() {
      return streaming;
    },
    notify(text) {
      if (!options.canStream) return;
      open();
      if (!response.writableNeedDrain) return write(text);
      if (waiting === undefined) {
        response.once('drain', () => {
          const newest = waiting;
          waiting = undefined;
          if (newest !== undefined) write(newest);
        });
      }
      waiting = text;
    },
    end(reply) {
      clearTimeout(keepAlive);
      if (response.destroyed || response.writableEnded) return;
      if (options.mustStream && reply.status === 200) open();
      if (streaming) {
        if (waiting !== undefined) write(waiting);
        waiting = undefined;
        response.end(reply.text === '' ? undefined : event(reply.text));
        return;
      }
      sendJson(response, reply, options.headers);
    },
  };
}

export function sendJson(
  response: ServerResponse,
  reply: RpcReply,
  headers: ReplyHeaders = {},
): void {
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

/** JSON has no line breaks, so one `data` line carries it. */
function event(text: string): string {
  return `event: message\ndata: ${text}\n\n`;
}
