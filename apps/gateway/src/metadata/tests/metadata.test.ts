import { afterAll, beforeAll, expect, test } from 'vitest';
import { MCP_PATHS } from '../../mcp/routes.js';
import { PUBLIC_URL, startGateway, type TestGateway } from '../../mcp/tests/support/gateway.js';
import { resourceMetadataUrl } from '../../mcp/challenge.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const get = async (path: string) => {
  const response = await fetch(gateway.url + path);
  return { response, document: (await response.json()) as Record<string, unknown> };
};

test.each(MCP_PATHS.concat('/mcp/github', '/mcp/nobody-has-this'))(
  '%s is a protected resource of its own',
  async (path) => {
    const { response, document } = await get(`/.well-known/oauth-protected-resource${path}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(document).toEqual({
      resource: PUBLIC_URL + path,
      authorization_servers: [PUBLIC_URL],
      scopes_supported: ['mcp:read', 'mcp:write'],
      bearer_methods_supported: ['header'],
      resource_name: 'Conducktor',
    });
  },
);

test('the fixed paths are these', () => {
  expect(MCP_PATHS).toEqual(['/mcp', '/api/conducktor-mcp', '/sse', '/messages', '/api/mcp/sse']);
});

test('without a path it is that of /mcp', async () => {
  expect((await get('/.well-known/oauth-protected-resource')).document['resource']).toBe(
    `${PUBLIC_URL}/mcp`,
  );
});

test('a challenge points to the document of the path that was asked', () => {
  expect(resourceMetadataUrl(PUBLIC_URL, '/mcp')).toBe(
    `${PUBLIC_URL}/.well-known/oauth-protected-resource/mcp`,
  );
});

test('what is no resource has none', async () => {
  for (const path of ['/other', '/mcp/Not-A-Slug', '/mcp/a/b', '/api']) {
    expect((await get(`/.well-known/oauth-protected-resource${path}`)).response.status).toBe(404);
  }
});
