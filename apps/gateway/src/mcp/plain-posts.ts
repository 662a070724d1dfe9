/**
 * The way of a plain message: a `POST` of JSON to an MCP path that needs nothing of Fastify. Its
 * router, hooks and content type parsers took a tenth of the gateway's time for a call. Nothing is
 * refused here for what it is: whatever is not plain goes to Fastify, whose routes say what is wrong.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { OriginRules } from './origins.js';

export interface PlainPostOptions {
  origins: OriginRules;
  /** Bytes; a longer body is not plain. */
  maxBody: number;
  /** The resource path that a URL without query means, or `undefined`. */
  pathOf(url: string): string | undefined;
  /** Answers what is too much at the moment, and says so. */
  turnAway(request: IncomingMessage, response: ServerResponse): boolean;
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    resourcePath: string,
    body: Buffer,
  ): void;
}

/** Stands before the server's one listener, Fastify's. Returns what leaves every request to it again. */
export function takePlainPosts(server: Server, options: PlainPostOptions): () => void {
  const [fastify] = server.listeners('request') as RequestListener[];
  if (!fastify) throw new Error('There is no listener to stand before.');
  const first: RequestListener = (request, response) => {
    const resourcePath = plainPath(request, options);
    if (resourcePath === undefined) return fastify(request, response);
    if (options.turnAway(request, response)) return;
    whenRead(request, (body) => options.handle(request, response, resourcePath, body));
  };
  server.off('request', fastify).on('request', first);
  return () => {
    server.off('request', first).on('request', fastify);
  };
}

/** The resource path of a plain post. */
function plainPath(
  { method, url, headers, rawHeaders }: IncomingMessage,
  { origins, maxBody, pathOf }: PlainPostOptions,
): string | undefined {
  const isPlain =
    method === 'POST' &&
    headers['content-type'] === 'application/json' &&
    headers['content-encoding'] === undefined &&
    // Absent where the body comes in chunks.
    Number(headers['content-length']) <= maxBody &&
    origins.allowsHost(headers.host, rawHeaders) &&
    origins.allowsOrigin(headers.origin);
  return isPlain ? pathOf(url!) : undefined;
}

/** A client that goes away before its body is whole is not answered: `end` does not come. */
function whenRead(request: IncomingMessage, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
}
