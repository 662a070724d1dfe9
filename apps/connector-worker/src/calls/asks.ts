import type { AskMethod, AskNote, ReplyNote } from '@conducktor/contracts';
import type { AskReply, AskRefusal } from '../connector.js';

/** Questions of one call: at once, and in all. */
const MAX_OPEN = 16;
const MAX_ASKS = 100;
/** UTF-16 units; with three bytes each it still fits a frame. */
const MAX_LENGTH = 4 * 1024 * 1024;

interface Open {
  /** The upstream's own. */
  id: string | number;
  note: AskNote;
  reply: (reply: AskReply) => void;
}

/** The questions of one call that wait for its client. */
export class Asks {
  readonly #open = new Map<number, Open>();
  #lastId = 0;

  get open(): number {
    return this.#open.size;
  }

  /** Whether anything was asked before: then somebody holds the means to take the call up. */
  get any(): boolean {
    return this.#lastId > 0;
  }

  /** The note to send, or why there is none. */
  add(
    id: string | number,
    method: AskMethod,
    params: Record<string, unknown>,
    reply: (reply: AskReply) => void,
  ): AskNote | AskRefusal {
    if (this.#open.size >= MAX_OPEN || this.#lastId >= MAX_ASKS) return 'too-many';
    if (JSON.stringify(params).length > MAX_LENGTH) return 'too-long';
    const note: AskNote = { askId: ++this.#lastId, method, params };
    this.#open.set(note.askId, { id, note, reply });
    return note;
  }

  drop(note: AskNote): void {
    this.#open.delete(note.askId);
  }

  /** False when nothing of this id is open. */
  withdraw(id: unknown): boolean {
    for (const [askId, open] of this.#open) if (open.id === id) return this.#open.delete(askId);
    return false;
  }

  /** False for a question that is not open: never asked, or answered already. */
  replied({ askId, result, error }: ReplyNote): boolean {
    const open = this.#open.get(askId);
    if (!open) return false;
    this.#open.delete(askId);
    open.reply({ ...(result && { result }), ...(error && { error }) });
    return true;
  }

  get notes(): AskNote[] {
    return [...this.#open.values()].map(({ note }) => note);
  }

  /** Nobody will answer any more: a server that waits would do so for ever. */
  refuseAll(message: string): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const { reply } of open) reply({ error: { code: -32603, message } });
  }

  clear(): void {
    this.#open.clear();
  }
}
