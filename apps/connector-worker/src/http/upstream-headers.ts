import { UpstreamFailure } from '../connector.js';

/** Made by the connection or by HTTP itself; a connection's own headers cannot replace them. */
const RESERVED = new Set([
  'accept',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'traceparent',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * The headers of every request to this connection's upstream, name and value by turns: built from
 * what the connection holds, never from what a client sent.
 */
export function upstreamHeaders(own: Readonly<Record<string, string>>): string[] {
  const lines = ['accept', 'application/json, text/event-stream', 'user-agent', 'conducktor/0.1'];
  for (const [given, value] of Object.entries(own)) {
    const name = given.toLowerCase();
    if (!NAME.test(name) || RESERVED.has(name) || name.startsWith('mcp-param-')) {
      throw new UpstreamFailure(
        'configuration',
        `The header "${given.slice(0, 60)}" cannot be set on a connection.`,
      );
    }
    // oxlint-disable-next-line no-control-regex -- the control characters are what must not be in it
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
      throw new UpstreamFailure(
        'configuration',
        `The value of the header "${given.slice(0, 60)}" holds a line break or control character.`,
      );
    }
    if (name === 'user-agent') lines.splice(2, 2);
    lines.push(name, value);
  }
  return lines;
}
