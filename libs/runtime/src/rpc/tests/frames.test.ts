import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_HEADER_BYTES, FrameError, FrameReader, lengthCheck } from '../frame-reader.js';
import { FrameWriter } from '../frame-writer.js';
import { readCall, readResult, writeCall, writeResult } from '../messages.js';

type Frame = { type: number; stream: number; payload: string };

const frames = fc.array(
  fc.record({
    type: fc.integer({ min: 0, max: 255 }),
    stream: fc.integer({ min: 0, max: 0xffff_ffff }),
    payload: fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({ minLength: 5_000, maxLength: 90_000 }),
    ),
  }),
  { maxLength: 12 },
);

function encode(list: Frame[]): Buffer {
  const out = new PassThrough();
  const writer = new FrameWriter(out);
  for (const frame of list) writer.json(frame.type, frame.stream, frame.payload);
  writer.flush();
  return (out.read() as Buffer | null) ?? Buffer.alloc(0);
}

function decode(chunks: Buffer[]): Frame[] {
  const got: Frame[] = [];
  const reader = new FrameReader((type, stream, payload) =>
    got.push({ type, stream, payload: payload.toString() }),
  );
  for (const chunk of chunks) reader.push(chunk);
  return got;
}

describe('the frame codec', () => {
  it('gives the same frames for any split of the bytes', () => {
    fc.assert(
      fc.property(
        frames,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 }),
        (list, cuts) => {
          const bytes = encode(list);
          const at = [
            0,
            ...cuts.map((cut) => Math.floor(cut * bytes.length)).sort((a, b) => a - b),
            bytes.length,
          ];
          const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
          expect(decode(chunks)).toEqual(list);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives the same frames one byte at a time', () => {
    const list = [
      { type: 10, stream: 1, payload: '{"a":"é"}' },
      { type: 11, stream: 0xffff_ffff, payload: '' },
    ];
    expect(decode([...encode(list)].map((byte) => Buffer.from([byte])))).toEqual(list);
  });

  it.each([0, 4, 1_025, 0xffff_ffff])('refuses a length of %i', (length) => {
    const reader = new FrameReader(() => {}, 1_024);
    const head = Buffer.alloc(FRAME_HEADER_BYTES);
    head.writeUInt32BE(length);
    head[4] = lengthCheck(length);
    expect(() => reader.push(head)).toThrow(FrameError);
  });

  it('refuses to write a frame over the limit and keeps what was written before', () => {
    const out = new PassThrough();
    const writer = new FrameWriter(out, 1_000);
    writer.json(1, 1, 'kept');
    expect(() => writer.json(1, 2, 'x'.repeat(1_000))).toThrow(FrameError);
    writer.flush();
    expect(decode([out.read() as Buffer])).toEqual([{ type: 1, stream: 1, payload: 'kept' }]);
  });

  it('refuses a frame of which any byte was changed, and gives those before it', () => {
    const before = { type: 12, stream: 7, payload: '{"outcome":"ok"}' };
    const length = encode([before]).length;
    fc.assert(
      fc.property(
        fc.nat({ max: length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (place, difference) => {
          const bytes = encode([before, before]);
          bytes[length + place]! ^= difference;
          const got: Frame[] = [];
          const reader = new FrameReader((type, stream, payload) =>
            got.push({ type, stream, payload: payload.toString() }),
          );
          expect(() => reader.push(bytes)).toThrow(FrameError);
          expect(got).toEqual([before]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('writes the frames of one turn at once', async () => {
    const out = new PassThrough();
    let writes = 0;
    out.on('data', () => writes++);
    const writer = new FrameWriter(out);
    for (let i = 0; i < 50; i++) writer.json(1, i, '{}');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(writes).toBe(1);
  });
});

describe('calls and results', () => {
  const through = (write: (writer: FrameWriter) => void): Buffer => {
    const out = new PassThrough();
    const writer = new FrameWriter(out);
    write(writer);
    writer.flush();
    return (out.read() as Buffer).subarray(FRAME_HEADER_BYTES);
  };

  it('carry arguments and result text byte for byte', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 9_000 }),
        fc.jsonValue(),
        (text, meta) => {
          const request = {
            key: { epoch: 1, tick: 2, ordinal: 3 },
            callId: 'call_1',
            tenantId: 't',
            memberId: 'm',
            connectionId: 'c',
            revision: 4,
            method: 'tools/call' as const,
            name: text,
            timeoutMs: 5,
            progress: false,
            argumentsJson: text,
            meta: { meta: JSON.parse(JSON.stringify(meta)) as unknown },
          };
          expect(readCall(through((writer) => writeCall(writer, 1, request)))).toEqual(request);
          const result = {
            outcome: 'ok' as const,
            durationMs: 1.5,
            ...(text && { resultJson: text }),
          };
          expect(readResult(through((writer) => writeResult(writer, 1, result)))).toEqual(result);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('refuse a head longer than the frame', () => {
    expect(() => readCall(Buffer.from([0, 0, 0, 9, 123]))).toThrow(FrameError);
    expect(() => readCall(Buffer.from([0]))).toThrow(FrameError);
  });
});
