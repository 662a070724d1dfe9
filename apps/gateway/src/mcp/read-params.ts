/** What a request's params must be like before the story sees them, and the idempotency key of a call. */
import { isObject, metaOf, type Params } from './json-rpc.js';
import type { ClientInput, McpMethod, McpRequestContext, ToolCallInput } from './ports.js';

const MAX_IDEMPOTENCY_KEY = 255;

/** What must be there of a method's params; the rest is the upstream's to judge. */
const PARAMS = new Map<McpMethod, (params: Params) => string | undefined>([
  ['resources/list', cursorFault],
  ['resources/templates/list', cursorFault],
  ['prompts/list', cursorFault],
  ['resources/read', ({ uri }) => (isText(uri) ? undefined : 'params.uri must be a URI.')],
  [
    'prompts/get',
    ({ name, arguments: args }) =>
      !isText(name)
        ? 'params.name must be the name of a prompt.'
        : args !== undefined && !isObject(args)
          ? 'params.arguments must be an object.'
          : undefined,
  ],
  [
    'completion/complete',
    ({ ref, argument }) =>
      !isObject(ref) || !isText(ref['type'])
        ? 'params.ref must say what is completed.'
        : !isObject(argument) || !isText(argument['name']) || typeof argument['value'] !== 'string'
          ? 'params.argument must have a name and a value.'
          : undefined,
  ],
]);

/** What is wrong with them, or `undefined`. */
export function entryFault(method: McpMethod, params: Params): string | undefined {
  return PARAMS.get(method)!(params);
}

/** Whether the port's `request` answers this method. */
export function isEntry(method: string): method is McpMethod {
  return PARAMS.has(method as McpMethod);
}

/** A sentence when it is no call. */
export function readCall(
  context: McpRequestContext,
  params: Params | undefined,
  signal: AbortSignal,
): ToolCallInput | string {
  const name = params?.['name'];
  if (typeof name !== 'string' || name === '') return 'params.name must be the name of a tool.';
  const argumentsValue = params?.['arguments'] ?? {};
  if (!isObject(argumentsValue)) return 'params.arguments must be an object.';
  const meta = metaOf(params);
  const key = idempotencyKeyOf(context, meta);
  if (typeof key === 'object') return key.fault;
  return { context, name, argumentsValue, meta, idempotencyKey: key, signal };
}

function idempotencyKeyOf(
  context: McpRequestContext,
  meta: Params | undefined,
): string | undefined | { fault: string } {
  const header = context.headers['idempotency-key'];
  const inMeta = meta?.['conducktor/idempotencyKey'];
  if (inMeta !== undefined && typeof inMeta !== 'string')
    return { fault: 'The idempotency key must be a string.' };
  if (header !== undefined && inMeta !== undefined && header !== inMeta) {
    return { fault: 'The Idempotency-Key header and the key in _meta differ.' };
  }
  const key = header ?? inMeta;
  if (key === undefined) return undefined;
  if (key.length === 0 || key.length > MAX_IDEMPOTENCY_KEY) {
    return { fault: `The idempotency key must have 1 to ${MAX_IDEMPOTENCY_KEY} characters.` };
  }
  return key;
}

/** The answers to an `input_required` result that it brings; a sentence when they are none. */
export function readInput(
  { era }: McpRequestContext,
  params: Params | undefined,
): ClientInput | string | undefined {
  if (era !== 'modern' || !params) return undefined;
  const { requestState, inputResponses } = params;
  if (requestState === undefined && inputResponses === undefined) return undefined;
  if (requestState !== undefined && typeof requestState !== 'string')
    return 'params.requestState must be a string.';
  if (inputResponses !== undefined && !isObject(inputResponses))
    return 'params.inputResponses must be an object.';
  return { requestState, inputResponses };
}

function cursorFault({ cursor }: Params): string | undefined {
  return cursor === undefined || typeof cursor === 'string'
    ? undefined
    : 'params.cursor must be a string.';
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
