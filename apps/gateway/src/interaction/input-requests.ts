import { randomUUID } from 'node:crypto';
import type { AskMethod, AskNote, ClientCapabilities } from '@conducktor/contracts';

type Fields = Record<string, unknown>;

/** A question as both eras write it: in a request of its own, or inside an `input_required` result. */
export interface InputRequest {
  method: AskMethod;
  params: Fields;
}

const METHODS: ReadonlySet<unknown> = new Set<AskMethod>([
  'elicitation/create',
  'sampling/createMessage',
  'roots/list',
]);

/** The questions of an `input_required` result by their keys; undefined when they are none of MCP's. */
export function readInputRequests(value: unknown): [string, InputRequest][] | undefined {
  if (value === undefined) return [];
  if (!isObject(value)) return undefined;
  const requests: [string, InputRequest][] = [];
  for (const [key, entry] of Object.entries(value)) {
    if (!isObject(entry) || !METHODS.has(entry['method'])) return undefined;
    const params = entry['params'];
    if (params !== undefined && !isObject(params)) return undefined;
    requests.push([key, { method: entry['method'] as AskMethod, params: params ?? {} }]);
  }
  return requests;
}

/** What the client would have had to declare to be asked this, and did not; undefined: it may be asked. */
export function missingCapability(
  { method, params }: InputRequest,
  declared: ClientCapabilities = {},
): Fields | undefined {
  switch (method) {
    case 'elicitation/create': {
      const { elicitation } = declared;
      const url = params['mode'] === 'url';
      // A bare `elicitation: {}` is the form of 2025-06-18.
      const may = elicitation && (url ? elicitation.url : (elicitation.form ?? !elicitation.url));
      return may ? undefined : { elicitation: url ? { url: {} } : { form: {} } };
    }
    case 'sampling/createMessage': {
      const tools = params['tools'] !== undefined || params['toolChoice'] !== undefined;
      const may = declared.sampling && (!tools || declared.sampling['tools']);
      return may ? undefined : { sampling: tools ? { tools: {} } : {} };
    }
    case 'roots/list':
      return declared.roots ? undefined : { roots: {} };
  }
}

/** For an `input_required` result: URL elicitations have no ids any more in 2026-07-28. */
export function toModern({ method, params }: Omit<AskNote, 'askId'>): InputRequest {
  const { elicitationId: _, ...rest } = params;
  return { method, params: method === 'elicitation/create' ? rest : params };
}

/** For a request of its own: 2025-11-25 wants an id for each URL. */
export function toLegacy({ method, params }: InputRequest): InputRequest {
  const needsId =
    method === 'elicitation/create' &&
    params['mode'] === 'url' &&
    typeof params['elicitationId'] !== 'string';
  return { method, params: needsId ? { ...params, elicitationId: randomUUID() } : params };
}

/** The addresses of a URL elicitation error (-32042, 2025-11-25); undefined when it names none. */
export function readUrlElicitations(data: unknown): [string, InputRequest][] | undefined {
  const elicitations = isObject(data) ? data['elicitations'] : undefined;
  if (!Array.isArray(elicitations) || elicitations.length === 0) return undefined;
  const requests: [string, InputRequest][] = [];
  for (const [index, params] of elicitations.entries()) {
    if (!isObject(params) || typeof params['url'] !== 'string') return undefined;
    const asked = toModern({ method: 'elicitation/create', params: { ...params, mode: 'url' } });
    requests.push([`url-${index + 1}`, asked]);
  }
  return requests;
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
