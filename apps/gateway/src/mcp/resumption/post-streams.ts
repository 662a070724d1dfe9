/**
 * Requests of this gateway whose answer is an event stream that the client can come back to: whether
 * its first connection is there, it came back on another one, or it is away and its answer is kept.
 */
import type {
  PostStreamClaim,
  PostStreamIds,
  StreamOwner,
} from '../../sessions/post-stream-ids.js';
import type { RequestId } from '../json-rpc.js';
import type { Running } from '../running.js';
import { KeptAnswers } from './kept-answers.js';

/** The stream that a client came back on, here or on another gateway. */
export interface ReturnStream {
  /** A message ahead of the answer; it may be lost with the connection. */
  send(text: string): void;
  /** A request to the client. Whether it left. */
  ask(text: string): boolean | Promise<boolean>;
  /** The answer, and the end of the stream; `taken` is called once it has left. */
  answer(text: string, taken: () => void): void;
  /** The client came back on a newer one. */
  replaced(): void;
}

export class PostStreams {
  private readonly streams = new Map<string, PostStream>();
  private readonly kept = new KeptAnswers();

  constructor(
    private readonly ids: PostStreamIds,
    private readonly running: Running,
  ) {}

  /** `hangUp` ends the first connection. `undefined`: a request that cannot be come back to. */
  open(owner: StreamOwner, requestId: RequestId, hangUp: () => void): PostStream | undefined {
    const claim = this.ids.issue(owner, requestId);
    if (!claim) return undefined;
    const { stream } = claim;
    const opened = new PostStream(claim, hangUp, {
      keep: (text, dropped) => this.kept.keep(stream, owner.principal, text, dropped),
      // While nobody is connected, nothing else keeps a gateway that stops from stopping.
      begin: () => this.running.begin(stream, 1),
      forget: () => {
        this.kept.release(stream);
        this.streams.delete(stream);
      },
    });
    this.streams.set(stream, opened);
    return opened;
  }

  find({ stream }: Pick<PostStreamClaim, 'stream'>): PostStream | undefined {
    return this.streams.get(stream);
  }
}

interface Upkeep {
  keep(text: string, dropped: () => void): void;
  begin(): (() => void) | undefined;
  forget(): void;
}

export class PostStream {
  private back: ReturnStream | undefined;
  private answer: string | undefined;
  private moved = false;
  private ended: (() => void) | undefined;
  private readonly lost = new Set<() => void>();

  constructor(
    private readonly claim: PostStreamClaim,
    private readonly hangUp: () => void,
    private readonly upkeep: Upkeep,
  ) {}

  get eventId(): string {
    return this.claim.id;
  }

  /** The client came back once: nothing goes to its first connection any more. */
  get hasMoved(): boolean {
    return this.moved;
  }

  get at(): ReturnStream | undefined {
    return this.back;
  }

  /** The newest connection takes the place of all before. */
  attach(back: ReturnStream): void {
    const before = this.back;
    this.back = back;
    before?.replaced();
    if (!this.moved) {
      this.moved = true;
      this.hangUp();
    }
    this.handOver();
  }

  /** Gives the stream that the client came back on its answer, once more if it was given already. */
  handOver(): void {
    if (this.answer !== undefined) this.back?.answer(this.answer, () => this.forget());
  }

  detach(back: ReturnStream): void {
    if (this.back !== back) return;
    this.back = undefined;
    for (const lost of this.lost) lost();
  }

  /** The first connection broke before the answer. */
  leave(): void {
    if (this.answer === undefined) this.ended ??= this.upkeep.begin();
  }

  send(text: string): void {
    this.back?.send(text);
  }

  ask(text: string): boolean | Promise<boolean> {
    return this.back?.ask(text) ?? false;
  }

  onLost(lost: () => void): () => void {
    this.lost.add(lost);
    return () => this.lost.delete(lost);
  }

  /** The answer did not, or cannot, leave by the first connection. */
  answered(text: string): void {
    this.answer = text;
    this.upkeep.keep(text, () => this.forget());
    this.handOver();
    this.ended?.();
    this.ended = undefined;
  }

  /** The answer has left, or is given up. */
  forget(): void {
    this.ended?.();
    this.ended = undefined;
    this.upkeep.forget();
  }
}
