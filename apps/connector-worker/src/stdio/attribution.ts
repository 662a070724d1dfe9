import type { OutgoingCall } from '../connector.js';
import { declaredOf, mayAsk } from '../mcp/capabilities.js';
import type { Message } from '../mcp/messages.js';

/**
 * What a shared process is told that it may ask. Not roots: they would set what the process works on
 * for everybody. A question whose client cannot be asked is refused as if it had never been offered.
 */
export const SHARED = declaredOf({ elicitation: { form: {}, url: {} }, sampling: {} }).capabilities;

/** Calls that were given up and may still be at work; with more, nothing is attributed any more. */
const MAX_ABANDONED = 1_000;

/**
 * Whose call it is that a server on standard streams speaks about. One process serves all members of a
 * workspace, and its requests and log messages name no call, so that one person's could reach another:
 *
 * - A question goes to a call only when every call that is at work, also those that were given up and
 *   never answered, is the same person's, and one of them alone has a client that can be asked it.
 * - Log messages may concern what a call began and another person's call outlives, so they are handed on
 *   only while the process has worked for one person since its start, and for one call at a time.
 *
 * Everything else is refused or dropped.
 */
export class Attribution {
  readonly #calls = new Map<number, OutgoingCall>();
  readonly #abandoned = new Map<number, string>();
  /** The one person; null once there were several. */
  #only: string | null | undefined;
  #lost = false;

  began(id: number, call: OutgoingCall): void {
    this.#calls.set(id, call);
    if (this.#only === undefined) this.#only = call.memberId;
    else if (this.#only !== call.memberId) this.#only = null;
  }

  /** Nobody waits for it any more, but the server may still work on it. */
  abandoned(id: number): void {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    if (this.#abandoned.size >= MAX_ABANDONED) this.#lost = true;
    else this.#abandoned.set(id, call.memberId);
  }

  /** The server has answered it. */
  ended(id: number): void {
    this.#calls.delete(id);
    this.#abandoned.delete(id);
  }

  /** The call that asks this. */
  asked({ method, params }: Extract<Message, { kind: 'request' }>): OutgoingCall | undefined {
    const able = [...this.#calls.values()].filter((call) => mayAsk(call.declared, method, params));
    const [call] = able;
    return call && able.length === 1 && this.#isAlone(call.memberId) ? call : undefined;
  }

  /** The call that a notification concerns. */
  told(method: string): OutgoingCall | undefined {
    const [call, ...others] = this.#calls.values();
    if (!call || others.length > 0) return undefined;
    const certain =
      method === 'notifications/message'
        ? this.#only === call.memberId
        : this.#isAlone(call.memberId);
    return certain ? call : undefined;
  }

  /** The server wants no answer to its request of this id any more. */
  withdrawn(id: unknown): void {
    for (const call of this.#calls.values()) call.withdraw(id);
  }

  #isAlone(memberId: string): boolean {
    if (this.#lost) return false;
    for (const call of this.#calls.values()) if (call.memberId !== memberId) return false;
    for (const other of this.#abandoned.values()) if (other !== memberId) return false;
    return true;
  }
}
