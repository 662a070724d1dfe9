/**
 * The little that every gateway must know of a session without asking: that it was ended, or which log
 * messages it wants. A copy of it is in every process, so that a call of any session, marked or not,
 * waits for nothing. Redis passes marks on and keeps them for gateways that start later; without it a
 * mark is known only where it was made.
 */
import { needed, type Bus } from './bus.js';
import { SESSION_LIFETIME_MS } from './session-id.js';

export const ENDED = 'ended';
/** An ended id that is used again later revives a name and nothing more. */
const ENDED_LIFE_MS = 3600 * 1000;
/** Marks held per process; beyond it the oldest are forgotten. In Redis, twice as many, then any. */
const MAX_MARKS = 50_000;
const RELOAD_MS = 3600 * 1000;
const KEY = 'marks';

export class Marks {
  private readonly marks = new Map<string, { mark: string; until: number }>();
  private readonly timer: NodeJS.Timeout;
  private readonly key: string;

  constructor(
    private readonly bus: Bus,
    namespace: string,
    private readonly onEnded: (sessionId: string) => void,
  ) {
    this.key = `mcp:${namespace}:${KEY}`;
    bus.listenWhenUp(KEY, (text) => {
      const [id, value] = text.split('\n');
      if (id && value) this.take(id, value);
    });
    bus.onUp(() => void this.load().catch(() => {}));
    this.timer = setInterval(() => void this.load().catch(() => {}), RELOAD_MS);
    this.timer.unref();
  }

  /** `ENDED`, a log level, or `undefined`. */
  get(sessionId: string): string | undefined {
    return this.marks.get(sessionId)?.mark;
  }

  /** Here at once; elsewhere when it resolves. Rejects with `RedisAway`, and then it is known only here. */
  async set(sessionId: string, mark: string): Promise<void> {
    const life = mark === ENDED ? ENDED_LIFE_MS : SESSION_LIFETIME_MS;
    const value = `${mark} ${Date.now() + life}`;
    this.take(sessionId, value);
    await needed(this.bus.redis.hset(this.key, sessionId, value));
    await needed(this.bound());
    await this.bus.publish(KEY, `${sessionId}\n${value}`);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private take(sessionId: string, value: string): void {
    const [mark, until] = value.split(' ') as [string, string];
    const known = this.marks.get(sessionId);
    // What ended stays so, in whatever order it is heard.
    if (known?.mark === ENDED) return;
    this.marks.delete(sessionId);
    this.marks.set(sessionId, { mark, until: Number(until) });
    if (this.marks.size > MAX_MARKS) this.marks.delete(this.marks.keys().next().value!);
    if (mark === ENDED) this.onEnded(sessionId);
  }

  private async bound(): Promise<void> {
    const { redis } = this.bus;
    const over = (await redis.hlen(this.key)) - 2 * MAX_MARKS;
    if (over <= 0) return;
    const fields = (await redis.hrandfield(this.key, Math.min(over, 100))) as string[] | null;
    if (fields && fields.length > 0) await redis.hdel(this.key, ...fields);
  }

  /** What was marked while this process did not listen; forgets what is over. */
  private async load(): Promise<void> {
    const now = Date.now();
    for (const [id, { until }] of this.marks) if (until < now) this.marks.delete(id);
    let cursor = '0';
    do {
      const [next, fields] = await this.bus.redis.hscan(this.key, cursor, 'COUNT', 1_000);
      cursor = next;
      const over: string[] = [];
      for (let at = 0; at < fields.length; at += 2) {
        const [id, value] = [fields[at]!, fields[at + 1]!];
        if (Number(value.split(' ')[1]) < now) over.push(id);
        else this.take(id, value);
      }
      if (over.length > 0) await this.bus.redis.hdel(this.key, ...over);
    } while (cursor !== '0');
  }
}
