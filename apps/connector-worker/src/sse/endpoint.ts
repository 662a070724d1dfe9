import { type HttpTarget } from '../http/http-exchange.js';
import { UpstreamFailure } from '../connector.js';

const MAX_LENGTH = 2_048;

/**
 * Where a server wants to be posted to (`endpoint` event of MCP 2024-11-05): a reference relative to
 * the address of its stream, or an absolute address of the same origin. Another origin would be sent
 * this connection's credentials, so it is refused, as the specification asks.
 */
export function endpointOf(stream: URL, text: string): HttpTarget {
  const url = text.length <= MAX_LENGTH ? URL.parse(text, stream.href) : null;
  if (!url) throw new UpstreamFailure('protocol', 'The server names no usable endpoint.');
  if (url.origin !== stream.origin || url.username !== '' || url.password !== '') {
    throw new UpstreamFailure(
      'protocol',
      `The server names an endpoint of another origin (${url.origin.slice(0, 100)}), which is not called.`,
    );
  }
  return { origin: url.origin, path: url.pathname + url.search };
}
