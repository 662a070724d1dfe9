import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SeededWorkspace } from '@conducktor/testing';
import { startControl, type ControlService } from './harness.js';

let service: ControlService;
let workspace: SeededWorkspace;
let key: string;
beforeAll(async () => {
  service = await startControl();
  workspace = await service.seed();
  key = workspace.owner.apiKey;
});
afterAll(() => service.stop());

it('a ready-made policy becomes a draft of the active one, whose comments stay, and its tests pass', async () => {
  const { body } = await service.call(key, 'GET', '/api/v1/policies/ready-made');
  const ids = (body['items'] as { id: string }[]).map(({ id }) => id);
  expect(ids).toContain('read-only-contractors');

  const source = 'version: 1\ndefault: allow # for now\nrules: []\n';
  await service.call(key, 'POST', '/api/v1/policies', { document: source });
  await service.call(key, 'POST', '/api/v1/policies/1/activate', {});
  const groups = ['partners'];
  const made = await service.call(
    key,
    'POST',
    '/api/v1/policies/ready-made/read-only-contractors',
    {
      parameters: { groups },
    },
  );
  expect(made.status, made.text).toBe(201);
  expect(made.body).toMatchObject({
    version: 2,
    basedOn: 1,
    rules: [{ when: { groups }, effect: 'deny' }],
  });
  const draft = (await service.call(key, 'GET', '/api/v1/policies/2')).body;
  expect(draft['active']).toBe(false);
  expect(draft['source']).toContain('default: allow # for now');
  const active = await service.call(key, 'POST', '/api/v1/policies/2/activate', {});
  expect(active.body['testsPassed']).toBeGreaterThan(0);

  const twice = await service.call(
    key,
    'POST',
    '/api/v1/policies/ready-made/read-only-contractors',
    {},
  );
  expect(twice.status).toBe(400);
  expect(twice.body['detail']).toContain('used twice');
});

it('what is no ready-made policy is not found, and no parameter of it is refused', async () => {
  const post = (id: string, parameters: object) =>
    service.call(key, 'POST', `/api/v1/policies/ready-made/${id}`, { parameters });
  expect((await post('anything', {})).status).toBe(404);
  expect((await post('business-hours', { colour: 'red' })).status).toBe(400);
  expect((await post('business-hours', { zone: 'Mars/Olympus' })).status).toBe(400);
});

it('the schema for editors is open to anybody and knows every field', async () => {
  const open = await service.call(undefined, 'GET', '/schema/policy.json');
  expect(open.status).toBe(200);
  expect(open.headers.get('content-type')).toContain('application/schema+json');
  expect(Object.keys(open.body['properties'])).toContain('rules');
  const guarded = await service.call(key, 'GET', '/api/v1/policies/schema');
  expect(guarded.body).toEqual(open.body);
});
