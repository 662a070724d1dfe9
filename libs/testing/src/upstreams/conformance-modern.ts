import { randomBytes } from 'node:crypto';
import { toNodeHandler } from '@modelcontextprotocol/node';
import {
  CLIENT_CAPABILITIES_META_KEY,
  createMcpHandler,
  createRequestStateCodec,
  inputRequired,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import {
  Asking,
  MODERN,
  text,
  type Change,
  type Exchange,
  type FixtureWorld,
} from './conformance-exchange.js';
import { answer, capabilitiesOf, METHODS, type Method } from './conformance-dispatch.js';
import { RpcError } from './fixture-tools.js';

/** The fixture in the revision without sessions, made with the official SDK (v2). */
export function createModernHandler(world: FixtureWorld, pageSize?: number) {
  const states = createRequestStateCodec({ key: randomBytes(32) });
  const handler = createMcpHandler(
    () => {
      const server = new Server(
        { name: 'conformance-fixture', version: '1.0.0' },
        {
          capabilities: capabilitiesOf(MODERN),
          instructions: `Speaks ${MODERN}.`,
          requestState: { verify: states.verify },
          // Claims more than is true for one person's view, which a gateway must not repeat.
          cacheHints: {
            'resources/list': { ttlMs: 1_000, cacheScope: 'public' },
            'prompts/list': { ttlMs: 1_000, cacheScope: 'public' },
          },
        },
      );
      for (const method of METHODS) register(server, method);
      return server;
    },
    { legacy: 'reject' },
  );

  function register(server: Server, method: Method): void {
    const handle = async (
      request: { params?: Record<string, unknown> },
      ctx: ServerContext,
    ): Promise<object> => {
      const params = request.params ?? {};
      world.received.push({ method, params });
      try {
        const outcome = await answer(method, params, exchangeOf(ctx, world), pageSize);
        if (!(outcome instanceof Asking)) return outcome;
        return inputRequired({
          inputRequests: outcome.asks as never,
          ...(outcome.state !== undefined && { requestState: await states.mint(outcome.state) }),
        });
      } catch (error) {
        if (error instanceof RpcError) throw protocolErrorOf(error);
        if (method !== 'tools/call') throw error;
        return { ...text(String((error as Error).message)), isError: true };
      }
    };
    server.setRequestHandler(method, handle as never);
  }

  return {
    node: toNodeHandler(handler),
    announce: (change: Change) => {
      if (change === 'tools') handler.notify.toolsChanged();
      else if (change === 'prompts') handler.notify.promptsChanged();
      else if (change === 'resources') handler.notify.resourcesChanged();
      else handler.notify.resourceUpdated(change.uri);
    },
    close: () => handler.close(),
  };
}

function exchangeOf({ mcpReq }: ServerContext, world: FixtureWorld): Exchange {
  const envelope = (mcpReq.envelope ?? {}) as Record<string, unknown>;
  const token = mcpReq._meta?.progressToken;
  return {
    revision: MODERN,
    capabilities: (envelope[CLIENT_CAPABILITIES_META_KEY] ?? {}) as Exchange['capabilities'],
    answers: mcpReq.inputResponses ?? {},
    state: mcpReq.requestState(),
    signal: mcpReq.signal,
    world,
    progress: async (progress, total) => {
      if (token === undefined) return;
      const params = { progressToken: token, progress, total };
      await mcpReq.notify({ method: 'notifications/progress', params });
    },
    log: async (level, data) => await mcpReq.log(level, data),
    // Streams of this revision are not resumed.
    dropStream: () => undefined,
  };
}

function protocolErrorOf(error: RpcError): Error {
  const data = error.data as { requiredCapabilities?: object } | undefined;
  return error.code === -32021
    ? new MissingRequiredClientCapabilityError(
        { requiredCapabilities: data?.requiredCapabilities as never },
        error.message,
      )
    : new ProtocolError(error.code, error.message, error.data);
}
