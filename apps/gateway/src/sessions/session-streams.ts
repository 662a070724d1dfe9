/**
 * The event stream of a session, wherever it is open. A session has one: a newer one takes its place,
 * since the older is most often a connection that broke without anybody noticing.
 */
import { randomBytes } from 'node:crypto';
import type { Bus } from './bus.js';
import type { Handshake } from './session-store.js';
import type { Waiting } from './waiting.js';

export interface SessionStream {
  send(text: string): void;
  /** What may be left out while the client is behind. */
  hint(text: string): void;
  /** It was replaced, or its session ended. */
  end(): void;
  /** `undefined` when it is subscribed; else the JSON-RPC error. */
  subscribe(uri: string): Promise<SubscribeFault | undefined>;
  unsubscribe(uri: string): void;
  /** Redis was away: what the session asked for meanwhile through other gateways was not heard. */
  refresh(): void;
  /** On a 2024-11-05 stream, once the client said it. */
  handshake?: Handshake;
}

/** A failure or challenge of the story, as data. */
export type SubscribeFault = Record<string, unknown>;

const SUBSCRIBE_MS = 60_000;

export class SessionStreams {
  private readonly local = new Map<string, SessionStream>();

  constructor(
    private readonly bus: Bus,
    private readonly waiting: Waiting,
  ) {
    bus.onUp(() => {
      for (const stream of this.local.values()) stream.refresh();
    });
  }

  here(sessionId: string): SessionStream | undefined {
    return this.local.get(sessionId);
  }

  /**
   * Makes `stream` the session's stream and ends the one before. Rejects with `RedisAway` when the
   * others cannot know of it; with `alone` it is then open here only, until Redis is back.
   */
  async open(sessionId: string, stream: SessionStream, alone = false): Promise<() => void> {
    const channel = channelOf(sessionId);
    // Its own word may reach it as well, after it has begun to listen.
    const replaced = `end ${randomBytes(6).toString('base64url')}`;
    const hear = (text: string) => {
      if (text !== replaced) void this.hear(sessionId, stream, text);
    };
    const deaf = await this.hearOf(channel, replaced, hear, alone);
    this.local.get(sessionId)?.end();
    this.local.set(sessionId, stream);
    return () => {
      if (this.local.get(sessionId) === stream) this.local.delete(sessionId);
      deaf();
    };
  }

  /** Whether there was a stream to send it on. Rejects with `RedisAway` when that cannot be known. */
  async deliver(sessionId: string, text: string, how: 'send' | 'hint' = 'send'): Promise<boolean> {
    const here = this.local.get(sessionId);
    if (here) {
      here[how](text);
      return true;
    }
    return (await this.bus.publish(channelOf(sessionId), `${how} ${text}`)) > 0;
  }

  async isOpen(sessionId: string): Promise<boolean> {
    return (
      this.local.has(sessionId) || (await this.bus.publish(channelOf(sessionId), 'probe ')) > 0
    );
  }

  /** `no stream` when there is none; `undefined` when it is subscribed; else what the story said. */
  async subscribe(
    sessionId: string,
    uri: string,
  ): Promise<'no stream' | 'no answer' | SubscribeFault | undefined> {
    const here = this.local.get(sessionId);
    if (here) return here.subscribe(uri);
    const question = this.waiting.ask(sessionId, SUBSCRIBE_MS);
    const command = `subscribe ${JSON.stringify({ id: question.id, uri })}`;
    if ((await this.bus.publish(channelOf(sessionId), command)) === 0) {
      question.abandon();
      return 'no stream';
    }
    const answer = (await question.answer) as { fault?: SubscribeFault } | undefined;
    return answer === undefined ? 'no answer' : answer.fault;
  }

  async unsubscribe(sessionId: string, uri: string): Promise<void> {
    const here = this.local.get(sessionId);
    if (here) here.unsubscribe(uri);
    else await this.bus.publish(channelOf(sessionId), `unsubscribe ${uri}`);
  }

  /** The session ended. */
  end(sessionId: string): void {
    this.local.get(sessionId)?.end();
  }

  private async hearOf(
    channel: string,
    replaced: string,
    hear: (text: string) => void,
    alone: boolean,
  ): Promise<() => void> {
    try {
      await this.bus.publish(channel, replaced);
      return await this.bus.listen(channel, hear);
    } catch (error) {
      if (!alone) throw error;
      return this.bus.listenWhenUp(channel, hear);
    }
  }

  private async hear(sessionId: string, stream: SessionStream, text: string): Promise<void> {
    const space = text.indexOf(' ');
    const rest = text.slice(space + 1);
    switch (text.slice(0, space)) {
      case 'send':
        return stream.send(rest);
      case 'hint':
        return stream.hint(rest);
      case 'end':
        return stream.end();
      case 'unsubscribe':
        return stream.unsubscribe(rest);
      case 'subscribe': {
        const { id, uri } = JSON.parse(rest) as { id: string; uri: string };
        const fault = await stream.subscribe(uri);
        await this.waiting.answer(id, sessionId, { fault }).catch(() => {});
      }
    }
  }
}

const channelOf = (sessionId: string) => `session:${sessionId}`;
