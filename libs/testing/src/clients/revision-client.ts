import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitationCompleteNotificationSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  PromptListChangedNotificationSchema,
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';

export const REVISIONS = [
  '2024-11-05',
  '2025-03-26',
  '2025-06-18',
  '2025-11-25',
  '2026-07-28',
] as const;
export type Revision = (typeof REVISIONS)[number];

type Answer = Record<string, unknown>;

/** What the client answers when it is asked. A kind that is left out is not declared as a capability. */
export interface Answers {
  elicitation?: ((params: Answer) => Answer) | undefined;
  sampling?: (params: Answer) => Answer;
  roots?: () => Answer;
}

/** An official client that speaks exactly one revision, with one face for all of them. */
export interface RevisionClient {
  readonly revision: Revision;
  /** Every notification that came, as method and params. */
  readonly notifications: { method: string; params: Answer }[];
  request(method: string, params?: Answer): Promise<Answer>;
  callTool(
    name: string,
    args?: Answer,
    options?: { onProgress?: (progress: number) => void; signal?: AbortSignal },
  ): Promise<Answer>;
  /** `resources/subscribe`, or `subscriptions/listen` where there is no other. */
  subscribe(uri: string): Promise<void>;
  /** Resolves with the first notification of this method after so many, when it is there or comes. */
  notified(method: string, options?: { after?: number; timeoutMs?: number }): Promise<Answer>;
  close(): Promise<void>;
}

const INFO = { name: 'conducktor-test', version: '1.0.0' };

/**
 * Connects with one revision. `url` is an MCP URL (an SSE one for 2024-11-05). Rejects when the server
 * negotiates another revision.
 */
export async function connectRevision(
  revision: Revision,
  url: string,
  token: string,
  willing: Answers = {},
): Promise<RevisionClient> {
  // Before 2025-06-18 there was no elicitation to declare.
  const answers = revision < '2025-06-18' ? { ...willing, elicitation: undefined } : willing;
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  const notes = new Notes();
  if (revision === '2026-07-28') {
    const client = new ModernClient(INFO, {
      capabilities: capabilitiesOf(revision, answers),
      versionNegotiation: { mode: { pin: revision } },
    });
    answerModern(client, answers);
    for (const method of NOTIFICATIONS)
      client.setNotificationHandler(method, (note) => notes.add(method, note.params));
    await client.connect(new ModernTransport(new URL(url), { requestInit }));
    await client
      .listen({ toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true })
      .catch(() => undefined);
    return faceOf(revision, client as unknown as Speaker, notes, async (uri) => {
      const { honoredFilter } = await client.listen({ resourceSubscriptions: [uri] });
      if (!honoredFilter.resourceSubscriptions?.includes(uri))
        throw new Error(`The server does not honour a subscription of ${uri}.`);
    });
  }
  const client = new LegacyClient(INFO, { capabilities: capabilitiesOf(revision, answers) });
  answerLegacy(client, answers);
  for (const schema of LEGACY_NOTIFICATIONS)
    client.setNotificationHandler(schema, (note) =>
      notes.add(note.method, note.params as Answer | undefined),
    );
  const transport =
    revision === '2024-11-05'
      ? new SSEClientTransport(new URL(url), { requestInit })
      : new StreamableHTTPClientTransport(new URL(url), { requestInit });
  const negotiated = pinned(transport, revision);
  await client.connect(transport);
  if (negotiated() !== revision)
    throw new Error(`Asked for ${revision}, the server negotiated ${negotiated()}.`);
  return faceOf(revision, client as unknown as Speaker, notes, async (uri) => {
    await client.subscribeResource({ uri });
  });
}

/** What both official clients have in common, as far as it is used here. */
interface Speaker {
  request(request: object, schema?: unknown, options?: object): Promise<Answer>;
  callTool(params: object, schema?: unknown, options?: object): Promise<Answer>;
  listTools(): Promise<Answer>;
  listResources(params?: object): Promise<Answer>;
  listResourceTemplates(params?: object): Promise<Answer>;
  readResource(params: object): Promise<Answer>;
  listPrompts(params?: object): Promise<Answer>;
  getPrompt(params: object): Promise<Answer>;
  complete(params: object): Promise<Answer>;
  setLoggingLevel(level: unknown): Promise<Answer>;
  close(): Promise<void>;
}

function faceOf(
  revision: Revision,
  client: Speaker,
  notes: Notes,
  subscribe: (uri: string) => Promise<void>,
): RevisionClient {
  const modern = revision === '2026-07-28';
  const methods: Record<string, (params: Answer) => Promise<Answer>> = {
    'tools/list': () => client.listTools(),
    'resources/list': (params) => client.listResources(params),
    'resources/templates/list': (params) => client.listResourceTemplates(params),
    'resources/read': (params) => client.readResource(params),
    'prompts/list': (params) => client.listPrompts(params),
    'prompts/get': (params) => client.getPrompt(params),
    'completion/complete': (params) => client.complete(params),
    'logging/setLevel': (params) => client.setLoggingLevel(params['level']),
  };
  return {
    revision,
    notifications: notes.all,
    request: (method, params = {}) => methods[method]!(params),
    callTool: (name, args = {}, { onProgress, signal } = {}) => {
      const options = {
        timeout: 20_000,
        ...(signal && { signal }),
        ...(onProgress && {
          onprogress: ({ progress }: { progress: number }) => onProgress(progress),
        }),
      };
      const params = {
        name,
        arguments: args,
        ...(modern && { _meta: { 'io.modelcontextprotocol/logLevel': 'debug' } }),
      };
      return modern
        ? client.callTool(params, options)
        : client.callTool(params, CallToolResultSchema, options);
    },
    subscribe,
    notified: (method, options) => notes.next(method, options),
    close: () => client.close(),
  };
}

/** Makes the client of another revision ask for this one, and hears what was negotiated. */
function pinned(transport: Transport, revision: Revision): () => string | undefined {
  let negotiated: string | undefined;
  const send = transport.send.bind(transport);
  transport.send = (message, options) => {
    if ('method' in message && message.method === 'initialize')
      (message.params as Answer)['protocolVersion'] = revision;
    return send(message, options);
  };
  const setVersion = transport.setProtocolVersion?.bind(transport);
  transport.setProtocolVersion = (version) => {
    negotiated = version;
    setVersion?.(version);
  };
  return () => negotiated;
}

function capabilitiesOf(revision: Revision, answers: Answers): Answer {
  return {
    ...(answers.elicitation && {
      elicitation: revision >= '2025-11-25' ? { form: {}, url: {} } : {},
    }),
    ...(answers.sampling && { sampling: {} }),
    ...(answers.roots && { roots: {} }),
  };
}

function answerModern(client: ModernClient, { elicitation, sampling, roots }: Answers): void {
  type Any = never;
  if (elicitation)
    client.setRequestHandler(
      'elicitation/create',
      (asked) => elicitation(asked.params as Answer) as Any,
    );
  if (sampling)
    client.setRequestHandler(
      'sampling/createMessage',
      (asked) => sampling(asked.params as Answer) as Any,
    );
  if (roots) client.setRequestHandler('roots/list', () => roots() as Any);
}

function answerLegacy(client: LegacyClient, { elicitation, sampling, roots }: Answers): void {
  type Any = never;
  if (elicitation)
    client.setRequestHandler(
      ElicitRequestSchema,
      (asked) => elicitation(asked.params as Answer) as Any,
    );
  if (sampling)
    client.setRequestHandler(
      CreateMessageRequestSchema,
      (asked) => sampling(asked.params as Answer) as Any,
    );
  if (roots) client.setRequestHandler(ListRootsRequestSchema, () => roots() as Any);
}

const NOTIFICATIONS = [
  'notifications/message',
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
] as const;
const LEGACY_NOTIFICATIONS = [
  LoggingMessageNotificationSchema,
  ToolListChangedNotificationSchema,
  PromptListChangedNotificationSchema,
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ElicitationCompleteNotificationSchema,
] as const;

class Notes {
  readonly all: { method: string; params: Answer }[] = [];
  readonly #waiting = new Set<() => void>();

  add(method: string, params: Answer | undefined): void {
    this.all.push({ method, params: params ?? {} });
    for (const wake of this.#waiting) wake();
  }

  next(method: string, { after = 0, timeoutMs = 10_000 } = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const note = this.all.filter((one) => one.method === method)[after];
        if (!note) return;
        this.#waiting.delete(look);
        clearTimeout(timer);
        resolve(note.params);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`No ${method} within ${timeoutMs} ms.`));
      }, timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }
}
