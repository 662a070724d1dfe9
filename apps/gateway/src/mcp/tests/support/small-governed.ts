import { bearerChallenge } from '../../challenge.js';
import type {
  AuthenticateAnswer,
  Challenge,
  GovernedMcp,
  McpRequestContext,
  ToolCallAnswer,
  ToolCallInput,
  ToolListAnswer,
} from '../../ports.js';

export interface SeenCall {
  principal: string;
  name: string;
  args: Record<string, unknown>;
  input: ToolCallInput;
  aborted: boolean;
}

const TOOLS = ['echo', 'wait', 'progress', 'structured', 'number', 'failing', 'kinds'].map(
  (name) => ({
    name: `t_${name}`,
    inputSchema: { type: 'object' },
    ...(name === 'number' && { outputSchema: { type: 'number' } }),
    'x-unknown': 'kept',
  }),
);

const NOT_SERVED = {
  kind: 'error',
  error: { code: -32_601, message: 'Method not found' },
} as const;

/** Implements the port with tokens that are names (`alice`, `bob`, …) and tools that show one thing each. */
export class SmallGoverned implements GovernedMcp {
  readonly calls: SeenCall[] = [];
  readonly contexts: McpRequestContext[] = [];

  async authenticate(context: McpRequestContext): Promise<AuthenticateAnswer> {
    this.contexts.push(context);
    const name = /^Bearer ([a-z0-9-]+)$/.exec(context.headers['authorization'] ?? '')?.[1];
    if (name === undefined || name === 'expired') return UNAUTHENTICATED;
    return { kind: 'caller', principal: `tenant ${name} client` };
  }

  async listTools(context: McpRequestContext): Promise<ToolListAnswer> {
    const caller = await this.authenticate(context);
    return caller.kind === 'caller' ? { kind: 'tools', tools: TOOLS, etag: '1' } : caller;
  }

  async request() {
    return NOT_SERVED;
  }

  async subscribe() {
    return NOT_SERVED;
  }

  async watchLists() {
    return NOT_SERVED;
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
    switch (input.name) {
      case 't_echo':
        return text(JSON.stringify({ principal: caller.principal, args }));
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

function text(value: string): ToolCallAnswer {
  return { kind: 'result', result: { content: [{ type: 'text', text: value }] } };
}

const UNAUTHENTICATED: Challenge = {
  kind: 'challenge',
  status: 401,
  wwwAuthenticate: bearerChallenge({
    metadataUrl: 'https://mcp.example.test/.well-known/oauth-protected-resource/mcp',
    error: 'invalid_token',
  }),
  body: { error: { code: -32001, message: 'Sign in again.' } },
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
