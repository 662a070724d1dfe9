import { describe, expect, it } from 'vitest';
import type { OutgoingCall } from '../../connector.js';
import { callParams, namedIn } from '../call-params.js';
import { declaredOf, mayAsk, NOTHING } from '../capabilities.js';
import { modernMeta } from '../versions.js';

const call = (more: Partial<OutgoingCall>): OutgoingCall => ({
  memberId: 'mem_a',
  method: 'tools/call',
  name: 'echo',
  argumentsJson: '{}',
  meta: undefined,
  wantsProgress: false,
  declared: NOTHING,
  logLevel: undefined,
  input: undefined,
  traceparent: undefined,
  stopped: undefined,
  onStop: undefined,
  markSent: () => {},
  progress: () => {},
  notify: () => {},
  ask: () => 'gone',
  withdraw: () => {},
  event: () => {},
  ...more,
});

describe('the params of a call', () => {
  it.each([
    [{ argumentsJson: '{"a":1.0}' }, '{"name":"echo","arguments":{"a":1.0}}'],
    [{ method: 'prompts/get', name: 'p' }, '{"name":"p","arguments":{}}'],
    [{ method: 'resources/read', argumentsJson: '{"uri":"x:y"}' }, '{"uri":"x:y"}'],
    [{ method: 'resources/list' }, '{}'],
    [{ method: 'resources/list', meta: { 'a/b': 1 } }, '{"_meta":{"a/b":1}}'],
    [
      { method: 'prompts/list', argumentsJson: '{"cursor":"c"}', wantsProgress: true },
      '{"cursor":"c","_meta":{"progressToken":7}}',
    ],
    [
      { input: { requestState: 's', inputResponses: { q: { action: 'decline' } } } },
      '{"name":"echo","arguments":{},"inputResponses":{"q":{"action":"decline"}},"requestState":"s"}',
    ],
    [
      { method: 'resources/read', input: { requestState: 's' }, meta: { m: 1 } },
      '{"requestState":"s","_meta":{"m":1}}',
    ],
  ] as [Partial<OutgoingCall>, string][])('%j', (more, text) => {
    expect(callParams(call(more), 7, undefined)).toBe(text);
    expect(JSON.parse(text)).toBeTypeOf('object');
  });

  it('of 2026-07-28 say what the client can be asked and which log messages it wants', () => {
    const declared = declaredOf({ sampling: {} });
    const text = callParams(call({ declared }), 7, modernMeta(declared, 'error'));
    expect(JSON.parse(text)).toMatchObject({
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': { sampling: {} },
        'io.modelcontextprotocol/logLevel': 'error',
      },
    });
    expect(modernMeta(declared, 'error')).toBe(modernMeta(declaredOf({ sampling: {} }), 'error'));
  });

  it('carry the trace context to servers of 2026-07-28, in place of what the client said of it', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const meta = (more: Partial<OutgoingCall>, fixed: object | undefined) =>
      JSON.parse(callParams(call({ traceparent, ...more }), 7, fixed as Record<string, unknown>))[
        '_meta'
      ];
    const modern = modernMeta(NOTHING, undefined);
    expect(meta({}, modern)).toEqual({ ...modern, traceparent });
    expect(meta({ meta: { traceparent: 'theirs', a: 1 } }, modern)).toEqual({
      ...modern,
      a: 1,
      traceparent,
    });
    expect(meta({}, undefined)).toBeUndefined();
  });

  it('name what Mcp-Name repeats, where that is asked', () => {
    expect(namedIn(call({ method: 'resources/read', name: 'x:y' }))).toBe('x:y');
    expect(namedIn(call({ method: 'completion/complete', name: 'p' }))).toBeUndefined();
  });
});

describe('what a client can be asked', () => {
  it('is the same for the same abilities, however they were written', () => {
    const written = { roots: { listChanged: true }, elicitation: {} };
    expect(declaredOf(written)).toBe(declaredOf({ elicitation: { form: { x: 1 } }, roots: {} }));
    expect(declaredOf({})).toBe(NOTHING);
    expect(declaredOf({ extensions: { 'com.example/other': {} } })).toBe(NOTHING);
  });

  it('does not grow with what a client invents', () => {
    const settings = { 'io.modelcontextprotocol/ui': { mimeTypes: ['x'.repeat(10_000)] } };
    expect(declaredOf({ extensions: settings }).key.length).toBeLessThan(200);
  });

  it.each([
    ['elicitation/create', {}, { elicitation: {} }, true],
    ['elicitation/create', { mode: 'form' }, { elicitation: { url: {} } }, false],
    ['elicitation/create', { mode: 'url' }, { elicitation: { url: {} } }, true],
    ['elicitation/create', { mode: 'url' }, { elicitation: {} }, false],
    ['elicitation/create', { mode: 'voice' }, { elicitation: { form: {}, url: {} } }, false],
    ['elicitation/create', { mode: 'form' }, { elicitation: { form: {} } }, true],
    ['sampling/createMessage', {}, { sampling: {} }, true],
    ['sampling/createMessage', { tools: [] }, { sampling: {} }, false],
    ['sampling/createMessage', { tools: [] }, { sampling: { tools: {} } }, true],
    ['roots/list', {}, { roots: {} }, true],
    ['roots/list', {}, { sampling: {} }, false],
    ['tools/list', {}, { roots: {} }, false],
  ])('%s %j of a client with %j: %s', (method, params, capabilities, answer) => {
    expect(mayAsk(declaredOf(capabilities), method, params)).toBe(answer);
  });
});
