import { rawCall } from '@conducktor/testing';
import type { ApprovedCall } from './approved-call.ts';
import type { Installation } from './installation.ts';
import type { Held, Upstream } from './upstream.ts';
import type { Workspace } from './workspaces.ts';

const SOON_MS = 20_000;

export interface ApprovalRecords {
  status: string;
  outcome: string | null;
  /** Of these very arguments, whatever for. */
  intents: number;
  /** In audit. */
  calls: number;
  outcomes: number;
}

/** An installation, and what a run sees and does of requests for approval in it. */
export class ApprovalStage {
  readonly installation: Installation;
  readonly upstream: Upstream;
  readonly workspace: Workspace;

  constructor(on: Pick<ApprovalStage, 'installation' | 'upstream' | 'workspace'>) {
    this.installation = on.installation;
    this.upstream = on.upstream;
    this.workspace = on.workspace;
  }

  /** Calls that need no approval come through by each gateway: what earlier kills ended is back. */
  async untilCallsFlow(): Promise<void> {
    for (const gateway of this.installation.gateways)
      await eventually(`calls flow through ${gateway}`, async () => {
        const note = { note: `plain ${Math.random()}` };
        const signal = AbortSignal.timeout(2_000);
        const by = { token: this.workspace.apiKey, signal };
        const { message } = await rawCall(`${gateway}/mcp`, 'up_read_note', note, by);
        return message?.result?.isError === undefined && message?.result !== undefined;
      });
  }

  /** Finds the request of each call, which waits for people. */
  async untilAsked(calls: readonly ApprovedCall[]): Promise<void> {
    await eventually('every call is asked for', async () => {
      const rows = await this.#rows<{ id: string; hash: string }>(
        `select id, arguments_hash as hash from approval_request
          where tenant_id = $1 and status = 'pending'`,
      );
      for (const call of calls)
        call.requestId = rows.find(({ hash }) => hash === call.argumentsHash)?.id ?? '';
      return calls.every(({ requestId }) => requestId !== '');
    });
  }

  /** Has the upstream answer these calls no sooner than they are let go. */
  hold(calls: readonly ApprovedCall[]) {
    const held = new Map(calls.map((call) => [call, this.upstream.hold(call.note)]));
    const all = async (of: readonly ApprovedCall[], what: (one: Held) => Promise<void>) => {
      await Promise.all(of.map((call) => what(held.get(call)!)));
    };
    return {
      arrived: (of: readonly ApprovedCall[]) => all(of, ({ arrived }) => arrived),
      letGo: (of: readonly ApprovedCall[]) => all(of, (one) => one.letGo()),
    };
  }

  /** What was asked anew is nobody's any more when the next calls are made. */
  async rejectPending(): Promise<void> {
    await eventually('nothing is pending', async () => {
      await this.#rows(
        "update approval_request set status = 'rejected', decided_at = now() where tenant_id = $1 and status = 'pending'",
      );
      return true;
    });
  }

  /** What the request says, and how often journal and audit have its call. */
  async recordsOf({ requestId, note }: ApprovedCall): Promise<ApprovalRecords> {
    const [records] = await this.#rows<ApprovalRecords>(
      `select a.status, a.outcome,
              (select count(*)::int from call c where c.tenant_id = a.tenant_id and c.admitted
                  and c.record::jsonb->>'argumentsHash' = a.arguments_hash) as intents,
              (select count(*)::int from audit_event e
                where e.tenant_id = a.tenant_id and e.call_id = a.call_id and e.kind = 'call') as calls,
              (select count(*)::int from audit_event e
                where e.tenant_id = a.tenant_id and e.call_id = a.call_id and e.kind = 'outcome') as outcomes
         from approval_request a where a.tenant_id = $1 and a.id = $2`,
      requestId,
    );
    if (!records) throw new Error(`There is no request for ${note}.`);
    return records;
  }

  /** As the workspace's owner, and not by way of a gateway. */
  async approve(calls: readonly ApprovedCall[]): Promise<void> {
    const { port } = this.installation.units.get('control')!.view;
    const headers = {
      authorization: `Bearer ${this.workspace.ownerKey}`,
      'content-type': 'application/json',
    };
    const body = JSON.stringify({ reason: 'It is fine.' });
    for (const { requestId } of calls) {
      const url = `http://127.0.0.1:${port}/api/v1/approvals/${requestId}/approve`;
      // It may find out only now that its connections to Postgres ended with the one before.
      await eventually(
        `${requestId} is approved`,
        async () => (await fetch(url, { method: 'POST', headers, body })).ok,
      );
    }
  }

  async untilStatus(calls: readonly ApprovedCall[], status: string): Promise<void> {
    const ids = calls.map(({ requestId }) => requestId);
    await eventually(`${ids.join(', ')} are ${status}`, async () => {
      const rows = await this.#rows(
        'select from approval_request where tenant_id = $1 and id = any($2) and status = $3',
        ids,
        status,
      );
      return rows.length === ids.length;
    });
  }

  /** Their outcomes are in the journal, whatever their requests say. */
  async untilRecorded(calls: readonly ApprovedCall[]): Promise<void> {
    const ids = calls.map(({ requestId }) => requestId);
    await eventually(`${ids.join(', ')} are recorded`, async () => {
      const rows = await this.#rows(
        `select from approval_request a join outcome o on o.call_id = a.call_id
          where a.tenant_id = $1 and a.id = any($2)`,
        ids,
      );
      return rows.length === ids.length;
    });
  }

  /** Holds the rows as somebody's transaction would that stands still; resolves to their release. */
  async lockRequests(calls: readonly ApprovedCall[]): Promise<() => Promise<void>> {
    const holder = await this.installation.admin.pool.connect();
    // Where Postgres is killed, the lock goes with it.
    holder.on('error', () => undefined);
    await holder.query('begin');
    const ids = calls.map(({ requestId }) => requestId);
    await holder.query('select from approval_request where id = any($1) for update', [ids]);
    return async () => {
      await holder.query('rollback').catch(() => undefined);
      holder.release(true);
    };
  }

  async #rows<Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> {
    const { admin } = this.installation;
    return (await admin.pool.query<Row>(text, [this.workspace.tenantId, ...values])).rows;
  }
}

/** Looks until it is so; what cannot be asked, because the database is away, is not so yet. */
export async function eventually(
  what: string,
  isSo: () => Promise<boolean>,
  limitMs = SOON_MS,
): Promise<void> {
  for (const until = Date.now() + limitMs; ;) {
    if (await isSo().catch(() => false)) return;
    if (Date.now() > until) throw new Error(`Not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
