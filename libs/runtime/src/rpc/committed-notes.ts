import { FrameType } from '@conducktor/contracts';
import type { StandingLink } from './standing-link.js';

/** Kept while there is no connection; a note lost beyond that only means a Late one more. */
const MAX_KEPT = 200_000;
const NOTES_PER_FRAME = 10_000;

/** Names of calls whose outcomes are durable, on their way to the worker: sent together, once per turn. */
export class CommittedNotes {
  #callIds: string[] = [];
  #scheduled = false;

  constructor(private readonly connection: StandingLink) {}

  add(callIds: readonly string[]): void {
    for (const id of callIds) this.#callIds.push(id);
    const isConnected = this.connection.joined !== undefined;
    if (!isConnected && this.#callIds.length > MAX_KEPT)
      this.#callIds = this.#callIds.slice(-MAX_KEPT / 2);
    if (this.#scheduled || !isConnected) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.send();
    });
  }

  /** Sends now what waits, where there is a connection. */
  send(): void {
    const link = this.connection.joined;
    if (!link || this.#callIds.length === 0) return;
    const callIds = this.#callIds;
    this.#callIds = [];
    for (let at = 0; at < callIds.length; at += NOTES_PER_FRAME) {
      link.send(FrameType.Committed, 0, { callIds: callIds.slice(at, at + NOTES_PER_FRAME) });
    }
  }
}
