import type { ServerResponse } from 'node:http';

export interface StreamExchange {
  response: ServerResponse;
  /** URIs that are or were subscribed. */
  uris: readonly string[];
  /** What every notification carries (2026-07-28). */
  meta: Record<string, unknown> | undefined;
  pour(chunk: string | Buffer, limit?: number): Promise<void>;
}

const event = (message: Record<string, unknown>) =>
  `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;
const note = (method: string, params: Record<string, unknown>, meta: object | undefined) =>
  event({ method, params: { ...params, ...(meta && { _meta: meta }) } });
const GB = 1024 * 1024 * 1024;

/** What a server can do with a stream that is kept open for its notifications. By name. */
export const HOSTILE_STREAMS: Readonly<Record<string, (exchange: StreamExchange) => unknown>> = {
  list_changed: ({ meta, pour }) => {
    const lists = ['tools', 'prompts', 'resources'];
    const each = lists.map((list) => note(`notifications/${list}/list_changed`, {}, meta)).join('');
    return pour(each.repeat(200), GB);
  },
  updated: ({ uris, meta, pour }) => {
    const told = ['hostile://never/subscribed', ...uris];
    const each = told.map((uri) => note('notifications/resources/updated', { uri }, meta)).join('');
    return pour(each.repeat(200), GB);
  },
  log: ({ meta, pour }) =>
    pour(
      note('notifications/message', { level: 'error', data: 'x'.repeat(1_000) }, meta).repeat(60),
      GB,
    ),
  progress: ({ meta, pour }) =>
    pour(
      [0, 1, 2, '1']
        .map((progressToken) =>
          note('notifications/progress', { progressToken, progress: 1 }, meta),
        )
        .join('')
        .repeat(200),
      GB,
    ),
  asks: ({ pour }) =>
    pour(event({ id: 'a', method: 'sampling/createMessage', params: {} }).repeat(500), GB),
  line: ({ response, pour }) => {
    response.write('data: ');
    return pour('x'.repeat(64 * 1024), GB);
  },
  drops: ({ response }) => response.destroy(),
};
