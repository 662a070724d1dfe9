import { noteGiven, previewsOf, type PreviewRow } from '@conducktor/approvals';
import { KeptPreview, type ApprovalDetail } from '@conducktor/contracts';
import type { TenantTx } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import type { OpenedArguments, SealedArguments } from './open-arguments.js';

type Preview = NonNullable<ApprovalDetail['preview']>;
type Side = NonNullable<Preview['before']>;

/**
 * What was read for a request, under the same key as its arguments and for the same people; who is shown
 * it is recorded with them. An API key that is given what a labelled tool gave is noted as a client that was
 * given it, before it is (ADR 0025).
 */
export async function readPreviews(
  tx: TenantTx,
  caller: Caller,
  requestId: string,
): Promise<PreviewRow[]> {
  const rows = await previewsOf(tx, requestId);
  const labels = rows.flatMap((row) => (row.sealed ? row.labels : []));
  // In a browser it is a person who reads, and the tools of a conversation are not given it.
  if (caller.via === 'key' && labels.length > 0) await noteGiven(tx, caller, labels);
  return rows;
}

/** After all of that is on disk. `state` is that of the arguments, which are under the same key. */
export async function openPreviews(
  deps: Pick<Control, 'vault'>,
  { tenantId, via }: Caller,
  request: SealedArguments,
  state: OpenedArguments['state'],
  rows: readonly PreviewRow[],
): Promise<Preview | null> {
  if (rows.length === 0) return null;
  const preview: Preview = { before: null, after: null };
  for (const row of rows) {
    const shown = { tool: row.tool, at: row.at?.toISOString() ?? null, ...NOTHING };
    if (!row.sealed)
      preview[row.side] = row.isOver
        ? { ...shown, state: 'none', reason: NOT_IN_TIME }
        : { ...shown, state: 'waiting', reason: WAITING };
    else if (state === 'erased') preview[row.side] = { ...shown, state: 'erased' };
    else if (via === 'client') preview[row.side] = { ...shown, state: 'none', reason: FOR_PEOPLE };
    else preview[row.side] = { ...shown, ...(await opened(deps, tenantId, request, row)) };
  }
  return preview;
}

const NOTHING = { content: null, cut: false, reason: null };
const WAITING = 'It is being read. Look again in some seconds.';
const NOT_IN_TIME = 'It was not read in time.';
// What strangers may have written would stand in a conversation that can decide about it.
const FOR_PEOPLE = 'It is shown to people, on the page of this request.';

async function opened(
  { vault }: Pick<Control, 'vault'>,
  tenantId: string,
  { id, memberId }: SealedArguments,
  { side, sealed }: PreviewRow,
): Promise<Pick<Side, 'state' | 'content' | 'cut' | 'reason'>> {
  const place = `approval-preview/${id}/${side}`;
  const text = await vault.openForSubject(tenantId, memberId, place, sealed!);
  const { content, cut, reason } = KeptPreview.parse(JSON.parse(text.toString('utf8')));
  return {
    state: content === undefined ? 'none' : 'available',
    content: content ?? null,
    cut: cut ?? false,
    reason: reason ?? null,
  };
}
