import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControl, type ControlService } from './harness.js';

const CANARY = 'canary-91c2-secret';
let service: ControlService;
let key: string;
beforeAll(async () => {
  service = await startControl();
  key = (await service.seed()).owner.apiKey;
});
afterAll(() => service.stop());

const connect = async (body: object) => service.call(key, 'POST', '/api/v1/connections', body);
const crm = {
  slug: 'crm',
  kind: 'mcp-http',
  url: 'https://crm.example/mcp',
  headers: { authorization: `Bearer ${CANARY}` },
};

describe('a connection with a secret', () => {
  it('never takes its secret along to another address', async () => {
    const { id } = (await connect(crm)).body;
    const patch = (body: object) => service.call(key, 'PATCH', `/api/v1/connections/${id}`, body);
    for (const url of [
      'https://evil.example/mcp',
      'http://crm.example/mcp',
      'https://crm.example:8443/mcp',
    ]) {
      const refused = await patch({ url });
      expect(refused.status).toBe(400);
      expect(refused.body['detail']).toBe(
        '"headers": enter them again for the new address, or send {} to remove them; those stored stay with the old one.',
      );
    }
    const read = await service.call(key, 'GET', `/api/v1/connections/${id}`);
    expect(read.body).toMatchObject({ url: crm.url, hasSecret: true });

    // The same server at another path keeps it; another one gets what is entered for it, or nothing.
    expect((await patch({ url: 'https://crm.example/v2/mcp' })).body).toMatchObject({
      hasSecret: true,
    });
    const moved = await patch({ url: 'https://new.example/mcp', headers: { 'x-key': 'another' } });
    expect(moved.body).toMatchObject({ url: 'https://new.example/mcp', hasSecret: true });
    expect((await patch({ url: 'https://third.example/mcp', headers: {} })).status).toBe(200);
    expect((await patch({ url: 'https://fourth.example/mcp' })).status).toBe(200);
  });

  it('never hands its variables to another program', async () => {
    const made = await connect({
      slug: 'files',
      kind: 'mcp-stdio',
      catalog: 'filesystem',
      env: { TOKEN: CANARY },
    });
    const patch = (body: object) =>
      service.call(key, 'PATCH', `/api/v1/connections/${made.body['id']}`, body);
    const refused = await patch({ catalog: 'everything' });
    expect(refused.status).toBe(400);
    expect(refused.body['detail']).toContain('"env": enter them again');
    expect((await patch({ catalog: 'filesystem', timeoutMs: 5_000 })).status).toBe(200);
    expect((await patch({ catalog: 'everything', env: {} })).body).toMatchObject({
      catalog: 'everything',
      hasSecret: false,
    });
  });
});
