import type { LateOutcome } from '@conducktor/contracts';
import type { RpcPeer } from '../rpc/handlers.js';

/** As long as a gateway may take to commit an outcome or to close the epoch of one that died. */
const KEEP_MS = 15 * 60_000;
const MAX_KEPT = 200_000;
/** A gateway that only lost its connection is back within this; before, nobody else is offered its outcomes. */
const OWN_GRACE_MS = 2_000;
const OFFER_AGAIN_MS = 5_000;
const OFFERED_AT_ONCE = 1_000;

interface Kept {
  outcome: LateOutcome;
  /** The gateway that asked; undefined for processes without a journal, whose outcomes are not kept. */
  instanceId: string;
  /** All times are of the monotonic clock: the wall clock may be set. */
  at: number;
  /** Set when the connection over which the result went was lost before the commitment came. */
  lostAt: number | undefined;
  offeredAt: number;
}

/**
 * Every finished outcome until a gateway says that it is durable, so that an answer that left exists
 * in two processes. What a lost gateway never confirmed is offered to the same gateway when it is
 * back, and to any other after a moment, until one confirms it.
 */
export class Outcomes {
  readonly #kept = new Map<string, Kept>();
  readonly #peers = new Set<RpcPeer>();
  readonly #sweep: NodeJS.Timeout;
  /** Kept outcomes of lost connections, so that the sweep need not look at all. */
  readonly #lost = new Set<Kept>();
  #turn = 0;

  constructor(private readonly onDropped: (count: number, reason: string) => void = () => {}) {
    this.#sweep = setInterval(() => this.sweep(performance.now()), 1_000).unref();
  }

  get size(): number {
    return this.#kept.size;
  }

  /** `peer` is the connection over which the result goes, whether or not it still stands. */
  keep(outcome: LateOutcome, peer: RpcPeer): void {
    if (!peer.takesLate) return;
    const now = performance.now();
    if (this.#kept.size >= MAX_KEPT) {
      const [oldest] = this.#kept.values();
      this.#forget(oldest!);
      this.onDropped(1, 'too many outcomes wait for their commitment');
    }
    const kept: Kept = {
      outcome,
      instanceId: peer.instanceId,
      at: now,
      lostAt: undefined,
      offeredAt: -Infinity,
    };
    this.#kept.set(outcome.callId, kept);
    if (!this.#peers.has(peer)) this.#lose(kept, now);
  }

  committed(callIds: readonly string[]): void {
    for (const id of callIds) {
      const kept = this.#kept.get(id);
      if (!kept) continue;
      this.#kept.delete(id);
      if (kept.lostAt !== undefined) this.#lost.delete(kept);
    }
  }

  joined(peer: RpcPeer): void {
    this.#peers.add(peer);
    if (peer.takesLate) this.#offer(performance.now());
  }

  left(peer: RpcPeer): void {
    this.#peers.delete(peer);
    const now = performance.now();
    // Another connection of the same gateway may stand, but which one carried the result is not known.
    for (const kept of this.#kept.values()) {
      if (kept.instanceId === peer.instanceId && kept.lostAt === undefined) this.#lose(kept, now);
    }
    this.#offer(now);
  }

  sweep(now: number): void {
    let expired = 0;
    // In order of time: the first one that is young enough ends the search.
    for (const kept of this.#kept.values()) {
      if (now - kept.at < KEEP_MS) break;
      this.#forget(kept);
      expired++;
    }
    if (expired > 0) this.onDropped(expired, 'no gateway committed them in time');
    if (this.#lost.size > 0) this.#offer(now);
  }

  /**
   * This process ends: resolves when gateways have made all of them durable, or after `limitMs`. Those of
   * a gateway that is gone are offered to the others at once.
   */
  async handOver(limitMs: number): Promise<void> {
    const until = performance.now() + limitMs;
    for (const kept of this.#lost) kept.lostAt = -Infinity;
    while (this.#kept.size > 0 && this.#peers.size > 0 && performance.now() < until) {
      if (this.#lost.size > 0) this.#offer(performance.now());
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  close(): void {
    clearInterval(this.#sweep);
  }

  #lose(kept: Kept, now: number): void {
    kept.lostAt = now;
    this.#lost.add(kept);
  }

  #forget(kept: Kept): void {
    this.#kept.delete(kept.outcome.callId);
    this.#lost.delete(kept);
  }

  #offer(now: number): void {
    const takers = [...this.#peers].filter((peer) => peer.takesLate);
    if (takers.length === 0 || this.#lost.size === 0) return;
    const own = new Map(takers.map((peer) => [peer.instanceId, peer]));
    // By turns, should one of them be unable to settle.
    const other = takers[this.#turn++ % takers.length]!;
    const parcels = new Map<RpcPeer, LateOutcome[]>();
    for (const kept of this.#lost) {
      if (now - kept.offeredAt < OFFER_AGAIN_MS) continue;
      const peer =
        own.get(kept.instanceId) ?? (now - kept.lostAt! > OWN_GRACE_MS ? other : undefined);
      if (!peer) continue;
      let parcel = parcels.get(peer);
      if (!parcel) parcels.set(peer, (parcel = []));
      if (parcel.length >= OFFERED_AT_ONCE) continue;
      kept.offeredAt = now;
      parcel.push(kept.outcome);
    }
    for (const [peer, parcel] of parcels) peer.sendLate(parcel);
  }
}
