import type { Db } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';
import type { Caller } from '../tool-call/types.js';
import { shown } from './shown.js';

/** What one credential was seen doing since the last time it was told. */
interface Seen {
  tenantId: string;
  credentialId: string;
  memberId: string;
  clientId: string;
  clientName: string | undefined;
  clientVersion: string | undefined;
  protocolVersion: string;
  resourcePath: string;
  sourceIp: string;
  /** Milliseconds since 1970. */
  at: number;
  requests: number;
}

const FLUSH_MS = 5_000;
// Credentials between two flushes. Who comes beyond them is seen the next time.
const MAX_SEEN = 20_000;

/**
 * By which credential clients are here, for people who look after a workspace. Kept up in memory and
 * told to the database a few times a minute, so a request costs it one look into a map. Nothing is
 * decided by it: what cannot be told is lost, and only counted.
 */
export class Activity {
  private seen = new Map<string, Seen>();
  private readonly timer: NodeJS.Timeout;
  private flushing: Promise<void> = Promise.resolve();
  /** Credentials whose activity was not told. */
  lost = 0;

  constructor(private readonly deps: { db: Pick<Db, 'pool'>; logger: Logger; flushMs?: number }) {
    this.timer = setInterval(() => void this.flush(), deps.flushMs ?? FLUSH_MS).unref();
  }

  /** `requests`: 1 for one that came, 0 where a stream is still open. */
  note(caller: Caller, requests: 0 | 1): void {
    const { credential, context } = caller;
    let seen = this.seen.get(credential.id);
    if (!seen) {
      if (this.seen.size >= MAX_SEEN) {
        this.lost++;
        return;
      }
      seen = {
        tenantId: caller.workspace.tenantId,
        credentialId: credential.id,
        memberId: caller.member.id,
        clientId: caller.clientId,
        clientName: undefined,
        clientVersion: undefined,
        protocolVersion: context.protocolVersion,
        resourcePath: context.resourcePath,
        sourceIp: context.sourceIp,
        at: 0,
        requests: 0,
      };
      this.seen.set(credential.id, seen);
    }
    seen.at = Date.now();
    if (requests === 0) return;
    seen.requests++;
    seen.protocolVersion = context.protocolVersion;
    seen.resourcePath = context.resourcePath;
    seen.sourceIp = context.sourceIp;
    const { client } = context;
    if (client) {
      seen.clientName = client.name;
      seen.clientVersion = client.version;
    }
  }

  /** Resolves when what was seen until now is told or lost; never rejects. */
  flush(): Promise<void> {
    return (this.flushing = this.flushing.then(() => this.tell()));
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  private async tell(): Promise<void> {
    if (this.seen.size === 0) return;
    const all = [...this.seen.values()];
    this.seen = new Map();
    const column = <T>(of: (seen: Seen) => T): T[] => all.map(of);
    try {
      await this.deps.db.pool.query(
        'select note_activity($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)',
        [
          column(({ tenantId }) => tenantId),
          column(({ credentialId }) => credentialId),
          column(({ memberId }) => memberId),
          column(({ clientId }) => clientId),
          column(({ clientName }) => shown(clientName)),
          column(({ clientVersion }) => shown(clientVersion)),
          column(({ protocolVersion }) => shown(protocolVersion)),
          column(({ resourcePath }) => shown(resourcePath)),
          column(({ sourceIp }) => shown(sourceIp)),
          column(({ at }) => at),
          column(({ requests }) => requests),
        ],
      );
    } catch (error) {
      this.lost += all.length;
      this.deps.logger.debug({ err: error, credentials: all.length }, 'Activity was not told');
    }
  }
}
