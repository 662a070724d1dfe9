/** One open event stream, read as it comes. */
export interface Events {
  status: number;
  headers: Headers;
  /** JSON-RPC messages, in order, all that came so far. */
  messages: Message[];
  /** Everything as text: ids, comments, other events. */
  text: string;
  /** Resolves when the other side ended it. */
  ended: Promise<void>;
  close(): void;
}

export interface Message {
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string };
}

/** Opens a stream by GET, or by POST when there is a body; resolves when the headers are there. */
export async function openEvents(
  url: string,
  token: string,
  headers: Record<string, string> = {},
  body?: unknown,
): Promise<Events> {
  const abort = new AbortController();
  const response = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    signal: abort.signal,
    headers: {
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const events: Events = {
    status: response.status,
    headers: response.headers,
    messages: [],
    text: '',
    ended: Promise.resolve(),
    close: () => abort.abort(),
  };
  const read = async () => {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const text = decoder.decode(chunk as Uint8Array, { stream: true });
      events.text += text;
      const parts = (rest + text).split('\n\n');
      rest = parts.pop()!;
      for (const part of parts) {
        const data = part.split('\n').find((line) => line.startsWith('data: {'));
        if (data) events.messages.push(JSON.parse(data.slice(6)) as Message);
      }
    }
  };
  events.ended = read().catch(() => {});
  return events;
}
