import { type CallRequest, type CallResult, FrameType } from '@conducktor/contracts';
import type { FrameWriter } from './frame-writer.js';
import { FrameError } from './frame-reader.js';

/** JSON of a payload; throws FrameError for what is no JSON. */
export function parsePayload<T>(payload: Buffer): T {
  try {
    return JSON.parse(payload.toString('utf8')) as T;
  } catch {
    throw new FrameError('A frame did not carry JSON.');
  }
}

/** Arguments behind a JSON head of everything else. */
export function writeCall(writer: FrameWriter, stream: number, request: CallRequest): void {
  // A copy with one member less would be built by name: that costs more than writing it all.
  const head = JSON.stringify({ ...request, argumentsJson: undefined });
  writer.jsonAndText(FrameType.Call, stream, head, request.argumentsJson);
}

export function readCall(payload: Buffer): CallRequest {
  const [head, text] = headAndText<CallRequest>(payload);
  head.argumentsJson = text;
  return head;
}

/** The upstream's result behind a JSON head of everything else; no text means no resultJson. */
export function writeResult(writer: FrameWriter, stream: number, result: CallResult): void {
  const head = JSON.stringify({ ...result, resultJson: undefined });
  writer.jsonAndText(FrameType.Result, stream, head, result.resultJson ?? '');
}

export function readResult(payload: Buffer): CallResult {
  const [head, text] = headAndText<CallResult>(payload);
  if (text !== '') head.resultJson = text;
  return head;
}

function headAndText<T>(payload: Buffer): [head: T, text: string] {
  const headEnd = payload.length < 4 ? Infinity : 4 + payload.readUInt32BE(0);
  if (headEnd > payload.length) throw new FrameError('A frame is shorter than its head.');
  return [parsePayload<T>(payload.subarray(4, headEnd)), payload.toString('utf8', headEnd)];
}
