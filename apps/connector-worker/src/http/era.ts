import { UpstreamFailure } from '../connector.js';
import { isObject } from '../mcp/messages.js';
import { LEGACY_VERSIONS, MODERN_VERSION, UNSUPPORTED_VERSION } from '../mcp/versions.js';
import { withoutAnswer } from './failures.js';
import type { HttpReply } from './http-exchange.js';

export type Era = 'modern' | 'legacy';

/**
 * What a server is, by its reply to a modern `server/discover`. Whatever is no clear "modern" is
 * legacy: its initialize then tells for certain (servers of that time answer an unknown request in
 * many ways). Throws UpstreamFailure when it cannot be used at all.
 */
export function eraOf(reply: HttpReply): Era {
  const { answer } = reply;
  if (!answer) {
    const failure = withoutAnswer(reply);
    if (failure.kind === 'auth' || reply.broken || (reply.status >= 300 && reply.status < 400)) {
      throw failure.kind === 'unknown'
        ? new UpstreamFailure('unavailable', 'The connection to the server was lost.')
        : failure;
    }
    return 'legacy';
  }
  if (answer.kind === 'result') return supports(answer.result['supportedVersions']);
  if (answer.error.code !== UNSUPPORTED_VERSION || !isObject(answer.error.data)) return 'legacy';
  return supports(answer.error.data['supported']);
}

function supports(versions: unknown): Era {
  if (!Array.isArray(versions)) return 'legacy';
  if (versions.includes(MODERN_VERSION)) return 'modern';
  if (versions.some((version) => LEGACY_VERSIONS.includes(String(version)))) return 'legacy';
  throw new UpstreamFailure(
    'protocol',
    `The server speaks only versions of MCP that are not known here (${versions.slice(0, 5).join(', ')}).`,
  );
}
