import { describe, expect, test } from 'vitest';
import { audiencesOf, defaultResource, isMcpResource, normaliseScopes } from '../src/index.js';

describe('scopes', () => {
  test('short names mean the full ones, and each counts once', () => {
    expect(normaliseScopes('read write mcp:read  offline_access')).toEqual([
      'mcp:read',
      'mcp:write',
      'offline_access',
    ]);
  });
  test('no scope is an empty list', () => {
    expect(normaliseScopes(undefined)).toEqual([]);
    expect(normaliseScopes('')).toEqual([]);
  });
});

describe('resources', () => {
  const at = 'https://gateway.example';

  test.each(['/mcp', '/mcp/linear-prod', '/api/conducktor-mcp', '/sse', '/api/mcp/sse'])(
    '%s is a resource a token can be asked for',
    (path) => expect(isMcpResource(at, at + path)).toBe(true),
  );

  test.each([
    'https://gateway.example',
    'https://gateway.example/',
    'https://gateway.example/mcp/',
    'https://gateway.example/mcp/UPPER',
    'https://gateway.example/mcp/a/b',
    'https://gateway.example/mcp?x=1',
    'https://gateway.example.evil.test/mcp',
    'https://gateway.example@evil.test/mcp',
    'http://gateway.example/mcp',
    'https://gateway.example/api/v1',
  ])('%s is refused', (resource) => expect(isMcpResource(at, resource)).toBe(false));

  test('the default audience is good on every alias, a toolset only on itself', () => {
    expect(defaultResource(at)).toBe('https://gateway.example/mcp');
    expect(audiencesOf(at, '/mcp')).toEqual(['https://gateway.example/mcp']);
    expect(audiencesOf(at, '/sse')).toEqual([
      'https://gateway.example/mcp',
      'https://gateway.example/sse',
    ]);
    expect(audiencesOf(at, '/mcp/finance')).toEqual(['https://gateway.example/mcp/finance']);
    expect(audiencesOf(at, '/api/v1')).toEqual([]);
  });
});
