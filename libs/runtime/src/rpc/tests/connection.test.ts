import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import {
  type CallRequest,
  type CallResult,
  FrameType,
  type LateOutcome,
} from '@conducktor/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { RpcClient, type RpcClientOptions } from '../rpc-client.js';
import { FRAME_HEADER_BYTES, FrameReader } from '../frame-reader.js';
import { FrameWriter } from '../frame-writer.js';
import type { RpcExchange, RpcHandlers, RpcPeer } from '../handlers.js';
import { prove, RPC_VERSION } from '../handshake.js';
import { RpcServer } from '../rpc-server.js';

const key = randomBytes(32);
const port = 20_400;
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const request = (callId: string, more: Partial<CallRequest> = {}): CallRequest => ({
  key: { epoch: 1, tick: 1, ordinal: 1 },
  callId,
  tenantId: 'ten_a',
  memberId: 'mem_a',
  connectionId: 'con_a',
  revision: 1,
  method: 'tools/call',
  name: 'echo',
  argumentsJson: '{"text":"hé"}',
  timeoutMs: 5_000,
  progress: false,
  ...more,
});

async function serve(
  handlers: Partial<RpcHandlers> = {},
  at = port,
  serverKey = key,
  socket?: string,
): Promise<RpcServer> {
  const server = await RpcServer.listen({
    listen: { host: '127.0.0.1', port: at },
    socket,
    key: serverKey,
    handlers: {
      call: async (call) => ({ outcome: 'ok', resultJson: call.argumentsJson, durationMs: 1 }),
      resume: async () => ({ outcome: 'unknown', durationMs: 0 }),
      watch: async () => ({ ok: true }),
      refresh: async () => ({ status: 'ACTIVE', tools: [{ name: 'a', x: 1 }], ms: 1 }),
      committed: () => {},
      ...handlers,
    },
  });
  stops.push(() => server.close());
  return server;
}

function dial(more: Partial<RpcClientOptions> = {}): RpcClient {
  const client = new RpcClient({
    address: `127.0.0.1:${port}`,
    key,
    instanceId: 'gateway-1',
    ...more,
  });
  stops.push(() => client.close());
  return client;
}

/** A byte relay that can be cut or made to swallow everything. */
async function relay(at: number): Promise<{ cut(): void; swallow(): void }> {
  const sockets = new Set<Socket>();
  let deaf = false;
  const server: Server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk: Buffer) => !deaf && to.write(chunk));
      from.on('close', () => to.destroy());
      from.on('error', () => {});
    }
  });
  await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  const cut = () => sockets.forEach((socket) => socket.destroy());
  stops.push(() => (cut(), server.close()));
  return { cut, swallow: () => (deaf = true) };
}

describe('a call over the connection', () => {
  it('brings the result text unchanged', async () => {
    await serve();
    const client = dial();
    expect(await client.whenReady(2_000)).toBe(true);
    expect(await client.call(request('call_1'))).toEqual({
      outcome: 'ok',
      resultJson: '{"text":"hé"}',
      durationMs: 1,
    });
    expect(await client.refresh({ tenantId: 't', connectionId: 'c' })).toEqual({
      status: 'ACTIVE',
      tools: [{ name: 'a', x: 1 }],
      ms: 1,
    });
  });

  it('works over a unix socket', async () => {
    const path = `/tmp/conducktor-rpc-${process.pid}.sock`;
    const server = await RpcServer.listen({
      listen: { path },
      key,
      handlers: {
        call: async () => ({ outcome: 'ok', durationMs: 0 }),
        resume: async () => ({ outcome: 'unknown', durationMs: 0 }),
        watch: async () => ({ ok: true }),
        refresh: async () => ({ status: 'ACTIVE', tools: [], ms: 0 }),
        committed: () => {},
      },
    });
    stops.push(() => server.close());
    const client = dial({ address: path });
    await client.whenReady(2_000);
    expect((await client.call(request('call_1'))).outcome).toBe('ok');
  });

  it('works over a unix socket beside the port, also where a process that was killed left one', async () => {
    const socket = `/tmp/conducktor-rpc-beside-${process.pid}.sock`;
    // Its file stays: nobody closes a socket in a process that is killed.
    const killed = spawn(process.execPath, [
      '-e',
      `require('node:net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    await once(killed, 'exit');
    expect(existsSync(socket)).toBe(true);
    await serve({}, port, key, socket);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    const client = dial({ address: socket });
    await client.whenReady(2_000);
    expect((await client.call(request('call_1'))).outcome).toBe('ok');
    // One that is in use is left alone, and so is what is no socket.
    await expect(serve({}, port + 1, key, socket)).rejects.toThrow('EADDRINUSE');
    const file = `${socket}.txt`;
    writeFileSync(file, 'mine');
    stops.push(() => rmSync(file));
    await expect(serve({}, port + 1, key, file)).rejects.toThrow('EADDRINUSE');
    expect(existsSync(file)).toBe(true);
    expect((await client.call(request('call_2'))).outcome).toBe('ok');
  });

  it('brings every one of many concurrent results to its own caller', async () => {
    await serve({
      call: async (call) => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
        return { outcome: 'ok', resultJson: call.callId, durationMs: 0 };
      },
    });
    const client = dial();
    await client.whenReady(2_000);
    const ids = Array.from({ length: 3_000 }, (_, i) => `call_${i}`);
    const results = await Promise.all(ids.map((id) => client.call(request(id))));
    expect(results.map((result) => result.resultJson)).toEqual(ids);
  });

  it('brings progress before the result, and cancellation to the handler', async () => {
    await serve({
      call: (_, exchange: RpcExchange) =>
        new Promise<CallResult>((resolve) => {
          exchange.progress({ progress: 1, total: 2, message: 'half' });
          exchange.onCancel = () => resolve({ outcome: 'cancelled', durationMs: 3 });
        }),
    });
    const client = dial();
    await client.whenReady(2_000);
    const abort = new AbortController();
    const result = await client.call(request('call_1'), {
      signal: abort.signal,
      onProgress: (note) => {
        expect(note).toEqual({ progress: 1, total: 2, message: 'half' });
        abort.abort();
      },
    });
    expect(result.outcome).toBe('cancelled');
    expect((await client.call(request('call_2'), { signal: abort.signal })).outcome).toBe(
      'not_sent',
    );
  });

  it('carries a result of 10 MB', async () => {
    const resultJson = JSON.stringify({ text: 'x'.repeat(10 * 1024 * 1024) });
    await serve({ call: async () => ({ outcome: 'ok', resultJson, durationMs: 0 }) });
    const client = dial();
    await client.whenReady(2_000);
    expect((await client.call(request('call_1'))).resultJson).toBe(resultJson);
  });
});

describe('when the connection is lost', () => {
  it('a call that left is unknown and a call that did not is unavailable; later calls work again', async () => {
    const wire = await relay(port + 1);
    await serve({
      call: (call) =>
        call.name === 'hang'
          ? new Promise(() => {})
          : Promise.resolve({ outcome: 'ok', durationMs: 0 }),
    });
    const client = dial({ address: `127.0.0.1:${port + 1}` });
    await client.whenReady(2_000);
    const left = client.call(request('call_1', { name: 'hang' }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    wire.cut();
    expect((await left).outcome).toBe('unknown');
    expect(await client.call(request('call_2'))).toMatchObject({ outcome: 'unavailable' });
    await expect(client.refresh({ tenantId: 't', connectionId: 'c' })).rejects.toMatchObject({
      code: 'upstream_unavailable',
    });
    expect(await client.whenReady(3_000)).toBe(true);
    expect((await client.call(request('call_3'))).outcome).toBe('ok');
  });

  it('a half-open connection is noticed and given up', async () => {
    const wire = await relay(port + 1);
    await serve({ call: () => new Promise(() => {}) });
    const client = dial({ address: `127.0.0.1:${port + 1}` });
    await client.whenReady(2_000);
    const hanging = client.call(request('call_1', { timeoutMs: 60_000 }));
    wire.swallow();
    expect((await hanging).outcome).toBe('unknown');
  }, 15_000);

  it('committed notes wait for the next connection and arrive together', async () => {
    const frames: string[][] = [];
    const client = dial();
    client.committed(['call_1']);
    client.committed(['call_2', 'call_3']);
    await serve({ committed: (ids) => void frames.push(ids) });
    await client.whenReady(3_000);
    await expect.poll(() => frames).toEqual([['call_1', 'call_2', 'call_3']]);
    client.committed(['call_4']);
    client.committed(['call_5']);
    await expect.poll(() => frames[1]).toEqual(['call_4', 'call_5']);
  });

  it('late outcomes reach the gateway that joins', async () => {
    const late: LateOutcome = {
      key: { epoch: 1, tick: 2, ordinal: 3 },
      callId: 'call_1',
      tenantId: 't',
      outcome: 'ok',
      durationMs: 1,
      resultSize: 2,
    };
    await serve({ joined: (peer: RpcPeer) => void peer.sendLate([late]) });
    const got: LateOutcome[] = [];
    dial({ onLate: (outcomes) => got.push(...outcomes) });
    await expect.poll(() => got).toEqual([late]);
  });
});

it('a worker that is stopping says so also to who was just proving himself', async () => {
  const server = await serve();
  const socket = connect(port, '127.0.0.1');
  stops.push(() => socket.destroy());
  const writer = new FrameWriter(socket);
  const seen: number[] = [];
  const reader = new FrameReader((type, _, payload) => {
    seen.push(type);
    if (type !== FrameType.Challenge) return;
    server.leave();
    const { nonce } = JSON.parse(payload.toString()) as { nonce: string };
    const parts = { diallerNonce: nonce, instanceId: 'gateway-1', takesLate: false };
    const mac = prove(key, 'dialler', { ...parts, workerNonce: nonce });
    writer.json(FrameType.Proof, 0, JSON.stringify({ ...parts, nonce, mac }));
  });
  socket.on('data', (chunk: Buffer) => reader.push(chunk));
  await expect
    .poll(() => seen)
    .toEqual([FrameType.Challenge, FrameType.Welcome, FrameType.Leaving]);
});

describe('strangers', () => {
  it('with another key are refused on both sides', async () => {
    const reached: string[] = [];
    await serve({ joined: (peer) => void reached.push(peer.instanceId) });
    const stranger = dial({ key: randomBytes(32) });
    expect(await stranger.whenReady(500)).toBe(false);
    expect(reached).toEqual([]);
  });

  it('who speak before the handshake are cut off without reaching a handler', async () => {
    let calls = 0;
    await serve({ call: async () => (calls++, { outcome: 'ok', durationMs: 0 }) });
    const socket = connect(port, '127.0.0.1');
    const head = Buffer.from('{"callId":"call_1"}');
    const frame = Buffer.concat([
      Buffer.from([0, 0, 0, 9 + head.length, 10, 0, 0, 0, 1, 0, 0, 0, head.length]),
      head,
    ]);
    socket.write(frame);
    socket.on('error', () => {});
    const started = Date.now();
    await new Promise((resolve) => socket.resume().once('close', resolve));
    // At once, not by the deadline of the handshake.
    expect(Date.now() - started).toBeLessThan(1_000);
    expect(calls).toBe(0);
  });

  it('who say nothing are cut off after two seconds', async () => {
    await serve();
    const started = Date.now();
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.resume().once('close', resolve));
    expect(Date.now() - started).toBeGreaterThan(1_800);
    expect(Date.now() - started).toBeLessThan(4_000);
  });

  it('a worker that cannot prove itself gets no call', async () => {
    const fake = createServer((socket) => {
      const writer = new FrameWriter(socket);
      const send = (type: number, message: unknown) =>
        writer.json(type, 0, JSON.stringify(message));
      socket.on('error', () => {});
      send(1, { version: RPC_VERSION, nonce: 'A'.repeat(43) });
      // Sends the dialler's own proof back to it.
      socket.on('data', (chunk: Buffer) =>
        send(3, {
          mac: (JSON.parse(chunk.subarray(FRAME_HEADER_BYTES).toString()) as { mac: string }).mac,
        }),
      );
    });
    await new Promise<void>((resolve) => fake.listen(port, '127.0.0.1', resolve));
    stops.push(() => fake.close());
    const client = dial();
    expect(await client.whenReady(700)).toBe(false);
  });
});
