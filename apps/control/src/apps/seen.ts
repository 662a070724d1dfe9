import type { Prisma } from '@conducktor/db';

type Row = Prisma.ClientActivityGetPayload<object>;

/** A client as gateways last noted it. */
export const toSeen = (row: Row) => ({
  clientName: row.clientName,
  clientVersion: row.clientVersion,
  protocolVersion: row.protocolVersion,
  path: row.resourcePath,
  sourceIp: row.sourceIp,
  requests: Number(row.requests),
  firstSeenAt: row.firstSeenAt.toISOString(),
  lastSeenAt: row.lastSeenAt.toISOString(),
});
