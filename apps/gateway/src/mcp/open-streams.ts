/**
 * The lasting streams of this process: how many there may be, and that none outlives the right to it.
 * A request is authenticated once, when it comes; a stream again and again while it is open.
 */
import { turnedAway } from './call.js';
import {
  codedRefusal,
  errorText,
  INTERNAL_ERROR,
  refusal,
  resultText,
  TRANSPORT_ERROR,
  type Refusal,
  type RequestId,
} from './json-rpc.js';
import { legacyToolResult, modernToolResult } from './result-shape.js';
import type { AuthenticateAnswer, Failure, GovernedMcp, McpRequestContext } from './ports.js';

/** A revoked token ends its streams within 1 s (CONTRACT), and hearing of it may take half of that. */
const SWEEP_MS = 300;
/** Streams outlast a database that is away for this long, not longer: meanwhile nobody can be revoked. */
const UNSURE_MS = 30_000;
const MAX_PER_PRINCIPAL = 50;
const MAX_STREAMS = 5_000;
/**
 * A tenant may have so many for each place that is still free (dynamic thresholds, Choudhury and Hahne
 * 1998): alone it gets eight ninths of all, and there is always room for the next one.
 */
const TENANT_SHARE = 8;

/** `undefined`: the same token is somebody else's now. */
export type Ended = Exclude<AuthenticateAnswer, { kind: 'caller' }> | undefined;

/** The answer to a request whose stream ends so. `isCall`: a tool call, whose refusals are results. */
export function endedText(
  id: RequestId,
  answer: Ended,
  { era, protocolVersion }: McpRequestContext,
  isCall = false,
): string {
  if (!answer) return errorText(id, ANOTHERS.error);
  const refused = isCall && answer.kind === 'error' ? asResult(answer) : undefined;
  if (!refused) return turnedAway(id, answer, era).text;
  const shaped =
    era === 'modern' ? modernToolResult(refused) : legacyToolResult(refused, protocolVersion);
  return resultText(id, JSON.stringify(shaped));
}

/** Of a frozen caller: people read it in their chat, as they read it of any other call. */
function asResult({ error }: Failure): Record<string, unknown> | undefined {
  const { _meta } = (error.data ?? {}) as { _meta?: Record<string, unknown> };
  if (_meta?.['conducktor/code'] !== 'frozen') return undefined;
  return { content: [{ type: 'text', text: error.message }], isError: true, _meta };
}

export interface WatchedStream {
  principal: string;
  context: McpRequestContext;
  /** Its right has ended: `answer` says why, as to a request. It may be called again. */
  expire(answer: Ended): void;
}

export interface OpenStream extends WatchedStream {
  /** The gateway stops. */
  drain(): void;
}

interface Watched {
  /** When its right was last known, in ms since 1970. */
  sureAt: number;
  checking: boolean;
}

export class OpenStreams {
  private readonly streams = new Set<OpenStream>();
  private readonly watched = new Map<WatchedStream, Watched>();
  private readonly perPrincipal = new Map<string, number>();
  private readonly perTenant = new Map<string, number>();
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
    if ((this.perPrincipal.get(principal) ?? 0) >= this.limits.perPrincipal) return TOO_MANY;
    const free = this.limits.total - this.streams.size;
    const ofTenant = this.perTenant.get(tenantOf(principal)) ?? 0;
    return ofTenant >= TENANT_SHARE * free ? WORKSPACE_FULL : undefined;
  }

  /** Counts and watches it until the function that is returned is called. */
  add(stream: OpenStream): () => void {
    const { principal } = stream;
    this.streams.add(stream);
    const forget = this.watch(stream);
    const tenant = tenantOf(principal);
    count(this.perPrincipal, principal, 1);
    count(this.perTenant, tenant, 1);
    // It may have been on its way while the others were closed.
    if (this.draining) queueMicrotask(() => stream.drain());
    return () => {
      if (!this.streams.delete(stream)) return;
      forget();
      count(this.perPrincipal, principal, -1);
      count(this.perTenant, tenant, -1);
    };
  }

  /**
   * Only ends it with its right: the stream of a request is open for as long as that takes, and is not
   * one of those that a person may have so many of. Until the function that is returned is called.
   */
  watch(stream: WatchedStream): () => void {
    this.watched.set(stream, { sureAt: Date.now(), checking: false });
    this.timer ??= setTimeout(() => this.sweep(), SWEEP_MS).unref();
    return () => void this.watched.delete(stream);
  }

  /** For good: no new ones are opened. */
  drain(): void {
    this.draining = true;
    for (const stream of this.streams) stream.drain();
  }

  /** Waits for none of them: one that the database keeps waiting must not keep the others. */
  private sweep(): void {
    const now = Date.now();
    for (const [stream, watched] of this.watched) {
      if (now - watched.sureAt > UNSURE_MS) stream.expire(UNSURE);
      else if (!watched.checking) void this.check(stream, watched);
    }
    this.timer =
      this.watched.size === 0 ? undefined : setTimeout(() => this.sweep(), SWEEP_MS).unref();
  }

  private async check(stream: WatchedStream, watched: Watched): Promise<void> {
    watched.checking = true;
    const answer = await this.mcp
      .authenticate(stream.context, 'look')
      .catch((): AuthenticateAnswer | undefined => undefined);
    watched.checking = false;
    // Closed meanwhile.
    if (this.watched.get(stream) !== watched) return;
    if (answer?.kind === 'caller') {
      if (answer.frozen) stream.expire(answer.frozen);
      else if (answer.principal === stream.principal) watched.sureAt = Date.now();
      else stream.expire(undefined);
    } else if (answer?.kind === 'challenge' || answer?.status === 404) stream.expire(answer);
  }
}

function tenantOf(principal: string): string {
  return principal.slice(0, principal.indexOf(' '));
}

function count(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const now = (counts.get(key) ?? 0) + change;
  if (now === 0) counts.delete(key);
  else counts.set(key, now);
}

const ANOTHERS = codedRefusal(
  401,
  -32_001,
  'Sign in again: this access is another person’s now.',
  'unauthenticated',
);
const UNSURE: Failure = {
  kind: 'error',
  error: { code: INTERNAL_ERROR, message: 'Who you are cannot be checked right now. Try again.' },
};
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
const WORKSPACE_FULL: Refusal = {
  ...refusal(429, TRANSPORT_ERROR, 'Your workspace has too many event streams open here.'),
  headers: { 'retry-after': RETRY_S },
};
