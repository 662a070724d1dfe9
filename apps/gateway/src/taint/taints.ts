import { ConducktorError, type ToolLabel } from '@conducktor/contracts';
import type { Db } from '@conducktor/db';
import type { Caller } from '../tool-call/types.js';

/** Whose client was given something: the unit that rules with `seen` are about. */
export type Given = Pick<Caller, 'clientId'> & {
  workspace: Pick<Caller['workspace'], 'tenantId'>;
  member: Pick<Caller['member'], 'id'>;
};

/**
 * A taint that this process wrote less than so long ago is not written again. Readers look so much
 * further back, so that a window is never shorter than the document says, and at most this much longer.
 */
const FRESH_MS = 2_000;
const MAX_REMEMBERED = 10_000;

/**
 * What clients of people were given by tools that give private data or what strangers wrote, by
 * Postgres's clock and in Postgres alone: every gateway sees the same.
 */
export class Taints {
  /** By whose and which: since when it is being written, by this process's clock. */
  readonly #written = new Map<string, { since: number; done: Promise<void> }>();

  constructor(
    private readonly db: Pick<Db, 'withTenant'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Durable when it resolves: only then may what such a tool gave leave. Calls that come together share
   * one write. Rejects with what kept it from being written.
   */
  note(given: Given, labels: readonly ToolLabel[]): Promise<void> {
    const key = `${given.workspace.tenantId} ${given.member.id} ${labels.join()} ${given.clientId}`;
    const known = this.#written.get(key);
    const since = this.now();
    if (known && since - known.since < FRESH_MS) return known.done;
    const done = this.#write(given, labels);
    const entry = { since, done };
    // The youngest stand last.
    this.#written.delete(key);
    this.#written.set(key, entry);
    if (this.#written.size > MAX_REMEMBERED)
      this.#written.delete(this.#written.keys().next().value!);
    done.catch(() => {
      if (this.#written.get(key) === entry) this.#written.delete(key);
    });
    return done;
  }

  /** Labels of what this client was given within the last `windowMs`. Rejects with `governance_unavailable`. */
  async seen(given: Given, windowMs: number): Promise<ReadonlySet<ToolLabel>> {
    const values = [given.member.id, given.clientId, (windowMs + FRESH_MS) / 1_000];
    try {
      const { rows } = await this.db.withTenant(given.workspace.tenantId, (tx) =>
        tx.query<{ label: ToolLabel }>({ ...SEEN, values }),
      );
      return new Set(rows.map(({ label }) => label));
    } catch (cause) {
      throw new ConducktorError(
        'governance_unavailable',
        'This call was not made, because what its client was given before cannot be looked up right now.',
        { cause },
      );
    }
  }

  async #write(given: Given, labels: readonly ToolLabel[]): Promise<void> {
    const { tenantId } = given.workspace;
    const values = [tenantId, given.member.id, given.clientId, labels];
    await this.db.withTenant(tenantId, (tx) => tx.query({ ...NOTE, values }));
  }
}

// In the order of labels, so that two writers of both cannot wait for each other.
const NOTE = {
  name: 'note_taint',
  text: `insert into taint (tenant_id, member_id, client_id, label, seen_at)
         select $1, $2, $3, label, clock_timestamp() from unnest($4::text[]) label order by label
         on conflict (tenant_id, member_id, client_id, label)
         do update set seen_at = greatest(taint.seen_at, excluded.seen_at)`,
};
const SEEN = {
  name: 'seen_taints',
  text: `select label from taint
          where tenant_id = current_tenant() and member_id = $1 and client_id = $2
            and seen_at > clock_timestamp() - make_interval(secs => $3)`,
};
