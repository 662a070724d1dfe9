import { type OutgoingCall, UpstreamFailure } from '../connector.js';
import { type Message, requestText } from '../mcp/messages.js';
import { requestIds } from '../mcp/request-ids.js';
import type { ServerProcess } from './server-process.js';

export type Answer = Extract<Message, { kind: 'result' | 'error' }> | { kind: 'too-large' };

interface Waiting {
  call: OutgoingCall | undefined;
  resolve(answer: Answer): void;
  reject(error: UpstreamFailure): void;
}

/** Requests to a server on standard streams, each until its answer: calls, and what we ask ourselves. */
export class Requests {
  readonly #waiting = new Map<number, Waiting>();
  readonly #nextId = requestIds();
  #ended: string | undefined;

  constructor(private readonly process: ServerProcess) {}

  get inFlight(): number {
    return this.#waiting.size;
  }

  /** The process is gone; nothing can be sent any more. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  nextId(): number {
    return this.#nextId();
  }

  /** A request of our own, which waits `ms` at most. Rejects with UpstreamFailure. */
  ask(method: string, params: Record<string, unknown>, ms: number): Promise<Answer> {
    const id = this.nextId();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.forget(id);
          reject(
            new UpstreamFailure(
              'unavailable',
              `The server did not answer ${method} within ${Math.max(1, Math.round(ms / 1000))} s.`,
            ),
          );
        },
        Math.max(0, ms),
      );
      this.send(id, requestText(id, method, JSON.stringify(params)), undefined)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }

  /** Waits for as long as it takes, or until it is forgotten. Rejects with UpstreamFailure. */
  send(id: number, text: string, call: OutgoingCall | undefined): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined || !this.process.write(text)) {
        return reject(
          new UpstreamFailure(
            'unavailable',
            `The server is not running: ${this.#ended ?? 'it does not read its input'}.`,
          ),
        );
      }
      call?.markSent();
      this.#waiting.set(id, { call, resolve, reject });
    });
  }

  /** The call that waits under this id. */
  callOf(id: number): OutgoingCall | undefined {
    return this.#waiting.get(id)?.call;
  }

  /** False when nobody waits under this id. */
  answered(id: number, answer: Answer): boolean {
    const waiting = this.#waiting.get(id);
    if (!waiting) return false;
    this.#waiting.delete(id);
    waiting.resolve(answer);
    return true;
  }

  /** Nobody waits for it any more. */
  forget(id: number): void {
    this.#waiting.delete(id);
  }

  /** The process is gone, for this reason: a call that was sent may have acted. */
  end(reason: string): void {
    this.#ended = reason;
    for (const { call, reject } of this.#waiting.values()) {
      reject(
        call
          ? new UpstreamFailure(
              'unknown',
              `The server ended while it worked (${reason}); whether it acted is not known.`,
            )
          : new UpstreamFailure('unavailable', `The server ended: ${reason}.`),
      );
    }
    this.#waiting.clear();
  }
}
