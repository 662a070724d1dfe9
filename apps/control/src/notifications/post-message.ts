import { OutboundRefused, type Outbound } from '@conducktor/outbound';

/** What became of one attempt. Reasons are for admins: no address, no secret, nothing that a server chose. */
export type PostOutcome =
  | { end: 'sent' }
  /** A later attempt may end differently; not before `afterSeconds` if the server said so. */
  | { end: 'later'; reason: string; afterSeconds?: number }
  /** No later attempt would. */
  | { end: 'never'; reason: string };

export interface OutgoingMessage {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** Slack's own words for what was wrong, such as `invalid_payload` or `channel_is_archived`. */
const SLACK_WORD = /^[a-z][a-z_]{2,60}$/;
const LONGEST_WORD = 100;
/** Asked for longer than this, the server is asked again anyway. */
const LONGEST_RETRY_AFTER = 24 * 3600;

/** One POST within `timeoutMs`. A redirect is not followed: the address was entered for one receiver. */
export async function postMessage(
  outbound: Pick<Outbound, 'fetch'>,
  message: OutgoingMessage,
  { timeoutMs, readsWords }: { timeoutMs: number; readsWords: boolean },
): Promise<PostOutcome> {
  let response: Response;
  try {
    response = await outbound.fetch(message.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Conducktor-Notifications/1',
        ...message.headers,
      },
      body: message.body,
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    return unreached(error, timeoutMs);
  }
  const { status } = response;
  if (response.ok) {
    await response.body?.cancel().catch(() => {});
    return { end: 'sent' };
  }
  const reason = `It answered ${status}${readsWords ? await wordOf(response) : ''}.`;
  if (!readsWords) await response.body?.cancel().catch(() => {});
  if (status >= 500 || status === 408 || status === 429)
    return { end: 'later', reason, ...retryAfter(response) };
  return status >= 300 && status < 400
    ? { end: 'never', reason: `${reason} Redirects are not followed.` }
    : { end: 'never', reason };
}

function unreached(error: unknown, timeoutMs: number): PostOutcome {
  const refused = [error, (error as { cause?: unknown }).cause].find(
    (each) => each instanceof OutboundRefused,
  );
  if (refused) return { end: 'never', reason: refused.message };
  if ((error as { name?: unknown }).name === 'TimeoutError')
    return { end: 'later', reason: `It did not answer within ${timeoutMs / 1000} s.` };
  const { code } = ((error as { cause?: unknown }).cause ?? error) as { code?: unknown };
  const known = typeof code === 'string' && /^[A-Z_]{3,40}$/.test(code) ? ` (${code})` : '';
  return { end: 'later', reason: `It could not be reached${known}.` };
}

/** Reads no more than a word can have: compressed, a short answer can be a very long one. */
async function wordOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > LONGEST_WORD) break;
    }
  } catch {
    return '';
  }
  return SLACK_WORD.test(text.trim()) ? ` ${text.trim()}` : '';
}

/** RFC 9110 section 10.2.3: seconds or an instant. */
function retryAfter(response: Response): { afterSeconds?: number } {
  const text = response.headers.get('retry-after') ?? '';
  const seconds = /^\d{1,9}$/.test(text)
    ? Number(text)
    : Math.ceil((Date.parse(text) - Date.now()) / 1000);
  if (!(seconds > 0)) return {};
  return { afterSeconds: Math.min(seconds, LONGEST_RETRY_AFTER) };
}
