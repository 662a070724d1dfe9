import { rawMcp, rawPost, type RawAnswer } from '@conducktor/testing';
import { openEvents, type Events } from './events.js';

export interface LegacyClient {
  session: string;
  request(
    method: string,
    params?: Record<string, unknown>,
    options?: { at?: string; id?: number; headers?: Record<string, string> },
  ): Promise<RawAnswer>;
  /** A notification or a response. */
  post(message: Record<string, unknown>, at?: string): Promise<RawAnswer>;
  events(headers?: Record<string, string>, at?: string): Promise<Events>;
}

/** A session over bare HTTP; every message may go to another gateway (`at`). */
export async function beginSession(
  url: string,
  token: string,
  capabilities: Record<string, unknown> = {},
  protocolVersion = '2025-11-25',
): Promise<LegacyClient> {
  const params = { protocolVersion, capabilities, clientInfo: { name: 'c', version: '1' } };
  const begun = await rawMcp(url, 'initialize', params, { token, era: 'legacy' });
  const session = begun.headers.get('mcp-session-id')!;
  const headers = { 'mcp-session-id': session, 'mcp-protocol-version': protocolVersion };
  return {
    session,
    request: (method, params = {}, options = {}) =>
      rawMcp(options.at ?? url, method, params, {
        token,
        era: 'legacy',
        id: options.id,
        headers: { ...headers, ...options.headers },
      }),
    post: (message, at = url) =>
      rawPost(at, JSON.stringify({ jsonrpc: '2.0', ...message }), { token, headers }),
    events: (more = {}, at = url) => openEvents(at, token, { ...headers, ...more }),
  };
}
