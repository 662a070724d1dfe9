/**
 * A client came back on another gateway than the one that runs its request. That one is asked, by
 * Redis, to send here what there is for the client, and asked again and again: it may die as well.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { RedisAway, type Bus } from '../../sessions/bus.js';
import type { PostStreamClaim } from '../../sessions/post-stream-ids.js';
import type { Waiting } from '../../sessions/waiting.js';
import type { PostStream, PostStreams, ReturnStream } from './post-streams.js';

const PROBE_MS = 2_000;
/** After nobody heard: a gateway that lost Redis for a moment listens again within this. */
const AGAIN_MS = 500;
/** Probes in a row that nobody heard; that somebody heard and did not answer. */
const UNHEARD = 2;
const UNANSWERED = 4;

/** `still`: it was resumed before, and must not take the place of what came after it. */
type Question = 'probe' | 'resume' | 'still';

type Word =
  | { kind: Question; stream: string; from: string; to: string; question: string }
  | { kind: 'taken' | 'left'; stream: string; to: string }
  | { kind: 'message' | 'answer'; stream: string; from: string; to: string; text: string }
  | { kind: 'replaced'; to: string };

interface Resumed {
  stream: string;
  from: string;
  to: string;
}

/** What the other gateway says of a request; `away`: Redis is, so nothing is known. */
type State = 'running' | 'unknown' | 'unheard' | 'unanswered' | 'away';

export class Exchange {
  /** Streams open here, of requests that run elsewhere, by a name of their own. */
  private readonly followed = new Map<string, ReturnStream>();

  constructor(
    private readonly bus: Bus,
    private readonly waiting: Waiting,
    private readonly posts: PostStreams,
  ) {
    bus.listenWhenUp(channelOf(bus.instance), (text) => this.hear(JSON.parse(text) as Word));
  }

  /** Whether its gateway may still have the request; `away` when that cannot be known. */
  async look(claim: PostStreamClaim): Promise<'there' | 'gone' | 'away'> {
    for (let times = 1; ; times++) {
      const state = await this.ask('probe', claim, '');
      if (state === 'away') return 'away';
      if (state === 'unknown') return 'gone';
      if (state !== 'unheard') return 'there';
      if (times === UNHEARD) return 'gone';
      await setTimeout(AGAIN_MS, undefined, { ref: false });
    }
  }

  /** Has everything of the request sent to `back` until the function that is returned is called. */
  follow(claim: PostStreamClaim, back: ReturnStream, gone: () => void): () => void {
    const to = randomBytes(9).toString('base64url');
    this.followed.set(to, back);
    const watch = async () => {
      let unheard = 0;
      let unanswered = 0;
      let begun = false;
      while (this.followed.has(to)) {
        const state = await this.ask(begun ? 'still' : 'resume', claim, to);
        begun ||= state === 'running';
        if (!this.followed.has(to)) return;
        unheard = state === 'unheard' ? unheard + 1 : 0;
        unanswered = state === 'unanswered' ? unanswered + 1 : 0;
        if (state === 'unknown' || unheard === UNHEARD || unanswered === UNANSWERED) return gone();
        // Whoever did not answer was given its time already.
        if (state === 'unanswered') continue;
        const wait = state === 'unheard' ? AGAIN_MS : PROBE_MS;
        await setTimeout(wait, undefined, { ref: false });
      }
    };
    void watch();
    return () => {
      if (!this.followed.delete(to)) return;
      this.say(claim.instance, { kind: 'left', stream: claim.stream, to });
    };
  }

  private async ask(
    kind: Question,
    { instance, stream }: PostStreamClaim,
    to: string,
  ): Promise<State> {
    const question = this.waiting.ask(stream, PROBE_MS);
    const from = this.bus.instance;
    const word: Word = { kind, stream, from, to, question: question.id };
    try {
      if ((await this.bus.publish(channelOf(instance), JSON.stringify(word))) === 0) {
        question.abandon();
        return 'unheard';
      }
    } catch (error) {
      question.abandon();
      if (error instanceof RedisAway) return 'away';
      throw error;
    }
    const running = await question.answer;
    return running === undefined ? 'unanswered' : running === true ? 'running' : 'unknown';
  }

  private hear(word: Word): void {
    switch (word.kind) {
      case 'probe':
      case 'resume':
      case 'still': {
        const post = this.posts.find(word);
        if (post && word.kind !== 'probe') this.resume(post, word, word.kind === 'still');
        const running = post !== undefined;
        return void this.waiting.answer(word.question, word.stream, running).catch(() => {});
      }
      case 'taken':
      case 'left': {
        const post = this.posts.find(word);
        if (!(post?.at instanceof Elsewhere) || post.at.to !== word.to) return;
        return word.kind === 'taken' ? post.at.taken() : post.detach(post.at);
      }
      case 'replaced':
        return this.followed.get(word.to)?.replaced();
      case 'message':
      case 'answer': {
        const { stream, from, to, text } = word;
        const back = this.followed.get(to);
        if (!back) return this.say(from, { kind: 'left', stream, to });
        if (word.kind === 'message') return back.send(text);
        return back.answer(text, () => this.say(from, { kind: 'taken', stream, to }));
      }
    }
  }

  private resume(post: PostStream, word: Resumed, still: boolean): void {
    const { at } = post;
    // The answer may have been said while the other gateway could not hear; so may that it was replaced.
    if (at instanceof Elsewhere && at.to === word.to) post.handOver();
    else if (still && at) this.say(word.from, { kind: 'replaced', to: word.to });
    else post.attach(new Elsewhere(this, word));
  }

  /** How many heard it; 0 as well when Redis is away. */
  async tell(instance: string, word: Word): Promise<number> {
    return this.bus.publish(channelOf(instance), JSON.stringify(word)).catch(() => 0);
  }

  get instance(): string {
    return this.bus.instance;
  }

  private say(instance: string, word: Word): void {
    void this.tell(instance, word);
  }
}

/** On the gateway that runs the request: the stream is open on another one. */
class Elsewhere implements ReturnStream {
  readonly to: string;
  private onTaken = () => {};

  constructor(
    private readonly exchange: Exchange,
    private readonly resumed: Resumed,
  ) {
    this.to = resumed.to;
  }

  send(text: string): void {
    void this.pass('message', text);
  }

  ask(text: string): Promise<boolean> {
    return this.pass('message', text);
  }

  answer(text: string, taken: () => void): void {
    this.onTaken = taken;
    void this.pass('answer', text);
  }

  taken(): void {
    this.onTaken();
  }

  replaced(): void {
    void this.exchange.tell(this.resumed.from, { kind: 'replaced', to: this.to });
  }

  private async pass(kind: 'message' | 'answer', text: string): Promise<boolean> {
    const { stream, from: there } = this.resumed;
    const word: Word = { kind, stream, from: this.exchange.instance, to: this.to, text };
    return (await this.exchange.tell(there, word)) > 0;
  }
}

const channelOf = (instance: string) => `posts:${instance}`;
