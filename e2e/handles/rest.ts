import { eventually, type World } from '../support/world.js';
import { rawCall } from '@conducktor/testing';
import { bent, type Answer, type Handle, type HandleKind } from './handle.js';

/** How each kind of handle of the REST API that needs no browser is got, replayed and used. */
export function restHandles(
  world: World,
): Pick<
  Record<HandleKind, () => Promise<Handle>>,
  'REST cursor' | 'export cursor' | 'audit event' | 'call' | 'activity stream'
> {
  const { owner, tenantId } = world.workspace;
  const get = async (
    by: string | undefined,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const response = await fetch(`${world.stack.publicUrl}/api/v1${path}`, {
      headers: { ...(by && { authorization: `Bearer ${by}` }), ...headers },
    });
    if (response.headers.get('content-type')?.includes('event-stream'))
      return { status: response.status, text: await beginningOf(response) };
    return { status: response.status, text: await response.text() };
  };
  const usable = async (path: string, expected: string | RegExp, headers = {}) => {
    const { status, text } = await get(owner.apiKey, path, headers);
    if (
      status !== 200 ||
      !(typeof expected === 'string' ? text.includes(expected) : expected.test(text))
    )
      throw new Error(`${path}: ${status} ${text.slice(0, 300)}`);
  };
  const secrets = [tenantId, world.upstream.url, owner.email];
  const words = `audited ${Math.random()}`;
  let sealed: Promise<{ id: string; callId: string; seq: number }> | undefined;
  const event = () =>
    (sealed ??= (async () => {
      await rawCall(world.mcp, 'rec_echo', { message: words }, { token: owner.apiKey });
      return eventually('the call is sealed', async () => {
        const { rows } = await world.admin.pool.query<{ id: string; callId: string; seq: string }>(
          `select id, call_id as "callId", seq from audit_event
            where tenant_id = $1 and call_id is not null and tool = 'rec_echo' and member_id = $2 order by seq desc limit 1`,
          [tenantId, owner.memberId],
        );
        return rows[0] && { ...rows[0], seq: Number(rows[0].seq) };
      });
    })());
  /** By a place in a sequence of one's own everybody gets what is their own, whoever's number it is. */
  const place = (path: (at: string) => string, header?: string) => async (): Promise<Handle> => {
    const { seq, callId } = await event();
    const real = String(seq - 1);
    const headers = (at: string): Record<string, string> => (header ? { [header]: at } : {});
    return {
      real,
      madeUp: String(seq + 1_000_000),
      refusals: [200, 401, 403],
      secrets: [...secrets, callId],
      replay: async (thief, at) => [await get(thief.token, path(at), headers(at))],
      use: () => usable(path(real), callId, headers(real)),
    };
  };
  return {
    'REST cursor': async () => {
      const { text } = await get(owner.apiKey, '/connections?limit=1');
      const { nextCursor: real } = JSON.parse(text) as { nextCursor: string };
      return {
        real,
        // A place that no row of anybody has, right behind that of the first.
        madeUp: Buffer.from(`${Buffer.from(real, 'base64url').toString()}!`).toString('base64url'),
        refusals: [200, 401, 403],
        secrets,
        replay: async ({ token }, cursor) => [await get(token, `/connections?cursor=${cursor}`)],
        use: () => usable(`/connections?cursor=${real}`, '"slug"'),
      };
    },
    'export cursor': place((after) => `/audit/export?after=${after}`),
    'activity stream': place(() => '/activity', 'last-event-id'),
    'audit event': async () => {
      const { id: real, callId } = await event();
      return {
        real,
        madeUp: bent(real, 8),
        secrets: [...secrets, callId, words],
        replay: async ({ token }, id) => [
          await get(token, `/audit/events/${id}`),
          await get(token, `/audit/events/${id}/payload`),
        ],
        use: () => usable(`/audit/events/${real}/payload`, words),
      };
    },
    call: async () => {
      const { id, callId: real } = await event();
      return {
        real,
        madeUp: bent(real, 9),
        // A filter that nothing meets is an empty list.
        refusals: [200, 401, 403, 404],
        secrets: [...secrets, id, words],
        replay: async ({ token }, callId) => [
          await get(token, `/audit/events?callId=${callId}`),
          await get(token, `/audit/export?callId=${callId}`),
          await get(token, `/audit/events/${callId}`),
          await get(token, `/audit/events/${callId}/payload`),
        ],
        use: () => usable(`/audit/events?callId=${real}`, id),
      };
    },
  };
}

/** What comes over a stream at once. */
async function beginningOf(response: Response): Promise<string> {
  let text = '';
  const reader = response.body!.getReader();
  const timer = setTimeout(() => void reader.cancel(), 300);
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  clearTimeout(timer);
  return text;
}
