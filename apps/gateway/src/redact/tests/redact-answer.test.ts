import { parseJsonExact } from '@conducktor/catalog';
import { compilePolicy, decide, parsePolicy, type Redaction } from '@conducktor/policy';
import { describe, expect, it } from 'vitest';
import type { ToolCallAnswer } from '../../mcp/ports.js';
import { redactAnswer } from '../redact-answer.js';

const NONE = [] as const;
const caller = {
  memberId: 'm',
  userId: 'u',
  email: 'a@x.example',
  groups: NONE,
  roles: NONE,
  clientId: 'c',
  scopes: NONE,
};
const tool = {
  name: 'crm_get',
  upstreamName: 'get',
  connection: 'crm',
  class: 'read' as const,
  labels: NONE,
};
/** As the policy of a workspace gives them to a call. */
function redactionsOf(redact: object): readonly Redaction[] {
  const rules = [{ id: 'hide', effect: 'redact', redact }];
  const policy = compilePolicy(parsePolicy({ version: 1, default: 'allow', rules }));
  const context = { now: new Date() };
  return decide(policy, { caller, tool, args: {}, context }).redactions!;
}

const HIDE = redactionsOf({
  fields: ['customer.mail'],
  kinds: ['email'],
  patterns: ['SECRET-\\d+'],
});
const redact = (result: Record<string, unknown>, by = HIDE) =>
  (redactAnswer(by, { kind: 'result', result }) as { result: Record<string, unknown> }).result;
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a result', () => {
  it('loses fields, kinds and patterns in what is structured, in JSON texts and in prose', () => {
    const customer = { mail: 'none of your business', name: 'Ada', other: 'ada@x.example' };
    expect(
      redact({
        content: [
          { type: 'text', text: JSON.stringify({ customer }) },
          { type: 'text', text: 'Ask ada@x.example about SECRET-1.' },
        ],
        structuredContent: { customer },
      }),
    ).toEqual({
      content: [
        {
          type: 'text',
          text: '{"customer":{"mail":"[redacted]","name":"Ada","other":"[redacted]"}}',
        },
        { type: 'text', text: 'Ask [redacted] about [redacted].' },
      ],
      structuredContent: {
        customer: { mail: '[redacted]', name: 'Ada', other: '[redacted]' },
      },
    });
  });

  it('keeps what the protocol reads, our call id, bytes, and numbers that no double has', () => {
    const everything = redactionsOf({ patterns: ['[a-z0-9]+'], fields: ['**'] });
    const result = {
      resultType: 'complete',
      isError: true,
      content: [{ type: 'image', data: 'iVBORw0KGgo=', mimeType: 'image/png' }],
      _meta: { 'conducktor/callId': 'call_1', theirs: 'x' },
    };
    expect(redact(result, everything)).toMatchObject({
      resultType: 'complete',
      isError: true,
      content: [{ type: 'image', data: 'iVBORw0KGgo=', mimeType: 'image/png' }],
      _meta: { 'conducktor/callId': 'call_1' },
    });
    const exact = parseJsonExact('{"structuredContent":{"n":12345678901234567890}}');
    expect(JSON.stringify(redact(exact as Record<string, unknown>))).toContain(
      '12345678901234567890',
    );
  });

  it('is redacted inside resources, links, prompts and text that comes as bytes', () => {
    const text = 'write to ada@x.example';
    const without = 'write to [redacted]';
    const bytes = Buffer.from([0xff, 0xfe, 0x40]).toString('base64');
    expect(
      redact({
        contents: [
          { uri: 'a:1', text },
          { uri: 'a:2', mimeType: 'text/plain', blob: base64(text) },
          { uri: 'a:3', blob: bytes },
        ],
        messages: [{ role: 'user', content: { type: 'text', text } }],
        content: [
          { type: 'resource', resource: { uri: 'a:4', text } },
          { type: 'resource_link', uri: 'a:5', name: 'a', description: text },
        ],
      }),
    ).toEqual({
      contents: [
        { uri: 'a:1', text: without },
        { uri: 'a:2', mimeType: 'text/plain', blob: base64(without) },
        { uri: 'a:3', blob: bytes },
      ],
      messages: [{ role: 'user', content: { type: 'text', text: without } }],
      content: [
        { type: 'resource', resource: { uri: 'a:4', text: without } },
        { type: 'resource_link', uri: 'a:5', name: 'a', description: without },
      ],
    });
  });

  it('is redacted where bytes or the name of a kind should stand', () => {
    const data = { mail: 'ada@x.example' };
    const svg = '<svg><text>ada@x.example</text></svg>';
    expect(
      redact({
        content: [
          { type: 'text', text: 'hello', data, mimeType: data },
          { type: data, text: 'hello' },
          { type: 'image', mimeType: 'image/svg+xml', data: base64(svg) },
        ],
        messages: [{ role: data, content: { type: 'text', text: 'hello' } }],
        contents: [{ uri: 'a:1', mimeType: data, text: 'hello' }],
        resultType: data,
      }),
    ).toEqual({
      content: [
        {
          type: 'text',
          text: 'hello',
          data: { mail: '[redacted]' },
          mimeType: { mail: '[redacted]' },
        },
        { type: { mail: '[redacted]' }, text: 'hello' },
        {
          type: 'image',
          mimeType: 'image/svg+xml',
          data: base64('<svg><text>[redacted]</text></svg>'),
        },
      ],
      messages: [{ role: { mail: '[redacted]' }, content: { type: 'text', text: 'hello' } }],
      contents: [{ uri: 'a:1', mimeType: { mail: '[redacted]' }, text: 'hello' }],
      resultType: { mail: '[redacted]' },
    });
  });

  it('asks its questions without it, and brings back the state that it gave', () => {
    const params = { mode: 'form', message: 'Is it ada@x.example?', requestedSchema: {} };
    expect(
      redact({
        resultType: 'input_required',
        requestState: 'ada@x.example',
        inputRequests: { who: { method: 'elicitation/create', params } },
      }),
    ).toEqual({
      resultType: 'input_required',
      requestState: 'ada@x.example',
      inputRequests: {
        who: {
          method: 'elicitation/create',
          params: { ...params, message: 'Is it [redacted]?' },
        },
      },
    });
  });
});

it('takes it out of what an error says and carries', () => {
  const error = {
    code: -32_000,
    message: 'no ada@x.example',
    data: { customer: { mail: 1 }, _meta: { 'conducktor/callId': 'call_1' } },
  };
  expect(redactAnswer(HIDE, { kind: 'error', error })).toEqual({
    kind: 'error',
    error: {
      code: -32_000,
      message: 'no [redacted]',
      data: { customer: { mail: '[redacted]' }, _meta: { 'conducktor/callId': 'call_1' } },
    },
  });
});

it('gives back the very same answer where nothing is to be taken out of results', () => {
  const answer: ToolCallAnswer = { kind: 'result', result: { content: [] } };
  expect(redactAnswer(undefined, answer)).toBe(answer);
  expect(redactAnswer(redactionsOf({ kinds: ['email'], from: ['audit'] }), answer)).toBe(answer);
});

it('fails where it cannot be redacted', () => {
  let deep: unknown = 'x';
  for (let level = 0; level < 300; level++) deep = [deep];
  expect(() => redact({ structuredContent: deep })).toThrow();
});
