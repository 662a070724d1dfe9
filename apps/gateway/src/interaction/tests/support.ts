/** Upstreams of both eras that ask, behind a real worker and two gateways. */
import {
  RpcError,
  startConformanceUpstream,
  startRecordingUpstream,
  type ConformanceUpstream,
  type FixtureTool,
  type RecordingUpstream,
} from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, expect, vi } from 'vitest';
import type { ToolCallAnswer } from '../../mcp/ports.js';
import type { Governed } from '../../open-governed.js';
import { startWholePath, type WholePath } from '../../tests/support/whole-path.js';

const TOOLS = [
  'test_elicitation',
  'test_elicitation_url',
  'test_sampling',
  'test_list_roots',
  'test_simple_text',
  'test_tool_with_logging',
];
const MRTR = ['elicitation', 'request_state', 'multiple_inputs', 'multi_round', 'capabilities'].map(
  (name) => `test_input_required_result_${name}`,
);
export const ALL = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
export const NAME = { action: 'accept', content: { name: 'Ann' } };
export const ACCOUNT = { action: 'accept', content: { username: 'ann', email: 'ann@x.example' } };
export const MESSAGE = { action: 'accept', content: {} };

const tool = (name: string, run: FixtureTool['run']): FixtureTool => ({
  definition: { name, inputSchema: { type: 'object' } },
  run,
});
const namesOf = (tools: FixtureTool[]) => tools.map(({ definition }) => definition.name);

let waits = 0;
/** A server of 2026-07-28 that wants time, and asks nothing. */
const BUSY: FixtureTool[] = [
  tool('not_yet', async () =>
    waits++ % 2 === 0
      ? { resultType: 'input_required', requestState: 'later' }
      : { content: [{ type: 'text', text: 'now' }] },
  ),
];

let opened = 0;
const LINK = { mode: 'url', url: 'https://x.example/link', message: 'Link your account' };
const linkError = () =>
  new RpcError(-32_042, 'Link first', { elicitations: [{ ...LINK, elicitationId: 'e1' }] });
/** A server of 2025-11-25 that wants an account linked. */
const LINKED: FixtureTool[] = [
  tool('open', async () => {
    if (opened++ === 0) throw linkError();
    return { content: [{ type: 'text', text: 'open' }] };
  }),
  tool('closed', async () => {
    throw linkError();
  }),
];

export let path: WholePath;
export let one: Governed;
export let two: Governed;
export let old: ConformanceUpstream;
export let current: ConformanceUpstream;
let busy: RecordingUpstream;
let linked: RecordingUpstream;

/** For the top of a test file: the servers, the worker and the gateways. */
export function preparePath(): void {
  beforeAll(async () => {
    [waits, opened] = [0, 0];
    path = await startWholePath({ gateways: 2 });
    [one, two] = path.gateways as [Governed, Governed];
    old = await startConformanceUpstream({ revision: '2025-11-25' });
    current = await startConformanceUpstream({ revision: '2026-07-28' });
    await path.connect('old', old.url, [...TOOLS, ...MRTR]);
    await path.connect('new', current.url, [...TOOLS, ...MRTR]);
    busy = await startRecordingUpstream({ era: 'modern', tools: BUSY });
    linked = await startRecordingUpstream({ era: 'legacy', tools: LINKED });
    await path.connect('busy', busy.url, namesOf(BUSY));
    await path.connect('linked', linked.url, namesOf(LINKED));
  });
  afterAll(async () => {
    await path?.stop();
    await old?.close();
    await current?.close();
    await busy?.close();
    await linked?.close();
  });
  beforeEach(() => path.activate({ version: 1, default: 'allow', rules: [] }));
}

export type Fields = Record<string, unknown>;

/** The result of an answer that has one. */
export function resultOf(answer: ToolCallAnswer): Fields & { _meta: Fields } {
  expect(answer).toMatchObject({ kind: 'result' });
  return (answer as unknown as { result: Fields & { _meta: Fields } }).result;
}
export const textOf = (answer: ToolCallAnswer) =>
  String((resultOf(answer)['content'] as { text: string }[])[0]!.text);

/** The questions of an `input_required` answer, and what brings their answers back. */
export function asked(answer: ToolCallAnswer) {
  const result = resultOf(answer);
  expect(result['resultType']).toBe('input_required');
  const requests = result['inputRequests'] as Record<string, { method: string; params: Fields }>;
  return {
    requests,
    keys: Object.keys(requests),
    callId: result._meta['conducktor/callId'] as string,
    state: result['requestState'] as string | undefined,
    with: (inputResponses: Fields) => ({
      input: { requestState: result['requestState'] as string | undefined, inputResponses },
    }),
  };
}
export const outcomeOf = async (callId: string) =>
  (await path.records()).find((record) => record.callId === callId)?.outcome;
export const settled = (callId: string, outcome: string) =>
  vi.waitUntil(async () => (await outcomeOf(callId)) === outcome, { timeout: 30_000 });

/** A client of 2026-07-28 that can be asked everything. */
export const modern = { era: 'modern', capabilities: ALL } as const;
