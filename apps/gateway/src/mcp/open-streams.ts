/**
 * The lasting streams of this process: how many there may be, and that none outlives the right to it.
 * A request is authenticated once, when it comes; a stream again and again while it is open.
 */
import { refusal, TRANSPORT_ERROR, type Refusal } from './json-rpc.js';
import type { AuthenticateAnswer, GovernedMcp, McpRequestContext } from './ports.js';

/** A revoked token ends its streams within 1 s (CONTRACT); half of it is for hearing of it. */
const SWEEP_MS = 500;
/** Streams outlast a database that is away for this long, not longer: meanwhile nobody can be revoked. */
const UNSURE_MS = 30_000;
const AT_ONCE = 100;
const MAX_PER_PRINCIPAL = 50;
const MAX_STREAMS = 5_000;

export interface OpenStream {
  principal: string;
  context: McpRequestContext;
  /** Its right has ended: `answer` says why, as to a request. */
  expire(answer: Exclude<AuthenticateAnswer, { kind: 'caller' }> | undefined): void;
  /** The gateway stops. */
  drain(): void;
}

export class OpenStreams {
  private readonly streams = new Map<OpenStream, number>();
  private readonly perPrincipal = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private draining = false;

  constructor(
    private readonly mcp: Pick<GovernedMcp, 'authenticate'>,
    private readonly limits = { perPrincipal: MAX_PER_PRINCIPAL, total: MAX_STREAMS },
  ) {}

  get isDraining(): boolean {
    return this.draining;
  }

  get size(): number {
    return this.streams.size;
  }

  /** Why there may not be another one for this principal, or undefined. */
  refusalFor(principal: string): Refusal | undefined {
    if (this.draining) return STOPPING;
    if (this.streams.size >= this.limits.total) return FULL;
    return (this.perPrincipal.get(principal) ?? 0) >= this.limits.perPrincipal
      ? TOO_MANY
      : undefined;
  }

  /** Counts and watches it until the function that is returned is called. */
  add(stream: OpenStream): () => void {
    const { principal } = stream;
    this.streams.set(stream, Date.now());
    this.perPrincipal.set(principal, (this.perPrincipal.get(principal) ?? 0) + 1);
    this.timer ??= setTimeout(() => void this.sweep(), SWEEP_MS).unref();
    // It may have been on its way while the others were closed.
    if (this.draining) queueMicrotask(() => stream.drain());
    return () => {
      if (!this.streams.delete(stream)) return;
      const left = this.perPrincipal.get(principal)! - 1;
      if (left === 0) this.perPrincipal.delete(principal);
      else this.perPrincipal.set(principal, left);
    };
  }

  /** For good: no new ones are opened. */
  drain(): void {
    this.draining = true;
    clearTimeout(this.timer);
    for (const stream of this.streams.keys()) stream.drain();
  }

  /** Many at once: one that the database keeps waiting must not keep the others. */
  private async sweep(): Promise<void> {
    const all = [...this.streams.keys()];
    for (let at = 0; at < all.length; at += AT_ONCE)
      await Promise.all(all.slice(at, at + AT_ONCE).map((stream) => this.check(stream)));
    this.timer =
      this.draining || this.streams.size === 0
        ? undefined
        : setTimeout(() => void this.sweep(), SWEEP_MS).unref();
  }

  private async check(stream: OpenStream): Promise<void> {
    const answer = await this.mcp
      .authenticate(stream.context)
      .catch((): AuthenticateAnswer | undefined => undefined);
    const sureAt = this.streams.get(stream);
    // Closed meanwhile.
    if (sureAt === undefined) return;
    if (answer?.kind === 'caller') {
      if (answer.principal === stream.principal) this.streams.set(stream, Date.now());
      else stream.expire(undefined);
    } else if (answer?.kind === 'challenge' || answer?.status === 404) {
      stream.expire(answer);
    } else if (Date.now() - sureAt > UNSURE_MS) {
      stream.expire(answer);
    }
  }
}

const RETRY_S = '5';
const STOPPING: Refusal = {
  ...refusal(503, TRANSPORT_ERROR, 'This gateway is stopping. Connect again.'),
  headers: { 'retry-after': '1' },
};
const FULL: Refusal = {
  ...refusal(503, TRANSPORT_ERROR, 'Too many event streams are open here. Try again later.'),
  headers: { 'retry-after': RETRY_S },
};
const TOO_MANY: Refusal = {
  ...refusal(429, TRANSPORT_ERROR, 'You have too many event streams open. Close some first.'),
  headers: { 'retry-after': RETRY_S },
};
