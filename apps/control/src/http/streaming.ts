import { ConducktorError } from '@conducktor/contracts';
import type { FastifyReply } from 'fastify';

/** So many at once of something that lasts: for one key, such as a member or workspace, and in all. */
export interface Places {
  /**
   * Takes a place and returns how to give it back. Throws `rate_limited` when there is none, with what is said
   * where the key has its own already and where the others have them all: of whose they are, no caller learns.
   */
  take(key: string, full: { each: string; all: string }): () => void;
}

export function createPlaces(limits: { each: number; all: number }): Places {
  const taken = new Map<string, number>();
  let all = 0;
  return {
    take(key, full) {
      const own = taken.get(key) ?? 0;
      if (own >= limits.each || all >= limits.all)
        throw new ConducktorError('rate_limited', own >= limits.each ? full.each : full.all, {
          detail: { retryAfterMs: 5_000 },
        });
      taken.set(key, own + 1);
      all++;
      let here = true;
      return () => {
        if (!here) return;
        here = false;
        all--;
        const left = taken.get(key)! - 1;
        if (left === 0) taken.delete(key);
        else taken.set(key, left);
      };
    },
  };
}

/** Cuts off a reader that takes nothing for this long while there is something to take. */
export function cutWhenStalled({ raw }: FastifyReply, afterMs = 30_000): void {
  // Gone while its stream was made ready: it will not say so again.
  if (raw.destroyed) return;
  let before = -1;
  const timer = setInterval(() => {
    const written = raw.socket?.bytesWritten ?? 0;
    if (raw.writableNeedDrain && written === before) raw.destroy();
    before = written;
  }, afterMs / 2).unref();
  raw.once('close', () => clearInterval(timer));
}
