import type { RawAnswer } from '@conducktor/testing';

export const FINE = 'fine';
export const TIMEOUT =
  'upstream_timeout: … did not answer within 1 s; whether it acted is not known.';
export const UNKNOWN =
  'outcome_unknown: Whether … acted is not known. Ask about call … before you try again.';
export const TOO_LARGE = "-32603 The server's result is larger than 10 MB and was discarded.";
const TOO_DEEP = "-32603 The server's answer is nested too deeply and was discarded.";
const EITHER = [TIMEOUT, TOO_LARGE];
const status = (code: number) => `-32603 The server answered HTTP ${code}.`;
const notOffered = (type: string) =>
  `-32603 The server answered with a result of type "${type}", which was not offered to it.`;
const redirects = (code: number) =>
  `-32603 The server redirects (HTTP ${code}); redirects are not followed, enter the final address.`;

/** What a client is told of each misbehaviour of a server, whatever it asked. A list: one of them. */
export const TOLD: Readonly<Record<string, string | string[]>> = {
  ...each(FINE, ['fine', 'text', 'flood_of_progress', 'progress_of_others', 'flood_of_pings']),
  ...each(FINE, ['flood_of_asks', 'flood_of_forms', 'ask_of_5_mb', 'ask_after_answer', 'deep_ask']),
  ...each(TIMEOUT, ['hang', 'hang_after_headers', 'hang_in_stream', 'drip']),
  ...each(EITHER, ['comments_for_ever', 'event_ids_for_ever']),
  early_hints_for_ever: [TIMEOUT, UNKNOWN],
  ...each(EITHER, ['flood_of_notes', 'spaces_for_ever', 'line_for_ever']),
  ...each(TOO_LARGE, ['eleven_mb', 'eleven_mb_in_stream', 'batch_of_100_000']),
  ...each(TOO_DEEP, ['deep_json', 'deep_in_batch', 'deep_error']),
  ...each(UNKNOWN, ['dies_at_once', 'dies_in_json', 'dies_in_stream', 'ends_without_answer']),
  ...each(UNKNOWN, ['no_http', 'header_of_1_mb', 'no_json', 'no_utf8', 'page', 'gzip_bomb']),
  ...each(UNKNOWN, ['empty', 'wrong_id', 'id_as_text', 'no_id', 'error_without_code']),
  ...each(UNKNOWN, ['result_is_list', 'result_is_text', 'result_is_null']),
  status_500: status(500),
  status_404: status(404),
  status_429: status(429),
  status_401: '-32603 The server refused the credentials of this connection (HTTP 401).',
  status_403: '-32603 The credentials of this connection are not allowed to do this (HTTP 403).',
  redirect_to_metadata: redirects(307),
  redirect_to_itself: redirects(308),
  result_and_error: '-1 both',
  error_of_5_mb: `-32000 ${'e'.repeat(110)}`,
  task: notOffered('task'),
  unknown_result_type: notOffered('something_else'),
  // Only servers of 2026-07-28 may ask like that.
  input_without_end: [
    'input_not_given: … asks for input, still after 10 rounds.',
    notOffered('input_required'),
  ],
};

/** What looks like the result of a tool, and what of it a client is shown. */
export const SHOWN: Readonly<Record<string, string>> = {
  content_is_no_list: '[]',
  content_of_nothing: '[null,1,"x",{},{"type":7},{"type":"text"}]',
  ...each('[]', ['proto_keys', 'long_numbers', 'speaks_in_our_name']),
  twice_the_same_key: 'second',
  lone_surrogates: '\ud800 and \udfff',
  control_characters: '\0\u001b[2J\u202e\u200b',
  ten_mb: 'x'.repeat(100),
  million_parts: `[${'{},'.repeat(33)}`,
};

/** What was to be told of a misbehaviour, given what was told. */
export function toBeTold(name: string, told: string | undefined): string {
  const expected = [TOLD[name] ?? SHOWN[name] ?? 'no expectation'].flat();
  return expected.find((one) => one === told) ?? expected[0]!;
}

/** Its end is the deadline. */
export function isEndless(name: string): boolean {
  return [TOLD[name]].flat().includes(TIMEOUT);
}

/** An answer in few words: its code and sentence, or the first text of its result. */
export function said(slug: string, { status: http, message, text }: RawAnswer): string {
  const plain = (words: string) =>
    words
      .replace(/call_\w+/, '…')
      .replace(slug, '…')
      .slice(0, 110);
  if (http !== 200 || !message) return `HTTP ${http}: ${text.slice(0, 100)}`;
  if (message.error) {
    const meta = message.error.data?._meta as Record<string, string> | undefined;
    return `${meta?.['conducktor/code'] ?? message.error.code}${meta?.['conducktor/code'] ? ':' : ''} ${plain(message.error.message)}`;
  }
  const { content, isError, _meta: meta } = message.result!;
  if (isError) return `${String(meta?.['conducktor/code'])}: ${plain(String(content?.[0]?.text))}`;
  const first = content?.[0]?.text ?? textOf(message.result!);
  return (first ?? JSON.stringify(content) ?? JSON.stringify(message.result)).slice(0, 100);
}

/** Of a resource, a prompt or a completion. */
function textOf(result: Record<string, unknown>): string | undefined {
  const { contents, messages, completion } = result as {
    contents?: { text?: string }[];
    messages?: { content?: { text?: string } }[];
    completion?: { values?: string[] };
  };
  return contents?.[0]?.text ?? messages?.[0]?.content?.text ?? completion?.values?.[0];
}

function each<T>(value: T, names: string[]): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, value]));
}
