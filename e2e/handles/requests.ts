import { rawCall, rawMcp } from '@conducktor/testing';
import { answersTo, CAN_BE_ASKED } from '../support/asked-client.js';
import { TAKES_TASKS } from '../support/rows-of-every-kind.js';
import { ALLOW_ALL, type World } from '../support/world.js';
import { bent, type Handle, type HandleKind } from './handle.js';

/** Notes wait for somebody; everything else is allowed. */
export const NOTES_NEED_APPROVAL = {
  ...ALLOW_ALL,
  rules: [
    {
      id: 'notes',
      when: { tools: ['rec_add_note'] },
      effect: 'require_approval',
      approvers: { roles: ['owner'], count: 1 },
    },
  ],
};

/** How each kind of handle that single MCP requests carry is got, replayed and used. */
export function requestHandles(
  world: World,
): Pick<
  Record<HandleKind, () => Promise<Handle>>,
  'requestState' | 'idempotency key' | 'request for approval' | 'list cursor'
> {
  const url = world.mcp;
  const { apiKey: token } = world.workspace.member;
  return {
    requestState: async () => {
      const params = { name: 'asking_ask', arguments: { canary: `state-${Math.random()}` } };
      const ask = (by: string | undefined, more: object) =>
        rawMcp(
          url,
          'tools/call',
          { ...params, ...more },
          { ...(by && { token: by }), meta: CAN_BE_ASKED },
        );
      const input = answersTo(await ask(token, {}), () => ({
        action: 'accept',
        content: { word: 'mine' },
      }));
      const real = String(input['requestState']);
      return {
        real,
        madeUp: bent(real, 40),
        // A JSON-RPC error, as its transport has it.
        refusals: [200, 400, 401],
        replay: async (thief, requestState) => {
          const answer = await ask(thief.token, { ...input, requestState });
          if (answer.message?.result) throw new Error(`Taken from ${thief.who}: ${answer.text}`);
          return [answer];
        },
        use: async () => {
          const { text } = await ask(token, input);
          if (!text.includes(`${params.arguments.canary}:mine`)) throw new Error(text);
        },
      };
    },
    'idempotency key': async () => {
      const real = `key-${Math.random()}`;
      const message = `said once ${Math.random()}`;
      const say = (by: string | undefined, key: string, words: string) =>
        rawCall(
          url,
          'rec_echo',
          { message: words },
          { ...(by && { token: by }), headers: { 'idempotency-key': key } },
        );
      const first = await say(token, real, message);
      return {
        real,
        madeUp: bent(real, 6),
        secrets: [message],
        // It is their own key, of their own call.
        refusals: [200, 401],
        replay: async (thief, key) => [await say(thief.token, key, `of ${thief.who}`)],
        use: async () => {
          const count = world.upstream.calls.length;
          const again = await say(token, real, message);
          if (
            JSON.stringify(again.message?.result?.content) !==
            JSON.stringify(first.message?.result?.content)
          )
            throw new Error(again.text);
          if (world.upstream.calls.length !== count) throw new Error('It acted twice.');
        },
      };
    },
    // It is the id of a task, of a page, of an address of REST, and what tools take.
    'request for approval': async () => {
      const note = `for my approver only ${Math.random()}`;
      const asMcp = (by: string | undefined, method: string, params: Record<string, unknown>) =>
        rawMcp(url, method, params, {
          ...(by && { token: by }),
          meta: TAKES_TASKS,
          headers: { 'mcp-name': String(params['taskId'] ?? params['name']) },
        });
      const asked = await asMcp(token, 'tools/call', { name: 'rec_add_note', arguments: { note } });
      const real = String(asked.message?.result?.['taskId']);
      const { publicUrl } = world.stack;
      return {
        real,
        madeUp: bent(real, 9),
        refusals: [200, 303, 400, 401, 403, 404],
        secrets: [note, world.workspace.member.email, world.workspace.owner.email],
        replay: async (thief, id) => {
          const page = await thief.browser.open(`/approvals/${id}`);
          const told = await Promise.all([
            asMcp(thief.token, 'tasks/get', { taskId: id }),
            asMcp(thief.token, 'tasks/cancel', { taskId: id }),
            ...['get_approval', 'approve_request', 'reject_request'].map((tool) =>
              asMcp(thief.token, 'tools/call', {
                name: `conducktr_${tool}`,
                arguments: { id, ...(tool !== 'get_approval' && { reason: 'Mine now' }) },
              }),
            ),
            ...['', '/approve', '/cancel'].map(async (step) => {
              const response = await fetch(`${publicUrl}/api/v1/approvals/${id}${step}`, {
                method: step === '' ? 'GET' : 'POST',
                headers: {
                  ...(thief.token && { authorization: `Bearer ${thief.token}` }),
                  'content-type': 'application/json',
                },
                ...(step !== '' && { body: '{}' }),
              });
              return { status: response.status, text: await response.text() };
            }),
          ]);
          return [
            'leftFor' in page
              ? { status: 303, text: page.leftFor.href }
              : { status: page.status, text: page.html.replace(/value="[\w.-]{20,}"/g, '') },
            ...told,
          ];
        },
        use: async () => {
          const { text } = await asMcp(token, 'tasks/get', { taskId: real });
          if (!text.includes('"working"')) throw new Error(`It does not wait any more: ${text}`);
        },
      };
    },
    'list cursor': async () => {
      const page = (by: string | undefined, cursor?: string) =>
        rawMcp(
          url,
          'resources/list',
          cursor === undefined ? {} : { cursor },
          by === undefined ? {} : { token: by },
        );
      const real = String((await page(token)).message?.result?.['nextCursor']);
      return {
        real,
        madeUp: bent(real, real.length - 4),
        refusals: [200, 400, 401],
        replay: async (thief, cursor) => {
          const answer = await page(thief.token, cursor);
          if (answer.message?.result) throw new Error(`Taken from ${thief.who}: ${answer.text}`);
          return [answer];
        },
        use: async () => {
          const { message, text } = await page(token, real);
          if (!message?.result?.['resources']) throw new Error(text);
        },
      };
    },
  };
}
