/**
 * How much may wait for this process, decided before a request's body is read. Past what it can serve in
 * good time every further request only makes all of them slower, until nobody waits long enough for any;
 * refused early they cost a twentieth of a call, and what is accepted stays fast.
 */
import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { watchLoopDelay } from '@conducktor/runtime';
import { BodyRoom, isShort } from './body-room.js';

/** What one workspace has here: what waits for us, and that together with its calls at upstreams. */
interface Share {
  waiting: number;
  underWay: number;
}

/**
 * One request from when its body has come. It waits for this process until it is answered, except while a
 * call of it is at its upstream; it is under way until the last of its calls is back, which may be long
 * after its answer: a batch makes many, and a held call goes on without its request.
 */
export class Place {
  #isAnswered = false;
  #atUpstreams = 0;

  constructor(
    /** All that are counted with it: its workspace's, and everybody's. */
    private readonly counts: readonly Share[],
    /** Whether its credential was known when it came. */
    readonly isKnown: boolean,
  ) {
    this.#count(1);
  }

  /** A call of it is at its upstream from now on, until the function that is returned is called. */
  away(): () => void {
    this.#change(() => this.#atUpstreams++);
    return () => this.#change(() => this.#atUpstreams--);
  }

  /** It has been answered, or there is nobody to answer. */
  leave(): void {
    this.#change(() => (this.#isAnswered = true));
  }

  #change(change: () => unknown): void {
    this.#count(-1);
    change();
    this.#count(1);
  }

  #count(by: 1 | -1): void {
    const waits = !this.#isAnswered && this.#atUpstreams === 0;
    const isUnderWay = !this.#isAnswered || this.#atUpstreams > 0;
    for (const share of this.counts) {
      if (waits) share.waiting += by;
      if (isUnderWay) share.underWay += by;
    }
  }
}

export interface GateOptions {
  /** Requests that may wait for this process at once. */
  most: number;
  /** Milliseconds that the oldest intent has waited to become durable. */
  tickMs?: () => number;
  /** Hears once in a while of how many were refused since. */
  onShed?: (shed: number) => void;
}

/**
 * A workspace may have so many for each place that is still free (dynamic thresholds, Choudhury and
 * Hahne 1998): alone it gets four fifths of all, and there is always room for the next one.
 */
const SHARE = 4;
/** With all that is at upstreams, for the memory that it takes. */
const UNDER_WAY_FOR_EACH = 20;
/** Signs that less can be served than usual: then a quarter may wait. */
const LAG_MS = 500;
const TICK_MS = 2_000;
const UNDER_PRESSURE = 1 / 4;
const MAX_KNOWN = 20_000;
/** Bytes that may be on their way from those who are known, and from all others. */
const BODIES = 128 * 1024 * 1024;
const TELL_MS = 10_000;

export class Gate {
  readonly #all: Share = { waiting: 0, underWay: 0 };
  /** By the hash of the header that brings it: the credential itself is never kept. */
  readonly #byCredential = new Map<string, Share>();
  readonly #byTenant = new Map<string, Share>();
  readonly #strangers: Share = { waiting: 0, underWay: 0 };
  readonly #bodies = new BodyRoom(BODIES);
  readonly #bodiesOfStrangers = new BodyRoom(BODIES);
  readonly #mostUnderWay: number;
  readonly #delay = watchLoopDelay();
  #shed = 0;
  #toldAt = -Infinity;
  /** Requests that were refused, since the beginning. */
  refused = 0;

  constructor(private readonly options: GateOptions) {
    this.#mostUnderWay = options.most * UNDER_WAY_FOR_EACH;
  }

  /** Requests that wait for this process. */
  get waiting(): number {
    return this.#all.waiting;
  }

  /** Whether one more is to be refused, by whoever shows this `Authorization`. Counts what it refuses. */
  refuses(authorization: string | undefined): boolean {
    const { most } = this.options;
    // Below that nobody is refused, however slow we are.
    if (
      this.waiting < most * UNDER_PRESSURE &&
      this.#all.underWay < this.#mostUnderWay * UNDER_PRESSURE
    )
      return false;
    if (!this.#isFullFor(this.#shareOf(authorization))) return false;
    this.#refuse();
    return true;
  }

  /** Whether there is room for the body of one more; what strangers send takes none from who is known. */
  takesBody(request: IncomingMessage): boolean {
    if (isShort(request)) return true;
    const isKnown = this.#shareOf(request.headers.authorization) !== this.#strangers;
    if ((isKnown ? this.#bodies : this.#bodiesOfStrangers).take(request)) return true;
    this.#refuse();
    return false;
  }

  /** Counts a request whose body has come. */
  enter(authorization: string | undefined): Place {
    const share = this.#shareOf(authorization);
    return new Place([share, this.#all], share !== this.#strangers);
  }

  /** Whose credential this is. */
  learn(authorization: string | undefined, tenantId: string): void {
    if (authorization === undefined) return;
    const credential = digestOf(authorization);
    if (this.#byCredential.has(credential)) return;
    if (this.#byCredential.size >= MAX_KNOWN) this.#forget();
    let share = this.#byTenant.get(tenantId);
    if (!share) this.#byTenant.set(tenantId, (share = { waiting: 0, underWay: 0 }));
    this.#byCredential.set(credential, share);
  }

  stop(): void {
    this.#delay.stop();
  }

  #isFullFor(share: Share): boolean {
    const { waiting } = this;
    const { most } = this.options;
    const freeUnderWay = this.#mostUnderWay - this.#all.underWay;
    if (waiting >= most || freeUnderWay <= 0) return true;
    // Slow upstreams of one workspace must not close the gate for the others.
    if (share.underWay >= SHARE * freeUnderWay) return true;
    // Whoever has nothing waiting is not the one that is too much.
    if (share.waiting <= 0) return false;
    const now = this.#isSlow() ? most * UNDER_PRESSURE : most;
    return share.waiting >= SHARE * (now - waiting);
  }

  #isSlow(): boolean {
    return this.#delay.lasting() > LAG_MS || (this.options.tickMs?.() ?? 0) > TICK_MS;
  }

  #shareOf(authorization: string | undefined): Share {
    if (authorization === undefined || this.#byCredential.size === 0) return this.#strangers;
    return this.#byCredential.get(digestOf(authorization)) ?? this.#strangers;
  }

  /** What is under way goes on being counted: to be forgotten is no way around one's share. */
  #forget(): void {
    this.#byCredential.clear();
    for (const [tenantId, { underWay }] of this.#byTenant)
      if (underWay <= 0) this.#byTenant.delete(tenantId);
  }

  #refuse(): void {
    this.#shed++;
    this.refused++;
    this.#tell();
  }

  #tell(): void {
    const now = performance.now();
    if (now - this.#toldAt < TELL_MS) return;
    this.options.onShed?.(this.#shed);
    this.#toldAt = now;
    this.#shed = 0;
  }
}

const digestOf = (authorization: string): string => hash('sha256', authorization, 'base64url');
