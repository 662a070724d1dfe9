import type { AskingUpstream } from '../support/asking-upstream.js';
import type { World } from '../support/world.js';
import { bent, type Handle, type HandleKind, type Thief } from './handle.js';
import { answerOf, bearer, begin, headersOf, openStream, until, type Stream } from './streams.js';

export interface McpPlace {
  world: World;
  /** Connected as `asking`, beside a server with resources as `watched`. */
  asking: AskingUpstream;
}

/** How each kind of handle of sessions and streams is got, replayed and used. */
export function sessionHandles({
  world,
  asking,
}: McpPlace): Pick<
  Record<HandleKind, () => Promise<Handle>>,
  | 'MCP session'
  | 'stream of 2024-11-05'
  | 'resumption'
  | 'held call'
  | 'subscription'
  | 'cancellation'
> {
  const url = world.mcp;
  const { apiKey: token } = world.workspace.member;
  const post = (thief: Thief, session: string | undefined, message: object) =>
    answerOf(url, {
      method: 'POST',
      headers: headersOf(thief.token, session),
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
  /** With the victim's session, and in one of the thief's own. */
  const bothWays = async (thief: Thief, session: string, message: object) => [
    await post(thief, session, message),
    await post(thief, await begin(url, thief.token), message),
  ];
  let held = 0;
  /** A call of the victim that waits for an answer to its question. */
  async function hold() {
    const canary = `held-${++held}-${Math.random()}`;
    const session = await begin(url, token);
    const id = `${held}77`;
    const params = { name: 'asking_ask', arguments: { canary } };
    const stream = await openStream(url, {
      method: 'POST',
      headers: headersOf(token, session),
      body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }),
    });
    const [asked] = await until('a question', stream, /data: ?(\{.*elicitation\/create.*\})/);
    const question = JSON.parse(asked.slice(asked.indexOf('{'))) as { id: string };
    const [, prime] = await until('an event id', stream, /^id: (\S+)$/m);
    const answer = async (on: Stream) => {
      const result = { action: 'accept', content: { word: 'mine' } };
      const taken = await post({ token } as Thief, session, { id: question.id, result });
      if (taken.status !== 202) throw new Error(`The answer was not taken: ${taken.text}`);
      await until('the result of the held call', on, new RegExp(`${canary}:mine`));
      if (asking.acted.get(canary) !== 1) throw new Error('The call did not act once.');
      on.close();
    };
    return { canary, session, id, stream, question, prime: prime!, answer };
  }

  return {
    'MCP session': async () => {
      const real = await begin(url, token);
      const list = { id: 2, method: 'tools/list', params: {} };
      return {
        real,
        madeUp: bent(real, 12),
        replay: async (thief, session) => [
          await post(thief, session, list),
          await post(thief, session, { id: 3, result: {} }),
          await answerOf(url, { headers: headersOf(thief.token, session) }),
          await answerOf(url, { method: 'DELETE', headers: headersOf(thief.token, session) }),
        ],
        use: async () => {
          const { status } = await post({ token } as Thief, real, list);
          if (status !== 200) throw new Error(`The session answers ${status}.`);
        },
      };
    },
    'stream of 2024-11-05': async () => {
      const sse = await openStream(`${world.stack.publicUrl}/sse`, {
        headers: { ...bearer(token), accept: 'text/event-stream' },
      });
      const [, path] = await until('an endpoint', sse, /^data: ?(\S*sessionId=\S+)$/m);
      const address = new URL(path!, world.stack.publicUrl);
      const real = address.searchParams.get('sessionId')!;
      const send = (by: string | undefined, id: string, message: object) => {
        const to = new URL(address);
        to.searchParams.set('sessionId', id);
        const init = {
          method: 'POST',
          headers: { ...bearer(by), 'content-type': 'application/json' },
        };
        return answerOf(to.href, { ...init, body: JSON.stringify({ jsonrpc: '2.0', ...message }) });
      };
      return {
        real,
        madeUp: bent(real, 12),
        replay: async (thief, id) => [
          await send(thief.token, id, { id: 1, method: 'ping' }),
          await send(thief.token, id, { id: 'x', result: {} }),
        ],
        use: async () => {
          await send(token, real, { id: 'mine', method: 'ping' });
          await until('an answer over the stream', sse, /"id":"mine"/);
          if (/"id":1\b/.test(sse.text())) throw new Error('A stranger wrote to the stream.');
        },
        close: () => sse.close(),
      };
    },
    resumption: async () => {
      const call = await hold();
      const resume = (by: string | undefined, session: string, id: string) => ({
        headers: { ...headersOf(by, session), accept: 'text/event-stream', 'last-event-id': id },
      });
      return {
        real: call.prime,
        madeUp: bent(call.prime, 20),
        replay: async (thief, id) => [
          await answerOf(url, resume(thief.token, call.session, id)),
          await answerOf(url, resume(thief.token, await begin(url, thief.token), id)),
        ],
        use: async () => {
          call.stream.close();
          const again = await openStream(url, resume(token, call.session, call.prime));
          // Its question was lost with the connection; its answer is not.
          const result = new RegExp(`"id":"${call.id}","result":.*${call.canary}:`);
          await until('the answer over the new stream', again, result);
          again.close();
        },
      };
    },
    'held call': async () => {
      const call = await hold();
      const result = { action: 'accept', content: { word: 'stolen' } };
      return {
        real: call.question.id,
        madeUp: bent(call.question.id, call.question.id.length - 3),
        // A client is told that its answer came, whoever waits for it or nobody: the call shows that it did not.
        refusals: [202, 401, 404],
        replay: (thief, id) => bothWays(thief, call.session, { id, result }),
        use: () => call.answer(call.stream),
      };
    },
    subscription: async () => {
      const session = await begin(url, token);
      const real = 'watched+test://watched-resource';
      const me = { token } as Thief;
      const standing = await openStream(url, { headers: headersOf(token, session) });
      const done = await post(me, session, {
        id: 2,
        method: 'resources/subscribe',
        params: { uri: real },
      });
      if (done.status !== 200 || done.text.includes('"error"')) throw new Error(done.text);
      return {
        real,
        madeUp: 'watched+test://watched-nothings',
        // In a session of their own there is nothing to end, which is no error.
        refusals: [200, 401, 404],
        replay: (thief, uri) =>
          bothWays(thief, session, { id: 3, method: 'resources/unsubscribe', params: { uri } }),
        use: async () => {
          const params = {
            name: 'watched_test_trigger_resource_update',
            arguments: { uri: 'test://watched-resource' },
          };
          await post(me, session, { id: 4, method: 'tools/call', params });
          await until('an update', standing, /notifications\/resources\/updated/);
        },
        close: () => standing.close(),
      };
    },
    cancellation: async () => {
      const call = await hold();
      return {
        real: call.id,
        madeUp: `${call.id}8`,
        // A notification has no answer: what it did is seen by the call.
        refusals: [202, 401, 404],
        replay: (thief, requestId) =>
          bothWays(thief, call.session, {
            method: 'notifications/cancelled',
            params: { requestId },
          }),
        use: () => call.answer(call.stream),
      };
    },
  };
}
