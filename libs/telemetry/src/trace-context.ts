import { randomFillSync } from 'node:crypto';

/** A span's place in a trace (W3C Trace Context). Ids are lower-case hexadecimal, 32 and 16 digits. */
export interface TraceContext {
  traceId: string;
  spanId: string;
  parentSpanId?: string | undefined;
  sampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** Later versions may say more behind what this one says. */
const MOST_LENGTH = 256;

export interface Parent {
  traceId: string;
  spanId: string;
  sampled: boolean;
}

/** `undefined` for what is not one: then a new trace begins. */
export function parseTraceparent(value: string | undefined): Parent | undefined {
  if (value === undefined || value.length > MOST_LENGTH) return undefined;
  const match = TRACEPARENT.exec(value);
  if (!match) return undefined;
  const [, version, traceId, spanId, flags, more] = match as unknown as string[];
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (isNone(traceId!) || isNone(spanId!)) return undefined;
  return {
    traceId: traceId!,
    spanId: spanId!,
    sampled: (Number.parseInt(flags!, 16) & 1) === 1,
  };
}

const isNone = (id: string): boolean => /^0+$/.test(id);

export function traceparentOf({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

// One call of the generator for many ids: it costs more than the bytes do.
const pool = Buffer.alloc(4_096);
let used = pool.length;

function randomHex(bytes: 8 | 16): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const hex = pool.toString('hex', used, used + bytes);
  used += bytes;
  // It comes once in 2^64.
  return isNone(hex) ? randomHex(bytes) : hex;
}

export const newTraceId = (): string => randomHex(16);
export const newSpanId = (): string => randomHex(8);
