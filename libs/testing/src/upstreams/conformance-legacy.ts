import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  ResultSchema,
  SetLevelRequestSchema,
  type LoggingLevel,
} from '@modelcontextprotocol/sdk/types.js';
import type { Revision } from '../clients/revision-client.js';
import {
  Asking,
  text,
  type Ask,
  type Change,
  type Exchange,
  type FixtureWorld,
  type Outcome,
} from './conformance-exchange.js';
import { answer, capabilitiesOf, METHODS, type Method } from './conformance-dispatch.js';
import { RpcError } from './fixture-tools.js';

// A client that answers every question wrongly is not asked for ever.
const MAX_ROUNDS = 8;
const LEVELS: LoggingLevel[] = ['debug', 'info', 'notice', 'warning', 'error'];

export interface LegacySession {
  server: Server;
  announce(change: Change): void;
}

/** One session of the fixture in a revision with `initialize`, made with the SDK of that time (v1). */
export function createLegacySession(
  revision: Revision,
  world: FixtureWorld,
  pageSize?: number,
): LegacySession {
  const server = new Server(
    { name: 'conformance-fixture', version: '1.0.0' },
    { capabilities: capabilitiesOf(revision), instructions: `Speaks ${revision}.` },
  );
  const subscribed = new Set<string>();
  let level: LoggingLevel = 'debug';
  server.setRequestHandler(SetLevelRequestSchema, async ({ params }) => {
    ({ level } = params);
    world.received.push({ method: 'logging/setLevel', params: { level } });
    return {};
  });
  server.fallbackNotificationHandler = async ({ method, params }) => {
    world.received.push({ method, params: params ?? {} });
  };

  server.fallbackRequestHandler = async ({ method, params = {} }, extra) => {
    world.received.push({ method, params });
    if (method === 'resources/subscribe' || method === 'resources/unsubscribe') {
      const uri = String((params as { uri?: string }).uri);
      if (method === 'resources/subscribe') subscribed.add(uri);
      else subscribed.delete(uri);
      return {};
    }
    if (!METHODS.includes(method as Method)) throw new RpcError(-32601, 'Method not found');

    const token = extra._meta?.progressToken;
    const exchange: Exchange = {
      revision,
      capabilities: (server.getClientCapabilities() ?? {}) as Record<string, unknown>,
      answers: {},
      state: undefined,
      signal: extra.signal,
      world,
      progress: async (progress, total) => {
        if (token === undefined) return;
        const notice = { progressToken: token, progress, total };
        await extra.sendNotification({ method: 'notifications/progress', params: notice });
      },
      log: async (at, data) => {
        if (LEVELS.indexOf(at) < LEVELS.indexOf(level)) return;
        const notice = { level: at, data };
        await extra.sendNotification({ method: 'notifications/message', params: notice });
      },
      dropStream: () => extra.closeSSEStream?.(),
    };
    const ask = async ({ method: asked, params: wanted }: Ask) => {
      const capability = asked.split('/')[0]!;
      if (exchange.capabilities[capability] === undefined) {
        throw new Error(`Client does not support ${capability}`);
      }
      return await extra.sendRequest({ method: asked, params: wanted } as never, ResultSchema);
    };
    try {
      return await untilAnswered(
        (now) => answer(method as Method, params, now, pageSize),
        exchange,
        ask,
      );
    } catch (error) {
      if (error instanceof RpcError || method !== 'tools/call') throw error;
      return { ...text(String((error as Error).message)), isError: true };
    }
  };

  return {
    server,
    announce: (change) => {
      // A session whose client is gone has nobody to tell.
      void notify(server, subscribed, change).catch(() => undefined);
    },
  };
}

/** Asks the client what a handler wants to know, and runs it again with the answers. */
async function untilAnswered(
  run: (exchange: Exchange) => Promise<Outcome>,
  exchange: Exchange,
  ask: (ask: Ask) => Promise<object>,
): Promise<Record<string, unknown>> {
  let current = exchange;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const outcome = await run(current);
    if (!(outcome instanceof Asking)) return outcome;
    const answers: Record<string, unknown> = {};
    for (const [key, wanted] of Object.entries(outcome.asks)) answers[key] = await ask(wanted);
    current = { ...current, answers, state: outcome.state };
  }
  throw new Error('The client did not answer what was asked');
}

async function notify(server: Server, subscribed: Set<string>, change: Change): Promise<void> {
  if (change === 'tools') await server.sendToolListChanged();
  else if (change === 'prompts') await server.sendPromptListChanged();
  else if (change === 'resources') await server.sendResourceListChanged();
  else if (subscribed.has(change.uri)) await server.sendResourceUpdated({ uri: change.uri });
}
