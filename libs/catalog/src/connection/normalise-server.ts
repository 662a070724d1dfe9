import { createHash } from 'node:crypto';
import type { UpstreamServer } from '@conducktor/contracts';
import { cleaned, DefinitionRefused } from '../cleaned.js';
import { canonicalJson } from '../json/canonical.js';

const MAX_BYTES = 64 * 1024;
const MAX_INSTRUCTIONS = 16 * 1024;

/**
 * What a server says of itself, which is untrusted text, in the form that is stored: clean as a tool
 * definition is, and bounded. Of one that cannot be kept, only what it offers remains.
 */
export function normaliseServer(server: UpstreamServer): UpstreamServer {
  const { protocolVersion, capabilities, serverInfo, instructions } = server;
  const kept = tidy({
    protocolVersion,
    capabilities,
    ...(serverInfo && { serverInfo }),
    ...(instructions !== undefined && { instructions: instructions.slice(0, MAX_INSTRUCTIONS) }),
  });
  if (kept) return kept as unknown as UpstreamServer;
  const { name, title, version } = serverInfo ?? {};
  const texts = Object.entries({ name, title, version }).filter(
    ([, text]) => typeof text === 'string' && text.length <= 200,
  );
  const offered = Object.entries(capabilities).slice(0, 50);
  const least = tidy({
    protocolVersion: protocolVersion.slice(0, 40),
    capabilities: Object.fromEntries(
      offered.map(([key, value]) => [key.slice(0, 100), flags(value)]),
    ),
    serverInfo: Object.fromEntries(texts),
  });
  return (least as unknown as UpstreamServer) ?? { protocolVersion: '', capabilities: {} };
}

/** The same for what is stored alike; hexadecimal. */
export function serverHash(server: UpstreamServer | null): string {
  const text = server === null ? '' : canonicalJson(normaliseServer(server));
  return createHash('sha256').update(text).digest('hex');
}

function tidy(value: Record<string, unknown>): Record<string, unknown> | undefined {
  try {
    const text = JSON.stringify(cleaned(value));
    // Read back as the database will: a number like 1e999 is none in JSON.
    return Buffer.byteLength(text) <= MAX_BYTES
      ? (JSON.parse(text) as Record<string, unknown>)
      : undefined;
  } catch (error) {
    if (error instanceof DefinitionRefused) return undefined;
    throw error;
  }
}

/** `listChanged` and `subscribe` are all that matters of a capability here. */
function flags(capability: unknown): Record<string, boolean> {
  const { listChanged, subscribe } = (capability ?? {}) as Record<string, unknown>;
  return {
    ...(typeof listChanged === 'boolean' && { listChanged }),
    ...(typeof subscribe === 'boolean' && { subscribe }),
  };
}
