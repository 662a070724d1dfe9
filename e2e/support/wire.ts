import { request, type ClientRequest } from 'node:http';

/** One JSON-RPC answer as it came over HTTP, its messages taken out of a stream of events too. */
export interface WireAnswer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  text: string;
  messages: WireMessage[];
  /** The last message: the answer, or the error that the body is. */
  message: WireMessage | undefined;
}

export interface WireMessage {
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: Record<string, unknown> };
}

/**
 * A request with header lines exactly as given (name and value by turns, in their case and order,
 * repeated if they are): what `fetch` would tidy up.
 */
export function onTheWire(
  url: string,
  lines: readonly string[],
  body?: string | Buffer,
  options: { method?: string; onRequest?: (request: ClientRequest) => void } = {},
): Promise<WireAnswer> {
  const headers = [...lines];
  if (body !== undefined) headers.push('content-length', String(Buffer.byteLength(body)));
  headers.push('host', new URL(url).host);
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: options.method ?? 'POST', headers }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => (text += chunk));
      incoming.once('error', reject);
      incoming.once('end', () => {
        const messages = messagesOf(text);
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text,
          messages,
          message: messages.at(-1),
        });
      });
    });
    outgoing.once('error', reject);
    options.onRequest?.(outgoing);
    outgoing.end(body);
  });
}

/** The `conducktor/…` entry of an answer's `_meta`, in a result or in an error. */
export function coded(message: WireMessage | undefined, name: 'code' | 'callId'): unknown {
  const meta = message?.result?.['_meta'] ?? message?.error?.data?.['_meta'];
  return (meta as Record<string, unknown> | undefined)?.[`conducktor/${name}`];
}

function messagesOf(text: string): WireMessage[] {
  const events = text
    .split('\n')
    .filter((line) => line.startsWith('data:') && line.trim() !== 'data:')
    .map((line) => line.slice(5));
  try {
    return (events.length > 0 ? events : [text]).map((one) => JSON.parse(one) as WireMessage);
  } catch {
    return [];
  }
}
