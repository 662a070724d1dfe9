import type { CallAllowance, LimitView } from '@conducktor/contracts';
import type { Prisma, PrismaTx } from '@conducktor/db';

export type LimitRow = Prisma.RateLimitGetPayload<object>;

/** Rows with what people call what they are of. */
export async function toLimitViews(
  tx: PrismaTx,
  tenantId: string,
  rows: readonly LimitRow[],
): Promise<LimitView[]> {
  const names = await namesOf(tx, tenantId, rows);
  return rows.map((row) => ({
    id: row.id,
    scope: scopeOf(row, names.get(row.subjectId) ?? null),
    allowances: row.allowances as CallAllowance[],
    createdAt: row.createdAt.toISOString(),
  }));
}

export async function toLimitView(tx: PrismaTx, row: LimitRow): Promise<LimitView> {
  const [view] = await toLimitViews(tx, row.tenantId, [row]);
  return view!;
}

/** As a record of a change tells it. */
export const limitDetail = (row: LimitRow) => ({
  limitId: row.id,
  kind: row.kind,
  ...(row.subjectId === '' ? { each: true } : { subject: row.subjectId }),
  allowances: row.allowances,
});

function scopeOf({ kind, subjectId }: LimitRow, name: string | null): LimitView['scope'] {
  const ofKind = kind as LimitView['scope']['kind'];
  return subjectId === '' ? { kind: ofKind, each: true } : { kind: ofKind, id: subjectId, name };
}

async function namesOf(
  tx: PrismaTx,
  tenantId: string,
  rows: readonly LimitRow[],
): Promise<Map<string, string>> {
  const of = (kind: string) =>
    rows.flatMap((row) => (row.kind === kind && row.subjectId !== '' ? [row.subjectId] : []));
  const among = (kind: string) => ({ where: { tenantId, id: { in: of(kind) } } });
  const names = new Map<string, string>();
  if (of('member').length > 0)
    for (const { id, email } of await tx.member.findMany(among('member'))) names.set(id, email);
  if (of('connection').length > 0)
    for (const { id, slug } of await tx.connection.findMany(among('connection')))
      names.set(id, slug);
  if (of('tool').length > 0)
    for (const { id, shownName } of await tx.tool.findMany(among('tool'))) names.set(id, shownName);
  const clients = of('client');
  if (clients.length > 0) {
    const where = { tenantId, clientId: { in: clients } };
    // The name that a client gave itself last.
    for (const { clientId, clientName } of await tx.oauthGrant.findMany({
      where,
      orderBy: { createdAt: 'asc' },
      select: { clientId: true, clientName: true },
    }))
      names.set(clientId, clientName);
    for (const { id, name } of await tx.apiKey.findMany(among('client'))) names.set(id, name);
  }
  return names;
}
