import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { SeededWorkspace } from '@conducktor/testing';
import { parse } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../src/create-app.js';
import { ROUTE_INVENTORY } from '../src/inventory.js';
import { listed, startControl, type ControlService, type Loose } from './harness.js';
import { waitingCall } from './waiting-call.js';

let service: ControlService;
let ours: SeededWorkspace;
let theirs: SeededWorkspace;
beforeAll(async () => {
  service = await startControl();
  [ours, theirs] = [await service.seed(), await service.seed()];
  await service.admin.pool.query(
    "update member set permissions = '{audit:payloads}' where id = $1",
    [ours.owner.memberId],
  );
});
afterAll(() => service.stop());

const api = ROUTE_INVENTORY.filter(({ path }) => path.startsWith('/api/v1'));

describe('the inventory', () => {
  it('names every route of the router, and the router has every one that it names', async () => {
    const app = await createApp(service.control);
    const fastify = app.getHttpAdapter().getInstance();
    await fastify.ready();
    // A tree of path pieces, four columns for each level: what is registered, by whomever.
    const served: string[] = [];
    const pieces: string[] = [];
    for (const line of fastify.printRoutes({ commonPrefix: false }).split('\n')) {
      const [, indent, piece, methods] =
        /^([│ ]*)[├└]── (\S+)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
      if (piece === undefined) continue;
      pieces.length = indent!.length / 4;
      pieces.push(piece);
      for (const method of methods?.split(', ') ?? []) served.push(`${method} ${pieces.join('')}`);
    }
    await app.close();
    // Unknown addresses are answered by one route for everything; HEAD goes where GET goes.
    const ours = served.filter((each) => !each.endsWith(' /*') && !each.startsWith('HEAD '));
    expect(ours.sort()).toEqual(
      ROUTE_INVENTORY.map(({ method, path }) => `${method} ${path}`).sort(),
    );
  });

  it('asks everyone who calls the API who they are, first of all', () => {
    expect(api.length).toBeGreaterThanOrEqual(22);
    for (const { method, path, guards } of api)
      expect(guards[0], `${method} ${path}`).toBe('signed in');
  });
});

const ALLOWANCES = [{ limit: 1, seconds: 60 }];
const PRICES = [{ tools: ['*'], cost: { kind: 'flat', micros: 1 } }];

describe('every route of the API', () => {
  const example = (path: string, id: string) => path.replace(/:\w+/g, id);

  it('refuses whoever has no key, a broken one or somebody else’s token, before it reads a body', async () => {
    for (const { method, path } of api) {
      for (const key of [
        undefined,
        'x',
        'ck_0000000000000000000000_'.padEnd(69, 'a'),
        `${ours.owner.apiKey}x`,
      ]) {
        const body = method === 'GET' ? undefined : '{"broken';
        const answer = await service.call(key, method, example(path, 'con_1'), body);
        expect({ method, path, key, status: answer.status }).toEqual({
          method,
          path,
          key,
          status: 401,
        });
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
        expect(answer.body).toMatchObject({ code: 'unauthenticated', status: 401 });
      }
    }
  });

  it('answers another workspace’s ids exactly as ids that never were, and changes nothing there', async () => {
    const crm = { slug: 'crm', kind: 'mcp-http', url: 'https://crm.example/mcp' };
    const connection = (await service.call(theirs.owner.apiKey, 'POST', '/api/v1/connections', crm))
      .body['id'];
    service.worker.answer = () => ({ status: 'ACTIVE', ms: 1, tools: [listed('find')] });
    await service.call(theirs.owner.apiKey, 'POST', `/api/v1/connections/${connection}/test`);
    const tool = (await service.call(theirs.owner.apiKey, 'GET', '/api/v1/tools')).body['items'][0];
    await service.call(theirs.owner.apiKey, 'POST', '/api/v1/policies', {
      document: { version: 1, default: 'deny' },
    });
    const set = { slug: 'set', tools: ['*'] };
    const toolset = (await service.call(theirs.owner.apiKey, 'POST', '/api/v1/toolsets', set)).body;
    const delegation = await service.call(
      theirs.owner.apiKey,
      'POST',
      '/api/v1/approval-delegations',
      { to: theirs.member.email, until: new Date(Date.now() + 3_600_000).toISOString() },
    );
    const money = [
      ['/api/v1/budgets', { scope: { kind: 'tenant' }, period: 'month', limitMicros: 1 }],
      ['/api/v1/limits', { scope: { kind: 'tool', each: true }, allowances: ALLOWANCES }],
      ['/api/v1/price-lists', { name: 'x', validFrom: new Date().toISOString(), prices: PRICES }],
    ] as const;
    const ofMoney: string[] = [];
    for (const [path, body] of money) {
      const made = await service.call(theirs.owner.apiKey, 'POST', path, body);
      expect({ path, status: made.status }).toEqual({ path, status: 201 });
      ofMoney.push(made.body['id'] as string);
    }
    const approval = await waitingCall(service, {
      tenantId: theirs.tenantId,
      member: theirs.member,
      connection: { id: connection, revision: '1' },
      tool: { id: tool.id, definitionHash: '', class: 'read' },
    });
    const rowsOfTheirs = () =>
      service.admin.withTenant(theirs.tenantId, async (tx) => {
        const tables = [
          'connection',
          'tool',
          'toolset',
          'policy',
          'member',
          'api_key',
          'tenant',
          'workspace_group',
          'approval_request',
          'approval_vote',
          'approval_delegation',
          'audit_outbox',
          'budget',
          'budget_account',
          'price_list',
          'rate_limit',
        ];
        const all = [];
        for (const table of tables) {
          const column = table === 'tenant' ? 'id' : 'tenant_id';
          all.push(
            await tx.query(
              `select to_jsonb(t) as row from ${table} t where ${column} = $1 order by 1`,
              [theirs.tenantId],
            ),
          );
        }
        return JSON.stringify(all.map(({ rows }) => rows));
      });
    const before = await rowsOfTheirs();

    const foreign = [
      connection,
      tool.id,
      tool.name,
      toolset['id'],
      approval,
      delegation.body['id'],
      ...ofMoney,
      '1',
      theirs.owner.memberId,
      theirs.owner.keyId,
      theirs.groupId,
      theirs.tenantId,
    ];
    const bodies: Record<string, unknown> = {
      '/api/v1/connections/:id': { timeoutMs: 5_000 },
      '/api/v1/tools/:id': { hidden: true },
      '/api/v1/tools/:id/cost': { kind: 'free' },
      '/api/v1/tools/:id/accept': { definitionHash: '0'.repeat(64) },
      '/api/v1/tools/:id/reject': { definitionHash: '0'.repeat(64) },
      '/api/v1/toolsets/:id': { mode: 'search' },
      '/api/v1/members/:id': { roles: ['member'] },
      '/api/v1/groups/:id': { name: 'x' },
      '/api/v1/limits/:id': { allowances: ALLOWANCES },
      '/api/v1/budgets/:id': { limitMicros: 1 },
      '/api/v1/price-lists/:id': { name: 'y' },
      '/api/v1/held-calls/:callId/reconcile': { release: true, reason: 'x' },
    };
    for (const { method, path, tenantIds } of api) {
      if (tenantIds.length === 0) continue;
      const body = ['PATCH', 'PUT', 'POST'].includes(method) ? bodies[path] : undefined;
      const never = await service.call(
        ours.owner.apiKey,
        method,
        example(path, 'con_0000000000000000000000'),
        body,
      );
      expect({ method, path, status: never.status }).toEqual({ method, path, status: 404 });
      const ask = async (id: string) => {
        const answer = await service.call(ours.owner.apiKey, method, example(path, id), body);
        expect({ method, path, id, status: answer.status, text: answer.text }).toEqual({
          method,
          path,
          id,
          status: 404,
          text: never.text,
        });
      };
      await Promise.all(foreign.map(ask));
    }
    expect(await rowsOfTheirs()).toBe(before);
  }, 60_000);

  it('answers 404 to strange ids and never fails inside', async () => {
    const strange = [
      '%00',
      '%ff',
      "'",
      '%2e%2e%2f',
      'a'.repeat(500),
      '%F0%9F%98%80',
      '*',
      'null',
      '-1',
      '1e3',
      'constructor',
      '__proto__',
    ];
    for (const { method, path, tenantIds } of api) {
      if (tenantIds.length === 0) continue;
      const ask = async (id: string) => {
        const answer = await service.call(
          ours.owner.apiKey,
          method,
          example(path, id),
          method === 'PATCH' ? {} : undefined,
        );
        expect([400, 404], `${method} ${path} ${id}: ${answer.text}`).toContain(answer.status);
      };
      await Promise.all(strange.map(ask));
    }
  }, 60_000);
});

describe('requests that are none', () => {
  const post = (body: string, type = 'application/json') =>
    fetch(`${service.origin}/api/v1/groups`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ours.owner.apiKey}`, 'content-type': type },
      body,
    }).then(async (response) => ({
      status: response.status,
      body: (await response.json()) as Loose,
    }));

  it.each([
    ['broken JSON', '{"name":', 400, 'invalid_request'],
    ['the same key twice', '{"name":"a","name":"b"}', 400, 'invalid_request'],
    ['a NUL', String.raw`{"name":"a\u0000"}`, 400, 'invalid_request'],
    ['half a character', String.raw`{"name":"a\ud800"}`, 400, 'invalid_request'],
    ['a list', '[]', 400, 'invalid_request'],
    ['nothing', '', 400, 'invalid_request'],
    ['too much', `{"name":"${'a'.repeat(1_100_000)}"}`, 413, 'payload_too_large'],
  ])('%s', async (_what, text, status, code) => {
    const answer = await post(text);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ status, code });
    expect(answer.body.detail).toBeTruthy();
  });

  it.each([
    ['said beforehand', { 'content-length': 10_000_000 }],
    ['not said', {}],
  ])('are heard out when they are far too large, which is %s', async (_what, headers) => {
    const sent = request(`${service.origin}/api/v1/groups`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ours.owner.apiKey}`,
        'content-type': 'application/json',
        ...headers,
      },
    });
    sent.end(Buffer.alloc(10_000_000, 'a'));
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    // Else the connection is reset below whoever forwards it, and there is no answer to hand on.
    expect(sent.writableFinished).toBe(true);
    expect(answer.statusCode).toBe(413);
    expect(await json(answer)).toMatchObject({ code: 'payload_too_large' });
  });

  it('are headed as all others', async () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'PROPFIND', 'QUERY']) {
      for (const path of ['/api/v1/nothing', '/api/v1/members', '/%ff']) {
        const { headers } = await service.call(undefined, method, path);
        for (const name of ['content-security-policy', 'x-content-type-options', 'x-frame-options'])
          expect(headers.get(name), `${method} ${path} ${name}`).not.toBeNull();
        expect(headers.get('cache-control'), `${method} ${path}`).toBe('no-store');
      }
    }
  });

  it('of another type, path or method say what is possible', async () => {
    expect(await post('name=a', 'application/x-www-form-urlencoded')).toMatchObject({
      status: 415,
      body: { code: 'unsupported_media_type' },
    });
    const path = await service.call(undefined, 'GET', '/api/v1/nothing');
    expect(path).toMatchObject({ status: 404, body: { code: 'not_found' } });
    const method = await service.call(undefined, 'PUT', '/api/v1/connections');
    expect(method).toMatchObject({
      status: 405,
      body: { code: 'method_not_allowed', detail: 'PUT is not possible here; POST, GET is.' },
    });
    const query = await service.call(ours.owner.apiKey, 'GET', '/api/v1/connections?limit=0&x=1');
    expect(query.status).toBe(400);
    expect(query.body['errors'].map((each: Loose) => each.field)).toEqual(['limit', 'query']);
    for (const cursor of ['%00', 'AAAA', '!!'])
      expect(
        (await service.call(ours.owner.apiKey, 'GET', `/api/v1/connections?cursor=${cursor}`))
          .status,
      ).toBe(400);
  });
});

describe('the description', () => {
  it('is OpenAPI 3.1 with a schema for every body and answer, in JSON and YAML alike', async () => {
    const json = await service.call(undefined, 'GET', '/openapi.json');
    expect(json.body['openapi']).toBe('3.1.0');
    const yaml = await service.call(undefined, 'GET', '/openapi.yaml');
    expect(parse(yaml.text)).toEqual(json.body);
    for (const { method, path } of api) {
      const operation = json.body['paths'][path.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
      expect(operation, `${method} ${path}`).toBeDefined();
      expect(operation.responses.default.content['application/problem+json'].schema).toEqual({
        $ref: '#/components/schemas/Problem',
      });
    }
    const operations = Object.values(json.body['paths']).flatMap((each: Loose) =>
      Object.values(each),
    ) as Loose[];
    expect(operations).toHaveLength(api.length);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(api.length);
    expect(json.text).not.toContain('#/$defs/');
    expect(json.body['components'].schemas.Connection.properties).toHaveProperty('hasSecret');

    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const answer =
      json.body['paths']['/api/v1/connections'].get.responses['200'].content['application/json']
        .schema;
    const valid = ajv.compile({ ...answer, components: json.body['components'] });
    const page = await service.call(theirs.owner.apiKey, 'GET', '/api/v1/connections');
    expect(page.body['items'].length).toBeGreaterThan(0);
    expect(valid(page.body), JSON.stringify(valid.errors)).toBe(true);
    expect(valid({ items: [{}], nextCursor: null })).toBe(false);
  });
});

describe('pages and probes', () => {
  it('answer without a key', async () => {
    const home = await service.call(undefined, 'GET', '/');
    expect(home.status).toBe(200);
    expect(home.text).toContain(`${service.origin}/mcp`);
    expect(home.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect((await service.call(undefined, 'GET', '/status')).text).toContain('Everything answers');
    expect((await service.call(undefined, 'GET', '/healthz')).text).toBe('{"status":"ok"}');
    expect((await service.call(undefined, 'GET', '/readyz')).status).toBe(200);
  });
});
