import { networkOf } from '@conducktor/identity';
import { LocalGcra, type LimitProfile } from './gcra.js';

// A person who mistypes a key, or a script with an old one, gets by; whoever tries keys does not.
const FAILURES: LimitProfile = [{ limit: 30, windowMs: 60_000 }];
const MAX_SOURCES = 10_000;

/**
 * How many keys that are not valid one address may try in a while, in this process. Only failures
 * count, and nothing is held back but looks for further keys: whoever is known goes on.
 */
export class StrangerLimit {
  private readonly sources = new Map<string, { level: LocalGcra; until: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Milliseconds until this address may have a key looked for again; 0: now. */
  waitOf(sourceIp: string): number {
    if (this.sources.size === 0) return 0;
    const source = this.sources.get(networkOf(sourceIp));
    return source ? Math.max(0, Math.ceil(source.until - this.now())) : 0;
  }

  failed(sourceIp: string): void {
    const network = networkOf(sourceIp);
    let source = this.sources.get(network);
    if (!source) {
      if (this.sources.size >= MAX_SOURCES) {
        // The one that failed longest ago.
        const [oldest] = this.sources.keys();
        this.sources.delete(oldest!);
      }
      source = { level: new LocalGcra(), until: 0 };
    }
    // At the end of the line again.
    this.sources.delete(network);
    this.sources.set(network, source);
    const wait = source.level.take(FAILURES, this.now());
    if (wait > 0) source.until = this.now() + wait;
  }
}
