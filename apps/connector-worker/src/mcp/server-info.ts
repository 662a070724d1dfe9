import type { UpstreamServer } from '@conducktor/contracts';
import { isObject } from './messages.js';

const META_SERVER = 'io.modelcontextprotocol/serverInfo';
/** UTF-16 units; what is longer is left out, or cut where it is text. */
const MAX = { capabilities: 32_000, serverInfo: 64_000, instructions: 20_000 };

/** What a server says of itself in its result of initialize or server/discover, within bounds. */
export function serverOf(
  result: Readonly<Record<string, unknown>>,
  protocolVersion: string,
): UpstreamServer {
  const { capabilities, instructions, _meta: meta } = result;
  const info = result['serverInfo'] ?? (isObject(meta) ? meta[META_SERVER] : undefined);
  return {
    protocolVersion,
    capabilities: within(capabilities, MAX.capabilities) ?? {},
    ...(within(info, MAX.serverInfo) && { serverInfo: info as Record<string, unknown> }),
    ...(typeof instructions === 'string' && {
      instructions: instructions.slice(0, MAX.instructions),
    }),
  };
}

function within(value: unknown, limit: number): Record<string, unknown> | undefined {
  return isObject(value) && JSON.stringify(value).length <= limit ? value : undefined;
}
