/** Management tools through a gateway, in the control plane as a process of its own, over one database. */
import { randomBytes } from 'node:crypto';
import { newId, MANAGEMENT_TOOLS, type Role } from '@conducktor/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Governed } from '../../open-governed.js';
import { startWholePath, type WholePath } from '../../tests/support/whole-path.js';
import { lastRecordOf, personWith, resultOf } from './support.js';

const ALL = MANAGEMENT_TOOLS.map(({ name }) => name);
const OPEN = { version: 1, default: 'allow', rules: [] };

let path: WholePath;
let gateway: Governed;
beforeAll(async () => {
  path = await startWholePath({ control: true });
  gateway = path.gateways[0]!;
});
afterAll(() => path.stop());

const owner = () => ({ apiKey: path.people.owner.apiKey });
const call = async (name: string, args: object = {}, by: object = owner()) =>
  resultOf(await path.call(gateway, name, args, by));
const lastRecord = (tool: string) => lastRecordOf(path, tool);
const listed = async (by: object = owner()) => {
  const answer = await gateway.mcp.listTools(path.context(by));
  if (answer.kind !== 'tools') throw new Error(JSON.stringify(answer));
  return answer.tools
    .map(({ name }) => name as string)
    .filter((name) => name.startsWith('conducktr_'));
};
describe('who sees and uses which tool', () => {
  const SAMPLE: Record<string, object> = {
    conducktr_approve_request: { id: 'apr_none' },
    conducktr_approve_workflow_run: { id: 'apr_none' },
    conducktr_create_connection: {},
    conducktr_create_policy: { rule: 'nonsense' },
    conducktr_get_approval: { id: 'apr_none' },
    conducktr_get_connection_health: { connection: 'none' },
    conducktr_get_usage_stats: {},
    conducktr_list_approvals: {},
    conducktr_list_connections: {},
    conducktr_list_policies: {},
    conducktr_reject_request: { id: 'apr_none' },
  };
  const ROLES: Role[] = ['owner', 'admin', 'approver', 'auditor', 'billing', 'member'];

  it.each(ROLES)('%s', async (role) => {
    const apiKey = await personWith(path, role);
    const may = MANAGEMENT_TOOLS.filter(({ roles }) => roles === null || roles.includes(role)).map(
      ({ name }) => name,
    );
    expect(await listed({ apiKey })).toEqual(may);
    for (const tool of ALL) {
      // Arguments that get past the gateway and change nothing, or that are refused after the roles.
      const { isError, meta, text } = await call(tool, SAMPLE[tool], { apiKey });
      if (may.includes(tool)) expect(meta['conducktor/code']).not.toBe('policy_denied');
      else {
        expect({ tool, isError, code: meta['conducktor/code'] }).toEqual({
          tool,
          isError: true,
          code: 'policy_denied',
        });
        expect(text).toMatch(/^Permission denied: this needs the role owner(, | or )/);
        expect(await lastRecord(tool)).toMatchObject({
          decision: 'deny',
          code: 'policy_denied',
          connection: 'conducktr',
        });
      }
    }
  });

  it('are refused by policy by name and by class, as any tool', async () => {
    await path.activate({
      version: 1,
      default: 'allow-read',
      rules: [
        {
          id: 'no-health',
          when: { tools: ['conducktr_get_*'] },
          effect: 'deny',
          message: 'Not now',
        },
      ],
    });
    expect(await listed()).toEqual([
      'conducktr_list_approvals',
      'conducktr_list_connections',
      'conducktr_list_policies',
    ]);
    expect((await call('conducktr_get_connection_health', { connection: 'x' })).text).toBe(
      'Permission denied: Not now',
    );
    expect((await call('conducktr_create_policy', { rule: {} })).text).toMatch(
      /^Permission denied: Your workspace allows tools that only read/,
    );
    await path.activate({ version: 1, default: 'deny', rules: [] });
    const answer = await path.call(gateway, 'conducktr_list_policies', {}, owner());
    expect(answer).toMatchObject({ kind: 'error', error: { code: -32_602 } });
    await path.activate(OPEN);
  });

  it('need mcp:write for what writes', async () => {
    const apiKey = await personWith(path, 'owner', ['mcp:read']);
    const answer = await path.call(gateway, 'conducktr_create_policy', { rule: {} }, { apiKey });
    expect(answer).toMatchObject({ kind: 'challenge', status: 403 });
  });

  it('are on toolsets that name them, with search too, and on no connection’s own path', async () => {
    const toolset = async (slug: string, tools: string[], mode = 'list') =>
      path.admin.withTenant(path.people.tenantId, (tx) =>
        tx.query(
          `insert into toolset (tenant_id, id, slug, tools, prefix, mode) values ($1, $2, $3, $4, 'never', $5)`,
          [path.people.tenantId, newId('tls'), slug, tools, mode],
        ),
      );
    await toolset('everything', ['*']);
    await toolset('desk', ['conducktr_list_*']);
    await toolset('found', ['conducktr_*'], 'search');
    await path.connect('plain', 'http://127.0.0.1:9/mcp', ['echo']);
    expect(await listed({ ...owner(), resourcePath: '/mcp/everything' })).toEqual([]);
    expect(await listed({ ...owner(), resourcePath: '/mcp/plain' })).toEqual([]);
    expect(await listed({ ...owner(), resourcePath: '/mcp/desk' })).toEqual([
      'conducktr_list_approvals',
      'conducktr_list_connections',
      'conducktr_list_policies',
    ]);
    expect(await listed({ ...owner(), resourcePath: '/sse' })).toEqual(ALL);
    const found = await call(
      'conducktr_find_tools',
      { query: 'connections', limit: 20 },
      { ...owner(), resourcePath: '/mcp/found' },
    );
    expect(found.text).toContain('conducktr_list_connections');
    const carried = await call(
      'conducktr_call_tool',
      { name: 'conducktr_list_connections' },
      { ...owner(), resourcePath: '/mcp/found' },
    );
    expect(carried.structuredContent).toMatchObject({ connections: [{ slug: 'plain' }] });
  });
});

describe('creating a connection', () => {
  it('answers a link for the secret, is recorded by gateway and control plane, and leaves the rest to REST', async () => {
    const { structuredContent, content, text, isError } = await call(
      'conducktr_create_connection',
      {
        slug: 'linear',
        kind: 'mcp-http',
        url: 'https://mcp.linear.app/mcp',
      },
    );
    expect(isError).toBeUndefined();
    expect(content).toHaveLength(1);
    expect(JSON.parse(text)).toEqual(structuredContent);
    const { id } = structuredContent as { id: string };
    expect(structuredContent).toMatchObject({
      slug: 'linear',
      status: 'PENDING',
      secretUrl: `https://mcp.example.test/connections/${id}/secret`,
    });
    // The answer came after the outcome was committed.
    expect(await lastRecord('conducktr_create_connection')).toMatchObject({
      decision: 'allow',
      connection: 'conducktr',
      outcome: 'ok',
    });
    const { rows } = await path.admin.pool.query<{ record: Record<string, unknown> }>(
      `select record from audit_outbox where record->>'connectionId' = $1`,
      [id],
    );
    expect(rows.map(({ record }) => record)).toMatchObject([
      {
        action: 'connection.create',
        memberId: path.people.owner.memberId,
        clientId: path.people.owner.keyId,
      },
    ]);
    const again = await call('conducktr_create_connection', {
      slug: 'linear',
      kind: 'mcp-http',
      url: 'https://mcp.linear.app/mcp',
    });
    expect(again).toMatchObject({ isError: true, meta: { 'conducktor/code': 'conflict' } });
    const health = await call('conducktr_get_connection_health', { connection: 'linear' });
    expect(health.structuredContent).toMatchObject({ id, status: 'PENDING', lastTest: null });
  });

  it.each([
    ['headers', { headers: { Authorization: 'Bearer hush-1' } }],
    ['env', { env: { TOKEN: 'hush-1' } }],
    ['api_key', { api_key: 'hush-1' }],
    ['url', { url: 'https://me:hush-1@mcp.example/' }],
  ])('takes no secret as %s, and keeps none', async (field, secret) => {
    const { isError, text, meta } = await call('conducktr_create_connection', {
      slug: 'hush',
      kind: 'mcp-http',
      url: 'https://mcp.example/',
      ...secret,
    });
    expect(isError).toBe(true);
    expect(meta['conducktor/code']).toBe('invalid_arguments');
    expect(text).toMatch(new RegExp(`^"${field}": .*the answer has a link where a person enters`));
    const record = await lastRecord('conducktr_create_connection');
    expect(record).toMatchObject({ decision: 'deny', code: 'invalid_arguments' });
    expect(JSON.stringify(record)).not.toContain('hush-1');
  });

  it('says which field is missing', async () => {
    const { isError, text } = await call('conducktr_create_connection', {
      slug: 'fs',
      kind: 'mcp-stdio',
    });
    expect(isError).toBe(true);
    expect(text).toContain('"catalog"');
  });

  it('happens once for one idempotency key', async () => {
    const by = { ...owner(), idempotencyKey: 'once' };
    const args = { slug: 'once', kind: 'mcp-http', url: 'https://once.example/' };
    const [one, two] = await Promise.all([
      call('conducktr_create_connection', args, by),
      call('conducktr_create_connection', args, by),
    ]);
    expect(one.structuredContent).toMatchObject({ slug: 'once' });
    expect(two.structuredContent).toEqual(one.structuredContent);
  });
});

describe('drafting a rule', () => {
  beforeEach(() => path.activate(OPEN));

  it.each([
    ['YAML', 'id: quiet-nights\nwhen: { class: [write] }\neffect: deny\nmessage: Not at night'],
    [
      'an object',
      { id: 'quiet-nights', when: { class: ['write'] }, effect: 'deny', message: 'Not at night' },
    ],
  ])('of %s makes a version that is not active', async (_kind, rule) => {
    const { structuredContent } = await call('conducktr_create_policy', { rule });
    const { version } = structuredContent as { version: number };
    expect(structuredContent).toMatchObject({
      basedOn: version - 1,
      summary: 'Denies write calls: "Not at night".',
      activate: { url: `https://mcp.example.test/api/v1/policies/${version}/activate` },
    });
    expect((structuredContent as { diff: string }).diff).toContain('+ - id: quiet-nights');
    const policies = await call('conducktr_list_policies', { version });
    expect(policies.structuredContent).toMatchObject({
      active: version - 1,
      shown: { version, default: 'allow', rules: [{ id: 'quiet-nights', effect: 'deny' }] },
    });
  });

  it.each([
    ['Rule "a", when.if', { id: 'a', when: { if: 'args.amount >' }, effect: 'deny' }],
    ['Rule "a", effect', { id: 'a', effect: 'maybe' }],
    ['Rule "rule", rule: is not readable', 'id: [a'],
    ['Rule "rule", rule: must be one rule', '- id: a\n- id: b'],
  ])('names what is wrong: %s', async (words, rule) => {
    const { isError, text, meta } = await call('conducktr_create_policy', { rule });
    expect(isError).toBe(true);
    expect(meta['conducktor/code']).toBe('invalid_arguments');
    expect(text).toContain(words);
  });
});

describe('in both protocol eras', () => {
  it.each(['legacy', 'modern'] as const)(
    '%s clients get one text item and the same as structure',
    async (era) => {
      const { content, structuredContent, meta } = await call(
        'conducktr_list_connections',
        {},
        { ...owner(), era },
      );
      expect(content).toEqual([{ type: 'text', text: JSON.stringify(structuredContent) }]);
      expect(meta['conducktor/callId']).toMatch(/^call_/);
    },
  );

  it('every tool has its hints, and schemas that say what it takes and answers', async () => {
    const answer = await gateway.mcp.listTools(path.context(owner()));
    const tools =
      answer.kind === 'tools' ? answer.tools.filter(({ name }) => ALL.includes(name as never)) : [];
    expect(tools).toHaveLength(ALL.length);
    for (const tool of tools) {
      const { class: toolClass } = MANAGEMENT_TOOLS.find(({ name }) => name === tool['name'])!;
      expect(tool['annotations']).toMatchObject({
        readOnlyHint: toolClass === 'read',
        destructiveHint: false,
        openWorldHint: false,
      });
      expect(tool['inputSchema']).toMatchObject({ type: 'object', additionalProperties: false });
      expect(tool['outputSchema']).toMatchObject({ type: 'object' });
    }
  });
});

describe('without the control plane', () => {
  it('lost in flight, a write is unknown, recorded once, and nothing is sent again', async () => {
    const { tenantId } = path.people;
    // Holds the row that numbers policies, so that the call is under way when its process dies.
    const blocker = await path.admin.pool.connect();
    await blocker.query('begin');
    await blocker.query('select from tenant where id = $1 for update', [tenantId]);
    const pending = call('conducktr_create_policy', {
      rule: {
        id: `lost-${randomBytes(3).toString('hex')}`,
        effect: 'deny',
        when: { class: ['destructive'] },
      },
    });
    for (;;) {
      const { rows } = await path.admin.pool.query(
        `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%for update%' and application_name like 'conducktor-control%'`,
      );
      if (rows.length > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await path.killControl();
    const { isError, meta } = await pending;
    expect({ isError, code: meta['conducktor/code'] }).toEqual({
      isError: true,
      code: 'outcome_unknown',
    });
    await blocker.query('rollback');
    blocker.release();
    const record = await lastRecord('conducktr_create_policy');
    expect(record).toMatchObject({ decision: 'allow', outcome: 'unknown' });
  });

  it('says so and records it, while calls of connections go on', async () => {
    const { isError, text, meta } = await call('conducktr_list_connections');
    expect(isError).toBe(true);
    expect(meta['conducktor/code']).toBe('upstream_unavailable');
    expect(text).toMatch(/^Conducktor's control plane did not answer/);
    expect(await lastRecord('conducktr_list_connections')).toMatchObject({
      outcome: 'unavailable',
    });
    expect(gateway.missing()).toEqual([]);
    await path.startControl();
    expect((await call('conducktr_list_policies')).isError).toBeUndefined();
  });
});
