import { rawMcp, type RawAnswer } from '@conducktor/testing';

type Message = {
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string };
};

/** Answers a question of an upstream; `undefined`: never. */
export type Answerer = (method: string, params: Record<string, unknown>) => object | undefined;

/** A legacy client on bare HTTP with a session that can be asked anything. */
export async function openAskedSession(url: string, token: string): Promise<string> {
  const params = {
    protocolVersion: '2025-06-18',
    capabilities: { elicitation: {}, sampling: {}, roots: {} },
    clientInfo: { name: 'asked', version: '1' },
  };
  const answer = await rawMcp(url, 'initialize', params, {
    token,
    era: 'legacy',
    headers: { 'mcp-protocol-version': '' },
  });
  return answer.headers.get('mcp-session-id')!;
}

/**
 * One legacy tools/call whose questions are answered while its stream is open. Resolves with the
 * answer to the call and all that was asked.
 */
export async function callAndAnswer(
  client: { url: string; token: string; session: string; id: number },
  call: { name: string; arguments: Record<string, unknown> },
  answerer: Answerer,
): Promise<{ answer: Message | undefined; asked: Message[] }> {
  const post = (message: object) =>
    fetch(client.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${client.token}`,
        'mcp-protocol-version': '2025-06-18',
        'mcp-session-id': client.session,
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
  const response = await post({ id: client.id, method: 'tools/call', params: call });
  const asked: Message[] = [];
  let answer: Message | undefined;
  let text = '';
  const take = async (one: string) => {
    const message = JSON.parse(one) as Message;
    if (message.method === undefined) return void (answer = message);
    if (message.id === undefined) return;
    asked.push(message);
    const result = answerer(message.method, message.params ?? {});
    if (result) await (await post({ id: message.id, result })).body?.cancel();
  };
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const events = text.split('\n\n');
    text = events.pop()!;
    for (const event of events)
      for (const line of event.split('\n'))
        if (line.startsWith('data:') && line.trim() !== 'data:') await take(line.slice(5));
  }
  if (answer === undefined && text.startsWith('{')) await take(text);
  return { answer, asked };
}

/** `_meta` of a modern client that can be asked anything. */
export const CAN_BE_ASKED = {
  'io.modelcontextprotocol/clientCapabilities': {
    elicitation: { form: {} },
    sampling: {},
    roots: {},
  },
};

/** The questions of an `input_required` result, with the answers that `answerer` gives. */
export function answersTo(answer: RawAnswer, answerer: Answerer): Record<string, unknown> {
  const asked = (answer.message?.result?.['inputRequests'] ?? {}) as Record<
    string,
    { method: string; params: Record<string, unknown> }
  >;
  return {
    requestState: answer.message?.result?.['requestState'],
    inputResponses: Object.fromEntries(
      Object.entries(asked).map(([key, { method, params }]) => [key, answerer(method, params)]),
    ),
  };
}
