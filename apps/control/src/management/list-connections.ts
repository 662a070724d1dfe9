import { LIST_CONNECTIONS } from '@conducktor/contracts';
import { listConnections as list } from '../connections/read-connections.js';
import { readers } from '../http/guards.js';
import { handler } from './handler.js';

/** Less than REST tells: no arguments, reasons or what the server said of itself. */
export const listConnections = handler(
  LIST_CONNECTIONS,
  readers,
  async ({ control, caller }, query) => {
    const { items, nextCursor } = await list(control, caller, query);
    const connections = items.map(({ id, slug, kind, status, tools, url }) => ({
      id,
      slug,
      kind,
      status,
      tools,
      host: url === null ? null : (URL.parse(url)?.host ?? null),
    }));
    return { connections, nextCursor };
  },
);
