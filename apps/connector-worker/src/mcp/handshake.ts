import type { UpstreamServer } from '@conducktor/contracts';
import { MAX_QUOTE, UpstreamFailure } from '../connector.js';
import type { Message } from './messages.js';
import { serverOf } from './server-info.js';
import { CLIENT_INFO, LEGACY_VERSION, LEGACY_VERSIONS } from './versions.js';

/** Params of `initialize`; the server is told of these capabilities and no others. */
export const initializeParams = (
  capabilities: Readonly<Record<string, unknown>>,
): Record<string, unknown> => ({
  protocolVersion: LEGACY_VERSION,
  capabilities,
  clientInfo: CLIENT_INFO,
});

/** What a server said of itself; throws UpstreamFailure when it refused, or chose a version that is not known here. */
export function initialized(
  answer: Extract<Message, { kind: 'result' | 'error' }>,
): UpstreamServer {
  if (answer.kind === 'error') {
    throw new UpstreamFailure(
      'protocol',
      `The server refused the MCP handshake: ${answer.error.message.slice(0, MAX_QUOTE)} (${answer.error.code}).`,
    );
  }
  const version = answer.result['protocolVersion'];
  if (typeof version !== 'string' || !LEGACY_VERSIONS.includes(version)) {
    throw new UpstreamFailure(
      'protocol',
      `The server speaks a version of MCP that is not known here (${String(version).slice(0, 40)}).`,
    );
  }
  return serverOf(answer.result, version);
}
