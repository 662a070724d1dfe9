// Proxies route by headers, we decide on the body: what runs is always what both say (CVE-2026-27896).
import { rawMcp } from '@conducktor/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkStandardHeaders, decodeHeader, type Headers } from '../agreement.js';
import { classify } from '../classify.js';
import { startGateway, type TestGateway } from './support/gateway.js';
import { postRaw } from './support/raw-socket.js';

const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const METHODS = [
  'tools/call',
  'tools/list',
  'server/discover',
  'prompts/get',
  'resources/read',
  'TOOLS/CALL',
  '',
];
const method = fc.constantFrom(...METHODS);
const name = fc.constantFrom(
  'read_note',
  'delete_note',
  'Read_note',
  'read_note ',
  '',
  '=?base64?cmVhZF9ub3Rl?=',
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const field = (of: string) => (of === 'resources/read' ? 'uri' : 'name');

describe('for any combination of headers and body', () => {
  test('a modern request passes exactly when every required header says what the body says', () => {
    fc.assert(
      fc.property(
        maybe(fc.constantFrom('2026-07-28', '2025-11-25', '2027-01-01')),
        maybe(method),
        maybe(name),
        method,
        name,
        (version, headerMethod, headerName, bodyMethod, bodyName) => {
          const headers: Headers = {
            'mcp-protocol-version': version,
            'mcp-method': headerMethod,
            'mcp-name': headerName,
          };
          const params = { [field(bodyMethod)]: bodyName, _meta: ENVELOPE };
          const classified = classify({ kind: 'request', method: bodyMethod, params }, headers);
          const named = ['tools/call', 'prompts/get', 'resources/read'].includes(bodyMethod);
          const agrees =
            version === '2026-07-28' &&
            headerMethod === bodyMethod &&
            bodyMethod !== '' &&
            (!named || (Boolean(headerName) && decodeHeader(headerName!) === bodyName));
          expect(classified.kind).toBe(agrees ? 'modern' : 'refusal');
          if (classified.kind === 'refusal')
            expect([classified.status, classified.error.code]).toEqual([400, -32020]);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  test('no message with a claim is ever taken for legacy', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.jsonValue(),
        maybe(fc.string()),
        method,
        (version, capabilities, header, bodyMethod) => {
          const params = {
            _meta: {
              'io.modelcontextprotocol/protocolVersion': version,
              'io.modelcontextprotocol/clientCapabilities': capabilities,
            },
          };
          const classified = classify(
            { kind: 'request', method: bodyMethod, params },
            { 'mcp-protocol-version': header },
          );
          expect(classified.kind).not.toBe('legacy');
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('a name survives the base64 form of the header, and nothing else does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, other) => {
        const header = `=?base64?${Buffer.from(one, 'utf8').toString('base64')}?=`;
        const check = (bodyName: string) =>
          checkStandardHeaders(
            {
              'mcp-protocol-version': '2026-07-28',
              'mcp-method': 'tools/call',
              'mcp-name': header,
            },
            { method: 'tools/call', params: { name: bodyName } },
          );
        expect(check(one)).toBeUndefined();
        if (one !== other) expect(check(other)?.error.code).toBe(-32020);
      }),
    );
  });
});

describe('over HTTP', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  test('a header that says read never lets a body that says delete run', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('t_echo', 't_wait'),
        fc.constantFrom('t_echo', 't_structured', ''),
        async (header, body) => {
          const before = gateway.governed.calls.length;
          const answer = await rawMcp(
            gateway.mcp,
            'tools/call',
            { name: body, arguments: { ms: 1 } },
            { token: 'alice', headers: { 'mcp-name': header } },
          );
          const ran = gateway.governed.calls.slice(before).map((call) => call.name);
          if (header === body) expect(ran).toEqual([body]);
          else expect([answer.status, answer.message?.error?.code, ran]).toEqual([400, -32020, []]);
        },
      ),
      { numRuns: 30 },
    );
  });

  const CALL = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 't_echo', _meta: ENVELOPE },
  });
  const post = (lines: string[]) =>
    postRaw(gateway.mcp, ['Authorization: Bearer alice', ...lines], CALL);

  test('header names in any case and blanks around values mean the same', async () => {
    const lines = [
      'MCP-PROTOCOL-VERSION: 2026-07-28',
      'mcp-method:tools/call',
      'Mcp-Name: \t  t_echo \t ',
    ];
    expect(await post(lines)).toBe(200);
  });

  test('a header sent twice agrees with nothing', async () => {
    const lines = [
      'MCP-Protocol-Version: 2026-07-28',
      'Mcp-Method: tools/call',
      'Mcp-Name: t_echo',
    ];
    expect(await post(lines)).toBe(200);
    expect(await post([...lines, 'Mcp-Name: t_wait'])).toBe(400);
    expect(await post([...lines, 'mcp-name: t_echo'])).toBe(400);
    expect(await post([...lines, 'Mcp-Method: tools/list'])).toBe(400);
  });
});
