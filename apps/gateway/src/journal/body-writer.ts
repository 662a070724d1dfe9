import type { Db } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';

interface Body {
  tenantId: string;
  callId: string;
  sealed: Buffer;
}

const FLUSH_MS = 20;
// 64 MiB of waiting bodies at most; beyond that they are dropped, which is a recorded state.
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** Writes encrypted arguments that are too large for the journal row, off the calls' way. */
export class BodyWriter {
  private waiting: Body[] = [];
  private bytes = 0;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly deps: { db: Db; logger: Logger }) {}

  write(tenantId: string, callId: string, sealed: Buffer): void {
    if (this.bytes + sealed.length > MAX_WAITING_BYTES) {
      this.deps.logger.error(
        { callId, bytes: sealed.length },
        'A call body was dropped: too many wait to be written',
      );
      return;
    }
    this.bytes += sealed.length;
    this.waiting.push({ tenantId, callId, sealed });
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.writing = this.writing.then(() => this.flush());
    }, FLUSH_MS);
  }

  /** Waits until everything taken so far is written. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.writing;
    await this.flush();
  }

  private async flush(): Promise<void> {
    const byTenant = Map.groupBy(this.waiting.splice(0), (body) => body.tenantId);
    for (const [tenantId, bodies] of byTenant) {
      try {
        await this.deps.db.withTenant(tenantId, (tx) =>
          tx.query(
            'insert into call_body (tenant_id, call_id, sealed) select $1, id, sealed from unnest($2::text[], $3::bytea[]) u(id, sealed)',
            [tenantId, bodies.map((body) => body.callId), bodies.map((body) => body.sealed)],
          ),
        );
      } catch (error) {
        this.deps.logger.error(
          { err: error, bodies: bodies.length },
          'Call bodies could not be written',
        );
      }
      for (const body of bodies) this.bytes -= body.sealed.length;
    }
  }
}
