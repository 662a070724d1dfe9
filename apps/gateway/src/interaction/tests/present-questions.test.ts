import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ToolCallAnswer } from '../../mcp/ports.js';
import type { RecordedCall } from '../../tool-call/types.js';
import { ownQuestions, presentQuestions } from '../questions.js';
import { RequestStates } from '../request-state.js';

const deps = { states: new RequestStates(randomBytes(32)) };
const ALL = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
const ASK = { method: 'elicitation/create', params: { message: 'Who?' } };

function call(more: { era?: string; capabilities?: object; method?: string; ask?: unknown } = {}) {
  const { era = 'modern', capabilities = ALL, method = 'tools/call', ask } = more;
  return {
    callId: 'call_1',
    caller: { workspace: { tenantId: 'ten_1' }, member: { id: 'mem_1' }, clientId: 'c' },
    tool: { shownName: 'a_b', connection: { id: 'con_1', slug: 'a' } },
    sent: { method, name: 'b' },
    argumentsHash: 'h',
    input: { context: { era, capabilities }, ...(ask !== undefined && { ask }) },
  } as unknown as RecordedCall;
}
const required = (more: object): ToolCallAnswer => ({
  kind: 'result',
  result: { resultType: 'input_required', ...more },
});
const codeOf = (answer: ToolCallAnswer) =>
  /"conducktor\/code":"(\w+)"/.exec(JSON.stringify(answer))?.[1];

describe('an upstream’s question', () => {
  it.each([
    ['nothing at all', {}],
    ['a list', { inputRequests: [], requestState: 's' }],
    ['a method that clients do not have', { inputRequests: { a: { method: 'tools/call' } } }],
    ['parameters that are none', { inputRequests: { a: { ...ASK, params: 1 } } }],
    ['a state that is no text', { inputRequests: { a: ASK }, requestState: {} }],
  ])('that is none of MCP’s ends the call: %s', (_, more) => {
    expect(codeOf(presentQuestions(deps, call(), required(more)))).toBe('input_not_given');
  });

  it('ends a request whose results have none', () => {
    const answer = presentQuestions(
      deps,
      call({ method: 'completion/complete' }),
      required({ inputRequests: { a: ASK } }),
    );
    expect(answer).toMatchObject({ kind: 'error', error: { code: -32_603 } });
  });

  it.each([
    [{ elicitation: {} }, ASK, undefined],
    [{ elicitation: { form: {} } }, ASK, undefined],
    [{ elicitation: { url: {} } }, ASK, { elicitation: { form: {} } }],
    [{ sampling: {} }, ASK, { elicitation: { form: {} } }],
    [
      { elicitation: {} },
      { ...ASK, params: { mode: 'url', url: 'https://x' } },
      { elicitation: { url: {} } },
    ],
    [{ sampling: {} }, { method: 'sampling/createMessage', params: {} }, undefined],
    [
      { sampling: {} },
      { method: 'sampling/createMessage', params: { tools: [] } },
      { sampling: { tools: {} } },
    ],
    [
      { sampling: { tools: {} } },
      { method: 'sampling/createMessage', params: { tools: [] } },
      undefined,
    ],
    [{ roots: {} }, { method: 'roots/list' }, undefined],
    [{}, { method: 'roots/list' }, { roots: {} }],
  ])('to a client with %j is %j', (capabilities, ask, missing) => {
    const inputRequests = { a: ask, ...(missing && { b: ask }) };
    const answer = presentQuestions(deps, call({ capabilities }), required({ inputRequests }));
    if (!missing) return expect(answer).toMatchObject({ result: { resultType: 'input_required' } });
    expect(answer).toMatchObject({
      status: 400,
      error: { code: -32_021, data: { requiredCapabilities: missing } },
    });
  });

  it('is no question to a legacy client that cannot be asked', () => {
    const asked = required({ inputRequests: { a: ASK } });
    expect(codeOf(presentQuestions(deps, call({ era: 'legacy' }), asked))).toBe(
      'client_cannot_be_asked',
    );
    expect(presentQuestions(deps, call({ era: 'legacy', ask: () => {} }), asked)).toBe(asked);
  });

  it('is answered by the gateway for a legacy client, and when it asks nothing', () => {
    const asks = required({ inputRequests: { a: ASK }, requestState: 's' });
    const waits = required({ requestState: 's' });
    expect(ownQuestions(call(), asks)).toBeUndefined();
    expect(ownQuestions(call(), waits)).toEqual({ requests: [], requestState: 's' });
    expect(ownQuestions(call({ era: 'legacy' }), asks)?.requests).toEqual([['a', ASK]]);
    expect(ownQuestions(call(), { kind: 'result', result: { content: [] } })).toBeUndefined();
  });
});
