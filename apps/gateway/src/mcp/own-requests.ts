/**
 * What the transports answer without the story. It takes from the same allowance as what the story
 * answers, or the cheapest requests would be the ones without a limit.
 */
import type { Message } from './json-rpc.js';
import type { Challenge, Failure, GovernedMcp, McpRequestContext } from './ports.js';
import type { Reading } from './read-body.js';
import { isEntry } from './read-params.js';

/** Or by `listen`, since the story does where lists are watched. */
const BY_STORY: ReadonlySet<string> = new Set(['tools/call', 'tools/list', 'subscriptions/listen']);
/** Of a subscription the story counts what reaches the upstream, not what is asked of the session. */
const OWN: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'server/discover',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'tasks/get',
  'tasks/update',
  'tasks/cancel',
]);
/** Names that clients make up would each have records of their own. */
const UNKNOWN = 'unknown';
const RESPONSE = 'response';
/** The only notification that anything is done for. */
const CANCELLED = 'notifications/cancelled';

type Limits = Pick<GovernedMcp, 'limit'>;

/** What a record calls it; `undefined` for what the story limits, and for what nothing is done for. */
function ownName(message: Pick<Message, 'kind'> & { method?: unknown }): string | undefined {
  if (message.kind === 'response') return RESPONSE;
  const method = message.method as string;
  if (message.kind === 'notification') return method === CANCELLED ? CANCELLED : undefined;
  if (BY_STORY.has(method) || isEntry(method)) return undefined;
  return OWN.has(method) ? method : UNKNOWN;
}

/**
 * Why what was read may not be answered now: HTTP 429. Nothing to wait for when the story limits all
 * of it. A batch is refused as a whole, before anything of it is done.
 */
export function limitOwn(
  mcp: Limits,
  context: McpRequestContext,
  reading: Exclude<Reading, { kind: 'refused' }>,
): Promise<Failure | Challenge | undefined> | undefined {
  if (reading.kind === 'batch') return limitBatch(mcp, context, reading.messages.map(ownName));
  const name = reading.kind === 'response' ? RESPONSE : ownName(reading.message);
  return name === undefined ? undefined : mcp.limit(context, name);
}

async function limitBatch(
  mcp: Limits,
  context: McpRequestContext,
  names: (string | undefined)[],
): Promise<Failure | Challenge | undefined> {
  for (const name of names) {
    const away = name === undefined ? undefined : await mcp.limit(context, name);
    if (away) return away;
  }
  return undefined;
}
