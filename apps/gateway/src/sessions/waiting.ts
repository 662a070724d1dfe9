/**
 * Questions of this gateway that are answered elsewhere: a client's response that it posts to any
 * gateway, or another gateway's word. A question's id names the gateway that waits, so the answer finds
 * it through Redis; it also has an owner, and an answer of anybody else is as if it had not come.
 */
import { randomBytes } from 'node:crypto';
import type { Bus } from './bus.js';

const ID = /^([A-Za-z0-9_-]{12})\.[A-Za-z0-9_-]{12}$/;

export interface Question {
  id: string;
  /** `undefined` when nobody answered in time or it was abandoned. */
  answer: Promise<unknown>;
  abandon(): void;
}

export class Waiting {
  private readonly open = new Map<string, { owner: string; settle(value: unknown): void }>();

  constructor(private readonly bus: Bus) {
    bus.listenWhenUp(`gateway:${bus.instance}`, (text) => {
      const { id, owner, value } = JSON.parse(text) as {
        id: string;
        owner: string;
        value: unknown;
      };
      this.settle(id, owner, value);
    });
  }

  get size(): number {
    return this.open.size;
  }

  ask(owner: string, timeoutMs: number): Question {
    const id = `${this.bus.instance}.${randomBytes(9).toString('base64url')}`;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const settle = (value: unknown) => {
      clearTimeout(timer);
      this.open.delete(id);
      resolve(value);
    };
    const timer = setTimeout(settle, timeoutMs, undefined).unref();
    this.open.set(id, { owner, settle });
    return { id, answer: promise, abandon: () => settle(undefined) };
  }

  /**
   * Whether the id is of the kind that we give; then the answer has been passed on, known to somebody
   * or not. Rejects with `RedisAway` when another gateway's question cannot be answered now.
   */
  async answer(id: unknown, owner: string, value: unknown): Promise<boolean> {
    const instance = typeof id === 'string' ? ID.exec(id)?.[1] : undefined;
    if (instance === undefined) return false;
    if (instance === this.bus.instance) this.settle(id as string, owner, value);
    else await this.bus.publish(`gateway:${instance}`, JSON.stringify({ id, owner, value }));
    return true;
  }

  private settle(id: string, owner: string, value: unknown): void {
    const question = this.open.get(id);
    if (question?.owner === owner) question.settle(value);
  }
}
