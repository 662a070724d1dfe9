import type { ToolCallAnswer } from '../mcp/ports.js';
import type { CheckedCall } from '../tool-call/types.js';

// Each keeps its arguments, of up to 2 MiB, in memory for as long as a person thinks.
const MAX_OF_MEMBER = 50;

/** Calls of this process that go on without a request of their client, and what they come to. Bounded. */
export class HeldCalls {
  readonly #answers = new Map<string, Promise<ToolCallAnswer>>();
  readonly #ofMember = new Map<string, number>();

  constructor(private readonly maxOfMember = MAX_OF_MEMBER) {}

  hasRoomFor({ caller }: Pick<CheckedCall, 'caller'>): boolean {
    return (this.#ofMember.get(caller.member.id) ?? 0) < this.maxOfMember;
  }

  /** Until its answer is there. */
  add(
    call: Pick<CheckedCall, 'caller'> & { callId: string },
    answer: Promise<ToolCallAnswer>,
  ): void {
    const { callId, caller } = call;
    const { id } = caller.member;
    this.#answers.set(callId, answer);
    this.#ofMember.set(id, (this.#ofMember.get(id) ?? 0) + 1);
    const leave = (): void => {
      this.#answers.delete(callId);
      const left = this.#ofMember.get(id)! - 1;
      if (left > 0) this.#ofMember.set(id, left);
      else this.#ofMember.delete(id);
    };
    answer.then(leave, leave);
  }

  /** Undefined for a call that another gateway holds, or nobody any more. */
  get(callId: string): Promise<ToolCallAnswer> | undefined {
    return this.#answers.get(callId);
  }
}
