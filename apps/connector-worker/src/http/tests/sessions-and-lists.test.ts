import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type Incoming, json, legacy, ok } from '../../tests/support.js';
import { rawServers } from './raw-servers.js';

const raw = rawServers();
const { serve } = raw;

describe('sessions', () => {
  it('are one for each member, and made anew once when the server forgets them', async () => {
    let known = new Set<string>();
    let made = 0;
    const { id, server } = await serve((incoming, response) => {
      const { id: rpcId, method } = incoming.message;
      const session = incoming.headers['mcp-session-id'] as string | undefined;
      if (incoming.method === 'DELETE') return void response.writeHead(200).end();
      if (method === 'initialize') {
        const name = `session-${++made}`;
        known.add(name);
        return json(
          response,
          200,
          {
            jsonrpc: '2.0',
            id: rpcId,
            result: { protocolVersion: '2025-03-26', capabilities: {}, serverInfo: {} },
          },
          { 'mcp-session-id': name },
        );
      }
      if (method === 'server/discover') return void response.writeHead(400).end();
      if (!session || !known.has(session)) return void response.writeHead(404).end();
      if (rpcId === undefined) return void response.writeHead(202).end();
      json(response, 200, ok(rpcId, session));
    });
    const sessionOf = async (memberId: string) =>
      JSON.parse((await raw.worker.call(id, 'x', {}, { memberId })).resultJson!).content[0]
        .text as string;
    const first = await sessionOf('mem_a');
    expect(await sessionOf('mem_a')).toBe(first);
    expect(await sessionOf('mem_b')).not.toBe(first);
    known = new Set();
    expect(await sessionOf('mem_a')).not.toBe(first);
    expect(made).toBe(3);
    expect(
      server.seen.filter((one) => one.message.method === 'notifications/initialized'),
    ).toHaveLength(3);
  });

  it('that are always forgotten are not made for ever', async () => {
    let made = 0;
    const { id } = await serve((incoming, response) => {
      if (incoming.message.method === 'initialize') {
        return json(
          response,
          200,
          {
            jsonrpc: '2.0',
            id: incoming.message.id,
            result: { protocolVersion: '2025-03-26', capabilities: {}, serverInfo: {} },
          },
          { 'mcp-session-id': String(++made) },
        );
      }
      if (incoming.message.id === undefined) return void response.writeHead(202).end();
      response.writeHead(incoming.message.method === 'tools/call' ? 404 : 400).end();
    });
    expect(await raw.worker.call(id, 'x')).toMatchObject({ outcome: 'error' });
    expect(made).toBe(2);
  });
});

describe('lists of tools', () => {
  const paged =
    (next: (cursor: string | undefined) => { tools: unknown[]; nextCursor?: string }) =>
    (incoming: Incoming, response: ServerResponse) => {
      if (incoming.message.method !== 'tools/list') return legacy(() => {})(incoming, response);
      json(response, 200, {
        jsonrpc: '2.0',
        id: incoming.message.id,
        result: next(incoming.message.params?.['cursor'] as string | undefined),
      });
    };

  it('are followed to their end, with every field kept', async () => {
    const { id } = await serve(
      paged((cursor) =>
        cursor
          ? { tools: [{ name: 'b', inputSchema: {}, securitySchemes: [{ type: 'oauth2' }] }] }
          : { tools: [{ name: 'a' }], nextCursor: '2' },
      ),
    );
    const list = await raw.worker.client.refresh({
      tenantId: raw.worker.tenantId,
      connectionId: id,
    });
    expect(list.tools).toEqual([
      { name: 'a' },
      { name: 'b', inputSchema: {}, securitySchemes: [{ type: 'oauth2' }] },
    ]);
  });

  it('that never end are cut and said to be', async () => {
    let page = 0;
    const { id } = await serve(
      paged(() => ({ tools: [{ name: `t${++page}` }], nextCursor: String(page) })),
    );
    expect(
      await raw.worker.client.refresh({ tenantId: raw.worker.tenantId, connectionId: id }),
    ).toMatchObject({
      status: 'DEGRADED',
      reason: expect.stringContaining('does not end'),
    });
    expect(page).toBeLessThanOrEqual(200);
  });

  it('that are no lists are an error in words', async () => {
    const { id } = await serve(paged(() => ({ tools: 'x' as unknown as unknown[] })));
    expect(
      await raw.worker.client.refresh({ tenantId: raw.worker.tenantId, connectionId: id }),
    ).toMatchObject({
      status: 'ERROR',
      reason: 'The server answered tools/list without a list of tools.',
    });
  });
});

describe('tools whose schema asks for headers (2026-07-28)', () => {
  it('get them, learnt from the list when the server insists', async () => {
    const { id, server } = await serve((incoming, response) => {
      const { id: rpcId, method } = incoming.message;
      if (method === 'server/discover')
        return json(response, 200, {
          jsonrpc: '2.0',
          id: rpcId,
          result: {
            resultType: 'complete',
            supportedVersions: ['2026-07-28'],
            capabilities: {},
            serverInfo: {},
          },
        });
      if (method === 'tools/list') {
        const inputSchema = {
          type: 'object',
          properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
        };
        return json(response, 200, {
          jsonrpc: '2.0',
          id: rpcId,
          result: { resultType: 'complete', tools: [{ name: 'x', inputSchema }] },
        });
      }
      if (!incoming.headers['mcp-param-region'])
        return json(response, 400, {
          jsonrpc: '2.0',
          id: rpcId,
          error: { code: -32020, message: 'Header mismatch' },
        });
      json(response, 200, ok(rpcId));
    });
    expect((await raw.worker.call(id, 'x', { region: 'Zürich' })).outcome).toBe('ok');
    const header = server.seen.at(-1)!.headers['mcp-param-region'];
    expect(header).toBe(`=?base64?${Buffer.from('Zürich').toString('base64')}?=`);
  });
});
