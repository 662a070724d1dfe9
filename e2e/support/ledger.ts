import { createHash } from 'node:crypto';
import { rawCall, type RawAnswer } from '@conducktor/testing';
import type { World } from './world.js';

/** What a client knows of one call it made. */
export interface LedgerEntry {
  note: string;
  /** `acknowledged`: an answer came back; `lost`: the connection broke or HTTP said no. */
  state: 'acknowledged' | 'refused' | 'lost';
  callId?: string;
  code?: string;
  ok: boolean;
}

/** A small, steady load of writing calls whose every answer is written down. */
export class Load {
  readonly entries: LedgerEntry[] = [];
  #stopped = false;
  #loops: Promise<void>[] = [];
  #next = 0;

  constructor(
    readonly world: World,
    readonly prefix: string,
    readonly pauseMs = 15,
  ) {}

  start(loops: number): void {
    this.#loops = Array.from({ length: loops }, () => this.#run());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  succeeded(): number {
    return this.entries.filter((entry) => entry.ok).length;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const note = `${this.prefix}-${this.#next++}`;
      const answer = await rawCall(
        this.world.mcp,
        'rec_add_note',
        { note },
        {
          token: this.world.workspace.member.apiKey,
          signal: AbortSignal.timeout(20_000),
        },
      ).catch(() => undefined);
      this.entries.push({ note, ...judge(answer) });
      await new Promise((resolve) => setTimeout(resolve, this.pauseMs));
    }
  }
}

function judge(answer: RawAnswer | undefined): Omit<LedgerEntry, 'note'> {
  const result = answer?.message?.result;
  const meta = (result?._meta ?? answer?.message?.error?.data?._meta ?? {}) as Record<
    string,
    string
  >;
  const callId = meta['conducktor/callId'];
  const code = meta['conducktor/code'];
  if (callId === undefined) {
    return { state: answer === undefined ? 'lost' : 'refused', ok: false, ...(code && { code }) };
  }
  return { state: 'acknowledged', callId, ok: result?.isError !== true, ...(code && { code }) };
}

/** The journal's hash of the arguments {note}: SHA-256 of their canonical JSON, in hex. */
export function hashOfNote(note: string): string {
  return createHash('sha256').update(JSON.stringify({ note })).digest('hex');
}

/** Numbers between 0 and 1 that follow from a seed (mulberry32), so that a failed run can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
