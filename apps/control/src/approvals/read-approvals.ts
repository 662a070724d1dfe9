import {
  listApprovals as list,
  readBallots,
  type LoadedBallot,
  type ShownApproval,
  type Viewer,
} from '@conducktor/approvals';
import {
  ConducktorError,
  type ApprovalDetail,
  type ApprovalQuery,
  type ApprovalView,
} from '@conducktor/contracts';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy, type Page } from '../http/pages.js';
import { toApprovalView } from './approval-view.js';
import { openArguments, recordOpening } from './open-arguments.js';
import { openPreviews, readPreviews } from './previews.js';
import { mostAlike, readDecided } from './similar.js';

/** Of one request in a list, as they are kept. A page of a list holds two hundred at most. */
const LISTED_BYTES = 32 * 1024;
/** No call has larger ones. */
const ALL_BYTES = 4 * 1024 * 1024;

type Deps = Pick<Control, 'db' | 'vault' | 'logger' | 'publicUrl'>;

/** Owners and admins see all requests, everybody else their own, those they may decide, and those they voted on. */
export const viewerOf = ({ memberId, roles }: Caller): Viewer => ({
  memberId,
  all: roles.some((role) => role === 'owner' || role === 'admin'),
});

/** Newest first. Whose arguments are shown to whom is recorded. */
export async function listApprovals(
  deps: Deps,
  caller: Caller,
  { limit, cursor, status, whose }: ApprovalQuery,
): Promise<Page<ApprovalView>> {
  let ballots: ReadonlyMap<string, LoadedBallot> = new Map();
  const page = await pageBy(
    { limit, cursor },
    ({ place, id }: ShownApproval) => `${place} ${id}`,
    (after, take) =>
      deps.db.withTenant(caller.tenantId, async (tx) => {
        const before = after === undefined ? undefined : placeOf(after);
        const filter = { status, whose, before, limit: take, maxSealed: LISTED_BYTES };
        const rows = await list(tx, viewerOf(caller), filter);
        ballots = await readBallots(tx, rows, caller.memberId);
        await recordOpening(tx, caller, rows.slice(0, limit));
        return rows;
      }),
  );
  const view = async (row: ShownApproval) =>
    toApprovalView(row, ballots.get(row.id)!, await openArguments(deps, caller.tenantId, row), {
      memberId: caller.memberId,
      publicUrl: deps.publicUrl,
    });
  return { ...page, items: await Promise.all(page.items.map(view)) };
}

/** One request with all its arguments, its preview and, for others than who asked, how similar ones were decided. */
export async function getApproval(deps: Deps, caller: Caller, id: string): Promise<ApprovalDetail> {
  const { tenantId, memberId } = caller;
  const { row, ballot, previews, decided } = await deps.db.withTenant(tenantId, async (tx) => {
    const filter = { ids: [id], limit: 1, maxSealed: ALL_BYTES };
    const row = found((await list(tx, viewerOf(caller), filter))[0], 'approval');
    await recordOpening(tx, caller, [row]);
    const previews = await readPreviews(tx, caller, row.id);
    const ballot = (await readBallots(tx, [row], memberId)).get(row.id)!;
    const decided = row.memberId === memberId ? [] : await readDecided(tx, viewerOf(caller), row);
    return { row, ballot, previews, decided };
  });
  const opened = await openArguments(deps, tenantId, row);
  const { argumentsHash } = row;
  return {
    ...toApprovalView(row, ballot, opened, { memberId, publicUrl: deps.publicUrl }),
    preview: await openPreviews(deps, caller, row, opened.state, previews),
    similar: await mostAlike(deps, tenantId, decided, { argumentsHash, arguments: opened.value }),
  };
}

function placeOf(cursor: string): { place: string; id: string } {
  const [, place, id] = /^(\d{1,17}) (apr_\w{22})$/.exec(cursor) ?? [];
  if (place === undefined || id === undefined)
    throw new ConducktorError('invalid_request', '"cursor": is not one that this list gave out.');
  return { place, id };
}
