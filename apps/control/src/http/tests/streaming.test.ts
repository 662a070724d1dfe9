import { once } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { cutWhenStalled } from '../streaming.js';

afterEach(() => void vi.useRealTimers());

describe('a reader that takes nothing', () => {
  it('is watched until it goes, and not at all when it went before', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const raw = new ServerResponse(new IncomingMessage(new Socket()));
    cutWhenStalled({ raw } as FastifyReply);
    expect(vi.getTimerCount()).toBe(1);
    const closed = once(raw, 'close');
    raw.destroy();
    await closed;
    expect(vi.getTimerCount()).toBe(0);
    cutWhenStalled({ raw } as FastifyReply);
    expect(vi.getTimerCount()).toBe(0);
  });
});
