import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Random } from './random.ts';

/** What an upstream may do instead of answering. It has acted all the same. */
export const MISCHIEF = [
  'slow',
  'status 500',
  'hangs',
  'closes mid-answer',
  'answers twice',
  'wrong id',
  "another's answer",
  'garbage',
] as const;
export type Mischief = (typeof MISCHIEF)[number];

export interface Upstream {
  readonly port: number;
  /** How often each note arrived. */
  readonly arrived: ReadonlyMap<string, number>;
  /** From now on a part of the calls, 0 to 1, meets this; undefined: all is well. */
  misbehave(mischief: Mischief | undefined, share?: number): void;
  /** The call with this note is answered no sooner than it is let go. */
  hold(note: string): Held;
  close(): Promise<void>;
}

export interface Held {
  /** It is here, and counted. */
  arrived: Promise<void>;
  /** Resolves when its answer has been written. */
  letGo(): Promise<void>;
}

interface Rpc {
  id?: string | number;
  method: string;
  params?: { name?: string; arguments?: { note?: string }; _meta?: Record<string, unknown> };
}

const MODERN = '2026-07-28';
/** Longer than any call's deadline here. */
const HANG_MS = 6_000;

export const TOOLS = [
  { name: 'write_note', annotations: { readOnlyHint: false, destructiveHint: false } },
  { name: 'read_note', annotations: { readOnlyHint: true } },
  { name: 'delete_note', annotations: { readOnlyHint: false, destructiveHint: true } },
].map((tool) => ({
  ...tool,
  description: 'Does something to a note.',
  inputSchema: { type: 'object', properties: { note: { type: 'string' } }, required: ['note'] },
}));

/** What an honest answer to a note says; other notes have other answers. */
export const answerTo = (note: string) => `done ${note}`;

/** An MCP server of 2026-07-28 that counts each note before it answers, or does something worse. */
export async function startUpstream(random: Random): Promise<Upstream> {
  const arrived = new Map<string, number>();
  let mischief: Mischief | undefined;
  let share = 1;
  let last: string | undefined;
  const holds = new Map<string, { arrive(): void; free: Promise<void>; wrote(): void }>();

  const server = createServer(async (incoming, outgoing) => {
    if (incoming.method !== 'POST') return void outgoing.writeHead(405).end();
    let request: Rpc;
    try {
      request = JSON.parse(Buffer.concat(await incoming.toArray()).toString('utf8')) as Rpc;
    } catch {
      return void outgoing.writeHead(400).end();
    }
    if (request.id === undefined) return void outgoing.writeHead(202).end();
    if (request.method !== 'tools/call') return reply(outgoing, other(request));
    const note = String(request.params?.arguments?.note);
    arrived.set(note, (arrived.get(note) ?? 0) + 1);
    const hold = holds.get(note);
    hold?.arrive();
    await hold?.free;
    const content = [{ type: 'text', text: answerTo(note) }];
    const answer = { id: request.id, result: { resultType: 'complete', content } };
    if (mischief !== undefined && random.next() < share) misbehave(outgoing, answer, mischief);
    else reply(outgoing, answer);
    hold?.wrote();
    last = JSON.stringify({ jsonrpc: '2.0', ...answer });
  });

  function misbehave(outgoing: ServerResponse, answer: { id: unknown }, how: Mischief): void {
    const text = JSON.stringify({ jsonrpc: '2.0', ...answer });
    const json = { 'content-type': 'application/json' };
    switch (how) {
      case 'slow':
        return void setTimeout(() => reply(outgoing, answer), random.between(200, 1_200));
      case 'status 500':
        return void outgoing.writeHead(500).end('It broke.');
      case 'hangs':
        return void setTimeout(() => outgoing.destroy(), HANG_MS).unref();
      case 'closes mid-answer':
        outgoing.writeHead(200, { ...json, 'content-length': text.length });
        outgoing.write(text.slice(0, text.length / 2));
        return void setTimeout(() => outgoing.destroy(), 20);
      case 'answers twice':
        outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
        return void outgoing.end(`data: ${text}\n\ndata: ${last ?? text}\n\ndata: ${text}\n\n`);
      case 'wrong id':
        return reply(outgoing, { ...answer, id: `${String(answer.id)}1` });
      case "another's answer":
        return void outgoing.writeHead(200, json).end(last ?? 'null');
      case 'garbage':
        return void outgoing.writeHead(200, json).end(text.replaceAll(/[{":]/g, '\u0007'));
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    arrived,
    misbehave: (how, part = 1) => {
      mischief = how;
      share = part;
    },
    hold: (note) => {
      const [here, free, written] = [1, 2, 3].map(() => Promise.withResolvers<void>());
      holds.set(note, { arrive: here!.resolve, free: free!.promise, wrote: written!.resolve });
      return {
        arrived: here!.promise,
        letGo: () => {
          free!.resolve();
          return written!.promise;
        },
      };
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function reply(outgoing: ServerResponse, answer: object): void {
  outgoing
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ jsonrpc: '2.0', ...answer }));
}

function other({ id, method }: Rpc): object {
  const complete = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
  if (method === 'tools/list') return { id, result: { ...complete, tools: TOOLS } };
  if (method === 'server/discover')
    return {
      id,
      result: {
        ...complete,
        supportedVersions: [MODERN],
        capabilities: { tools: {} },
        serverInfo: { name: 'chaos', version: '1' },
      },
    };
  return { id, error: { code: -32601, message: 'Method not found' } };
}
