import type { Db } from '@conducktor/db';

/** Requests of all workspaces that have not come to an end. */
export interface ApprovalBacklog {
  pending: number;
  approved: number;
  running: number;
  /** Of the one that has waited longest for people. */
  pendingSeconds: number;
  /** Since the approval of the oldest that is to be made at once and whose outcome is not recorded. */
  unmadeSeconds: number;
}

export async function approvalBacklog({ pool }: Pick<Db, 'pool'>): Promise<ApprovalBacklog> {
  const { rows } = await pool.query<ApprovalBacklog>(
    `select pending::float8, approved::float8, running::float8,
            pending_seconds as "pendingSeconds", unmade_seconds as "unmadeSeconds" from approval_backlog()`,
  );
  return rows[0]!;
}
