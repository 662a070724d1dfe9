import { rawPost } from '@conducktor/testing';
import { eventually } from '../support/world.js';
import type { Answer } from './handle.js';

const VERSION = '2025-11-25';
export const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };
/** Those of every request in a session. */
export const headersOf = (token: string | undefined, session?: string) => ({
  ...bearer(token),
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': VERSION,
  ...(session !== undefined && { 'mcp-session-id': session }),
});

/** Begins a session of a client that can be asked; returns its id, or nothing when it is refused. */
export async function begin(url: string, token: string | undefined): Promise<string> {
  const params = {
    protocolVersion: VERSION,
    capabilities: { elicitation: {} },
    clientInfo: { name: 'holder', version: '1' },
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
  const answer = await rawPost(url, body, { headers: bearer(token) });
  return answer.headers.get('mcp-session-id') ?? '';
}

/** What has come over a stream so far, until it is closed. */
export interface Stream {
  status: number;
  text(): string;
  close(): void;
}

export async function openStream(url: string, init: RequestInit): Promise<Stream> {
  const abort = new AbortController();
  const response = await fetch(url, { ...init, signal: abort.signal });
  let text = '';
  void (async () => {
    const decoder = new TextDecoder();
    for await (const part of response.body!)
      text += decoder.decode(part as Uint8Array, { stream: true });
  })().catch(() => {});
  return { status: response.status, text: () => text, close: () => abort.abort() };
}

/** The answer of a request that may open a stream: such a one is left again. */
export async function answerOf(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  if (response.headers.get('content-type')?.includes('event-stream')) {
    await response.body?.cancel();
    return { status: response.status, text: '' };
  }
  return { status: response.status, text: await response.text() };
}

/** Waits for what a stream is to bring; throws with all that it brought instead. */
export async function until(
  what: string,
  stream: Stream,
  pattern: RegExp,
): Promise<RegExpExecArray> {
  try {
    return await eventually(what, async () => pattern.exec(stream.text()) ?? undefined);
  } catch (error) {
    throw new Error(`${(error as Error).message}; ${stream.status} ${stream.text()}`, {
      cause: error,
    });
  }
}
