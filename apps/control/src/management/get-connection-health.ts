import { GET_CONNECTION_HEALTH } from '@conducktor/contracts';
import { connectionView, toView } from '../connections/read-connections.js';
import { readers } from '../http/guards.js';
import { found } from '../http/not-found.js';
import { connectionHistory } from './connection-history.js';
import { handler } from './handler.js';

/** What is known already. Testing reaches the upstream, and is for the page or REST. */
export const getConnectionHealth = handler(
  GET_CONNECTION_HEALTH,
  readers,
  async ({ control, caller }, { connection: wanted }) => {
    const { tenantId } = caller;
    // No slug has an underscore, every id has one.
    const where = wanted.includes('_') ? { id: wanted } : { slug: wanted };
    const row = await control.prisma.withTenant(tenantId, (tx) =>
      tx.connection.findFirst({ where: { tenantId, ...where }, include: connectionView }),
    );
    const { id, slug, kind, status, statusReason, tools } = toView(found(row, 'connection'));
    const history = await connectionHistory(control, tenantId, { id, slug });
    return { id, slug, kind, status, reason: statusReason, tools, ...history };
  },
);
