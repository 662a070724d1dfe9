/** What a client has open on a gateway besides its calls. */
import { expect } from 'vitest';
import { openEvents, type Events } from '../../mcp/tests/support/events.js';
import type { TestGateway } from '../../mcp/tests/support/gateway.js';
import { beginSession } from '../../mcp/tests/support/legacy-client.js';

/** Of a conformance upstream that is connected as `old`. */
const RESOURCE = 'old+test://watched-resource';

export interface Lasting {
  name: string;
  events: Events;
  endedAt?: number;
}

/** One that is told of a resource, one of lists, and that of a session; or only the first of them. */
export async function openStreams(gateway: TestGateway, token: string, only?: 'resource') {
  const listen = (name: string, notifications: object) =>
    openEvents(
      gateway.mcp,
      token,
      { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
      {
        jsonrpc: '2.0',
        id: name,
        method: 'subscriptions/listen',
        params: {
          notifications,
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      },
    );
  const opened: Lasting[] = [];
  const keep = (name: string, events: Events) => {
    expect(events.status, name).toBe(200);
    const lasting: Lasting = { name, events };
    void events.ended.then(() => (lasting.endedAt = Date.now()));
    opened.push(lasting);
  };
  keep('resource', await listen('resource', { resourceSubscriptions: [RESOURCE] }));
  if (only) return opened;
  keep('lists', await listen('lists', { toolsListChanged: true }));
  keep('session', await (await beginSession(gateway.mcp, token)).events());
  return opened;
}
