/**
 * How gateways reach each other for what belongs to one client: its event stream may be open on one
 * of them, its request run on another, its answer arrive at a third. Redis publish/subscribe; nothing
 * is kept there, and a message for which nobody listens is known to be lost.
 */
import { randomBytes } from 'node:crypto';
import { connectRedis } from '@conducktor/runtime';
import type { Redis } from 'ioredis';

export interface Bus {
  /** Names this process; `[A-Za-z0-9_-]{12}`. */
  readonly instance: string;
  readonly redis: Redis;
  /** How many heard it. Rejects with `RedisAway`. */
  publish(channel: string, text: string): Promise<number>;
  /** Rejects with `RedisAway` when it cannot begin now; once begun it outlives reconnections. */
  listen(channel: string, onText: (text: string) => void): Promise<() => void>;
  /** The same, begun whenever Redis is there. */
  listenWhenUp(channel: string, onText: (text: string) => void): () => void;
  /** After each (re)connection: whatever was said meanwhile was not heard. */
  onUp(again: () => void): void;
  close(): void;
}

/** A connection that broke without a word is found by this, and made anew; one that is slow once is kept. */
const PING_MS = 1_500;
const MISSED_PINGS = 2;

/** What needs Redis cannot be done now. */
export class RedisAway extends Error {
  override name = 'RedisAway';
}

/** `namespace` keeps installations that share a Redis apart: channels know no database numbers. */
export function openBus(redisUrl: string, namespace: string): Bus {
  const redis = connectRedis(redisUrl);
  const ears = connectRedis(redisUrl);
  const heard = new Map<string, Set<(text: string) => void>>();
  const upAgain: (() => void)[] = [];
  const named = (channel: string) => `mcp:${namespace}:${channel}`;

  ears.on('message', (channel: string, text: string) => {
    for (const onText of heard.get(channel) ?? []) onText(text);
  });
  const up = () => {
    if (redis.status !== 'ready' || ears.status !== 'ready') return;
    if (heard.size > 0) void ears.subscribe(...heard.keys()).catch(() => {});
    for (const again of upAgain) again();
  };
  redis.on('ready', up);
  ears.on('ready', up);

  const missed = new Map<Redis, number>();
  const check = async (connection: Redis): Promise<void> => {
    if (connection.status !== 'ready') return;
    try {
      await connection.ping();
      missed.delete(connection);
    } catch {
      const times = (missed.get(connection) ?? 0) + 1;
      missed.set(connection, times);
      if (times < MISSED_PINGS) return;
      missed.delete(connection);
      connection.disconnect(true);
    }
  };
  const ping = setInterval(() => void Promise.all([redis, ears].map(check)), PING_MS);
  ping.unref();

  const add = (channel: string, onText: (text: string) => void) => {
    const listeners = heard.get(channel) ?? new Set();
    listeners.add(onText);
    heard.set(channel, listeners);
    return () => {
      if (!listeners.delete(onText) || listeners.size > 0) return;
      heard.delete(channel);
      void ears.unsubscribe(channel).catch(() => {});
    };
  };

  return {
    instance: randomBytes(9).toString('base64url'),
    redis,
    publish: (channel, text) => needed(redis.publish(named(channel), text)),
    listen: async (channel, onText) => {
      const stop = add(named(channel), onText);
      try {
        await needed(ears.subscribe(named(channel)));
        return stop;
      } catch (error) {
        stop();
        throw error;
      }
    },
    listenWhenUp: (channel, onText) => {
      const stop = add(named(channel), onText);
      void ears.subscribe(named(channel)).catch(() => {});
      return stop;
    },
    onUp: (again) => void upAgain.push(again),
    close: () => {
      clearInterval(ping);
      heard.clear();
      redis.disconnect();
      ears.disconnect();
    },
  };
}

/** The result of a Redis command, or `RedisAway`. */
export async function needed<T>(command: Promise<T>): Promise<T> {
  try {
    return await command;
  } catch (cause) {
    throw new RedisAway('Redis cannot be reached.', { cause });
  }
}
