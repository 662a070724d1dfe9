import { ConducktorError, newId, type LimitView, type NewLimit } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { unlessTaken } from '../http/unique.js';
import { limitDetail, toLimitView } from './limit-view.js';
import { shortestFirst } from './shortest-first.js';
import { requireSubject } from './subject.js';

// They are part of every snapshot of the workspace.
const MAX_LIMITS = 1_000;

/** Stores a limit, which gateways hold calls to within a second. One for each thing, and one for each kind. */
export async function createLimit(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  { scope: { kind, id }, allowances }: NewLimit,
): Promise<LimitView> {
  const { tenantId } = caller;
  const taken =
    id === undefined
      ? `There is a limit of every ${kind} already. Change that one.`
      : `There is a limit of this ${kind} already. Change that one.`;
  return unlessTaken(taken, () =>
    prisma.withTenant(tenantId, async (tx) => {
      const subjectId = id === undefined ? '' : await requireSubject(tx, caller, kind, id);
      if ((await tx.rateLimit.count({ where: { tenantId } })) >= MAX_LIMITS)
        throw new ConducktorError(
          'conflict',
          `This workspace has ${MAX_LIMITS} limits, and no more fit. Remove one, or limit every ${kind} at once.`,
        );
      const row = await tx.rateLimit.create({
        data: {
          tenantId,
          id: newId('lim'),
          kind,
          subjectId,
          allowances: shortestFirst(allowances),
        },
      });
      await recordChange(tx, caller, 'limit.create', limitDetail(row));
      return toLimitView(tx, row);
    }),
  );
}
