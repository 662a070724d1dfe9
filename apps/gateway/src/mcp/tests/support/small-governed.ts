import { bearerChallenge } from '../../challenge.js';
import type {
  AuthenticateAnswer,
  Challenge,
  ClientEvent,
  Failure,
  GovernedMcp,
  Introduction,
  ListenInput,
  McpRequestContext,
  McpRequestInput,
  TaskInput,
  ToolCallAnswer,
  ToolCallInput,
  ToolListAnswer,
  WatchTaskInput,
} from '../../ports.js';

export interface SeenCall {
  principal: string;
  name: string;
  args: Record<string, unknown>;
  input: ToolCallInput;
  aborted: boolean;
  /** Once the story has answered, whether or not anybody heard it. */
  answered?: string;
}

const TOOLS = [
  'echo',
  'wait',
  'progress',
  'structured',
  'number',
  'failing',
  'kinds',
  'log',
  'ask',
  'input',
].map((name) => ({
  name: `t_${name}`,
  inputSchema: { type: 'object' },
  ...(name === 'number' && { outputSchema: { type: 'number' } }),
  'x-unknown': 'kept',
}));

export interface SeenListener extends ListenInput {
  principal: string;
  /** Absent: the lists. */
  uri?: string;
  open: boolean;
}

/**
 * Implements the port with tokens that are names (`alice`, `bob`, …), tools that show one thing each,
 * and resources `test:…`, of which `test:denied` is not for anybody. The only views are `/mcp` with its
 * aliases and `/mcp/known`.
 */
export class SmallGoverned implements GovernedMcp {
  readonly calls: SeenCall[] = [];
  readonly contexts: McpRequestContext[] = [];
  readonly requests: McpRequestInput[] = [];
  readonly listeners: SeenListener[] = [];
  /** Names that may not come in any more. */
  readonly revoked = new Set<string>();
  /** Names that are stopped for now. */
  readonly frozen = new Set<string>();
  /** Authentication cannot be done while this is set. */
  away = false;
  /** What there is too much of, as `limit` is told it. */
  readonly tooMany = new Set<string>();
  /** Resources at which a sign-in ends. */
  readonly signedOutOf = new Set<string>();
  /** To whoever listens for `apr_2`. */
  tellTask: WatchTaskInput['onTask'] | undefined;
  /** The upstream of `test:down` cannot be reached while this is set. */
  down = false;

  get listening(): SeenListener[] {
    return this.listeners.filter(({ open }) => open);
  }

  /** To whoever listens for it. */
  emit(event: ClientEvent): void {
    for (const listener of this.listening) {
      const heard = 'uri' in event ? listener.uri === event.uri : listener.uri === undefined;
      if (heard) listener.onEvent(event);
    }
  }

  async authenticate(context: McpRequestContext): Promise<AuthenticateAnswer> {
    this.contexts.push(context);
    const name = /^Bearer ([a-z0-9-]+)$/.exec(context.headers['authorization'] ?? '')?.[1];
    if (this.away) return UNAVAILABLE;
    if (name === undefined || name === 'expired' || this.revoked.has(name)) return UNAUTHENTICATED;
    const view = /^\/mcp\/(.+)$/.exec(context.resourcePath)?.[1];
    if (view !== undefined && view !== 'known') return NO_VIEW;
    const principal = `tenant ${name} client`;
    return this.frozen.has(name)
      ? { kind: 'caller', principal, frozen: FROZEN }
      : { kind: 'caller', principal };
  }

  async limit(_context: McpRequestContext, what: string): Promise<Failure | undefined> {
    return this.tooMany.has(what) ? { ...LIMITED, status: 429, retryAfterMs: 2_000 } : undefined;
  }

  async introduce({ resourcePath }: McpRequestContext): Promise<Introduction> {
    const instructions = resourcePath === '/mcp/known' ? 'This one is known.' : undefined;
    return { kind: 'introduction', instructions };
  }

  async listTools(context: McpRequestContext): Promise<ToolListAnswer> {
    const caller = await this.authenticate(context);
    return caller.kind === 'caller' ? { kind: 'tools', tools: TOOLS, etag: '1' } : caller;
  }

  async request(input: McpRequestInput): Promise<ToolCallAnswer> {
    const caller = await this.authenticate(input.context);
    if (caller.kind !== 'caller') return caller;
    this.requests.push(input);
    const { method, params } = input;
    const list = { ttlMs: 5_000, cacheScope: 'public', nextCursor: 'more', 'x-unknown': 'kept' };
    switch (method) {
      case 'resources/list':
        return result({ resources: [{ uri: 'test:a', name: 'a', icons: [] }], ...list });
      case 'resources/templates/list':
        return result({ resourceTemplates: [{ uriTemplate: 'test:{x}', name: 't' }], ...list });
      case 'prompts/list':
        return result({ prompts: [{ name: 'p', title: 'P', _meta: { a: 1 } }], ...list });
      case 'resources/read':
        if (params['uri'] === 'test:limited')
          return { ...LIMITED, status: 429, retryAfterMs: 2_000 };
        if (params['uri'] === 'test:input' && !input.input) return INPUT_REQUIRED;
        input.onProgress?.({ progress: 1 });
        return result({
          contents: [{ uri: params['uri'], text: JSON.stringify(input.input ?? {}) }],
        });
      case 'prompts/get':
        return result({
          messages: [
            { role: 'user', content: { type: 'text', text: JSON.stringify(params['arguments']) } },
            { role: 'user', content: { type: 'audio', data: 'AAAA', mimeType: 'audio/wav' } },
            { role: 'user', content: { type: 'resource_link', uri: 'test:a', name: 'a' } },
          ],
        });
      case 'completion/complete':
        return result({ completion: { values: [JSON.stringify(params['argument'])] } });
    }
  }

  async task({ context, method, taskId }: TaskInput): Promise<ToolCallAnswer> {
    const caller = await this.authenticate(context);
    if (caller.kind !== 'caller') return caller;
    if (taskId !== 'apr_1')
      return { kind: 'error', error: { code: -32_602, message: `Unknown task: ${taskId}` } };
    if (method !== 'tasks/get') return result({});
    return result({ taskId, status: 'completed', result: { structuredContent: { a: 1 } } });
  }

  /** `apr_1` is over as soon as anybody looks; `apr_2` when the test says so. */
  async watchTask({ context, taskId, onTask }: WatchTaskInput) {
    const caller = await this.authenticate(context);
    if (caller.kind !== 'caller') return caller;
    if (taskId === 'apr_1')
      setImmediate(onTask, { taskId, status: 'completed', result: { content: [] } }, true);
    else if (taskId === 'apr_2') this.tellTask = onTask;
    else
      return {
        kind: 'error' as const,
        error: { code: -32_602, message: `Unknown task: ${taskId}` },
      };
    const close = () => {
      if (this.tellTask === onTask) this.tellTask = undefined;
    };
    return { kind: 'watching' as const, subscription: { close } };
  }

  async subscribe(input: ListenInput & { uri: string }) {
    const caller = await this.authenticate(input.context);
    if (caller.kind !== 'caller') return caller;
    if (this.signedOutOf.has(input.uri)) return UNAUTHENTICATED;
    if (input.uri === 'test:denied') return DENIED;
    if (input.uri === 'test:down' && this.down) return DOWN;
    return {
      kind: 'subscribed' as const,
      subscription: this.listen({ ...input, principal: caller.principal, open: true }),
    };
  }

  async watchLists(input: ListenInput) {
    const caller = await this.authenticate(input.context);
    if (caller.kind !== 'caller') return caller;
    return {
      kind: 'watching' as const,
      subscription: this.listen({ ...input, principal: caller.principal, open: true }),
    };
  }

  private listen(listener: SeenListener) {
    this.listeners.push(listener);
    return { close: () => void (listener.open = false) };
  }

  async callTool(input: ToolCallInput): Promise<ToolCallAnswer> {
    const caller = await this.authenticate(input.context);
    if (caller.kind !== 'caller') return caller;
    const args = input.argumentsValue as Record<string, unknown>;
    const call: SeenCall = {
      principal: caller.principal,
      name: input.name,
      args,
      input,
      aborted: false,
    };
    this.calls.push(call);
    const answer = await this.run(call, args);
    call.answered = JSON.stringify(answer);
    return answer;
  }

  private async run(call: SeenCall, args: Record<string, unknown>): Promise<ToolCallAnswer> {
    const { input, principal } = call;
    switch (input.name) {
      case 't_echo':
        return text(JSON.stringify({ principal, args }));
      case 't_wait':
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Number(args['ms'] ?? 5_000));
          input.signal.addEventListener('abort', () => {
            call.aborted = true;
            clearTimeout(timer);
            resolve();
          });
        });
        return text(call.aborted ? 'cancelled' : 'waited');
      case 't_progress':
        for (let step = 1; step <= Number(args['steps'] ?? 3); step++) {
          input.onProgress?.({
            progress: step,
            total: Number(args['steps'] ?? 3),
            message: `step ${step}`,
          });
          if (args['pauseMs'])
            await new Promise((resolve) => setTimeout(resolve, Number(args['pauseMs'])));
        }
        return text('done');
      case 't_log':
        for (const level of (args['levels'] as string[] | undefined) ?? ['debug', 'info', 'error'])
          input.onNotification?.({
            method: 'notifications/message',
            params: { level, data: `${level} message` },
          });
        return text('logged');
      case 't_ask': {
        if (!input.ask) return text('cannot ask');
        if (args['afterMs']) {
          input.onProgress?.({ progress: 1 });
          await new Promise((resolve) => setTimeout(resolve, Number(args['afterMs'])));
        }
        const questions = Array.from({ length: Number(args['times'] ?? 1) }, () =>
          input.ask!({
            method: (args['method'] ?? 'elicitation/create') as 'elicitation/create',
            params: (args['params'] as Record<string, unknown>) ?? {
              message: 'Your name?',
              requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
            },
          }),
        );
        return text(JSON.stringify(await Promise.all(questions)));
      }
      case 't_input':
        return input.input ? text(JSON.stringify(input.input)) : INPUT_REQUIRED;
      case 't_structured':
        return { kind: 'result', result: { content: [], structuredContent: { a: 1 } } };
      case 't_number':
        return { kind: 'result', result: { structuredContent: 42 } };
      case 't_kinds':
        return {
          kind: 'result',
          result: {
            content: [
              { type: 'audio', data: 'AAAA', mimeType: 'audio/wav' },
              { type: 'resource_link', uri: 'file:///a', name: 'a' },
              { type: 'image', data: 'AAAA', mimeType: 'image/png' },
            ],
          },
        };
      case 't_scoped':
        return SCOPE_MISSING;
      case 't_limited':
        return { kind: 'result', result: { content: [], isError: true }, retryAfterMs: 1_500 };
      case 't_unrecordable':
        return { kind: 'error', status: 503, error: { code: -32603, message: 'Not recorded.' } };
      case 't_needs_sampling':
        return {
          kind: 'error',
          error: {
            code: -32021,
            message: 'sampling',
            data: { requiredCapabilities: { sampling: {} } },
          },
        };
      case 't_defect':
        throw new Error('secret detail');
      default:
        return { kind: 'error', error: { code: -32602, message: `Unknown tool: ${input.name}` } };
    }
  }
}

function result(value: Record<string, unknown>): ToolCallAnswer {
  return { kind: 'result', result: value };
}

function text(value: string): ToolCallAnswer {
  return { kind: 'result', result: { content: [{ type: 'text', text: value }] } };
}

const INPUT_REQUIRED: ToolCallAnswer = {
  kind: 'result',
  result: {
    resultType: 'input_required',
    requestState: 'sealed',
    inputRequests: { ask: { method: 'roots/list', params: {} } },
  },
};

const DENIED: Failure = { kind: 'error', error: { code: -32_602, message: 'Unknown resource' } };
const DOWN: Failure = {
  kind: 'error',
  error: {
    code: -32_603,
    message: 'It does not answer.',
    data: { _meta: { 'conducktor/code': 'upstream_unavailable' } },
  },
};
const LIMITED: Failure = { kind: 'error', error: { code: -32_000, message: 'Too many requests.' } };
const FROZEN: Failure = {
  kind: 'error',
  error: {
    code: -32_003,
    message: 'Permission denied: frozen.',
    data: { _meta: { 'conducktor/code': 'frozen' } },
  },
};
const NO_VIEW: Failure = {
  kind: 'error',
  status: 404,
  error: { code: -32_000, message: 'Nothing is served at this address.' },
};
const UNAVAILABLE: Failure = {
  kind: 'error',
  status: 503,
  error: { code: -32_603, message: 'Not now.' },
};

const UNAUTHENTICATED: Challenge = {
  kind: 'challenge',
  status: 401,
  wwwAuthenticate: bearerChallenge({
    metadataUrl: 'https://mcp.example.test/.well-known/oauth-protected-resource/mcp',
    error: 'invalid_token',
  }),
  body: {
    error: {
      code: -32001,
      message: 'Sign in again.',
      data: { _meta: { 'conducktor/code': 'unauthenticated' } },
    },
  },
};

const SCOPE_MISSING: Challenge = {
  kind: 'challenge',
  status: 403,
  wwwAuthenticate: bearerChallenge({
    metadataUrl: 'https://m',
    error: 'insufficient_scope',
    scopes: ['mcp:read', 'mcp:write'],
  }),
  body: {
    result: {
      content: [{ type: 'text', text: 'Permission denied' }],
      isError: true,
      _meta: { 'mcp/www_authenticate': ['x'] },
    },
  },
};
