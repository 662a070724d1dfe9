import { readRefresh } from '@conducktor/catalog';
import type {
  CallMethod,
  CallRequest,
  CallResult,
  ClientCapabilities,
} from '@conducktor/contracts';
import { createOutbound } from '@conducktor/outbound';
import type {
  AskReply,
  LoadedConnection,
  OutgoingCall,
} from '../../apps/connector-worker/dist/connector.js';
import { HttpConnector } from '../../apps/connector-worker/dist/http/http-connector.js';
import { declaredOf, mayAsk } from '../../apps/connector-worker/dist/mcp/capabilities.js';

export interface Tool {
  name: string;
  inputSchema: Record<string, unknown>;
}

export interface CallOptions {
  capabilities?: ClientCapabilities;
  input?: CallRequest['input'];
  /** What the person behind the client answers. */
  answer?: (method: string, params: Record<string, unknown>) => AskReply;
}

/** An MCP server as this gateway's workers see one: the connector for HTTP with the guarded way out. */
export interface Upstream {
  /** The tools that the catalogue takes over. */
  tools(): Promise<Tool[]>;
  call(
    method: CallMethod,
    name: string,
    args: Record<string, unknown>,
    options?: CallOptions,
  ): Promise<Omit<CallResult, 'durationMs'>>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 10_000;

export function openUpstream(url: string): Upstream {
  const outbound = createOutbound({ allow: ['loopback'], denyPorts: [] });
  const connector = new HttpConnector({
    outbound,
    streams: outbound,
    handshakeMs: TIMEOUT_MS,
    onListsChanged: () => {},
    onServer: () => {},
  });
  const connection: LoadedConnection = {
    tenantId: 'ten_conformance',
    id: 'con_conformance',
    slug: 'conformance',
    kind: 'mcp-http',
    url,
    catalog: undefined,
    args: [],
    timeoutMs: TIMEOUT_MS,
    revision: 1,
    headers: {},
    env: {},
    paramHeaders: new Map(),
    serverHash: undefined,
  };
  return {
    tools: async () => {
      const { tools } = await connector.listTools(connection, Date.now() + TIMEOUT_MS);
      const { read } = await readRefresh({ status: 'ACTIVE', tools, ms: 0 });
      return read.tools.map(({ definition }) => definition);
    },
    call: (method, name, args, options = {}) =>
      connector.call(connection, callOf(method, name, args, options)),
    close: async () => {
      await connector.close();
      await outbound.close();
    },
  };
}

function callOf(
  method: CallMethod,
  name: string,
  args: Record<string, unknown>,
  { capabilities, input, answer }: CallOptions,
): OutgoingCall {
  const declared = declaredOf(capabilities);
  return {
    memberId: 'mem_conformance',
    method,
    name,
    argumentsJson: JSON.stringify(args),
    meta: undefined,
    traceparent: undefined,
    wantsProgress: false,
    declared,
    logLevel: undefined,
    input,
    stopped: undefined,
    onStop: undefined,
    markSent: () => {},
    progress: () => {},
    notify: () => {},
    ask: ({ method: asked, params }, reply) => {
      if (!answer || !mayAsk(declared, asked, params)) return 'not-declared';
      reply(answer(asked, params));
      return undefined;
    },
    withdraw: () => {},
    event: () => {},
  };
}
