/**
 * Questions of an upstream to a legacy client: out on the event stream of its own request, else on its
 * session's stream, wherever that is open; the reply may be posted to any gateway. Whatever happens
 * there is a reply in the end: what cannot be asked or is not answered in time is an error.
 */
import type { ClientCapabilities } from '@conducktor/contracts';
import { RedisAway } from '../sessions/bus.js';
import type { Session } from '../sessions/session-id.js';
import type { Sessions } from '../sessions/open-sessions.js';
import { isObject, METHOD_NOT_FOUND, TRANSPORT_ERROR, type Params } from './json-rpc.js';
import type { Outlet } from './outlet.js';
import type { ClientChannel } from './ports.js';

type Ask = NonNullable<ClientChannel['ask']>;
type Reply = Awaited<ReturnType<Ask>>;
type Question = Parameters<Ask>[0];

/** A person is given this long. */
export const ASK_DEADLINE_MS = 10 * 60_000;
/** Of one request at once. */
const MAX_QUESTIONS = 32;

export interface AskDeps {
  sessions: Sessions;
  /** Milliseconds; `ASK_DEADLINE_MS` if absent. */
  askDeadlineMs?: number;
}

/** `undefined` for a client that declared nothing that could be asked, or has no session. */
export function askerOf(
  deps: AskDeps,
  principal: string,
  session: Session | undefined,
  outlet: Outlet | undefined,
  signal: AbortSignal,
): Ask | undefined {
  const capabilities = session?.capabilities;
  if (!capabilities || !canBeAsked(capabilities)) return undefined;
  let open = 0;
  return async (question) => {
    if (!isOffered(capabilities, question))
      return failed(METHOD_NOT_FOUND, `This client does not take ${question.method}.`);
    if (open >= MAX_QUESTIONS) return failed(TRANSPORT_ERROR, 'Too many questions at once.');
    open++;
    try {
      return await put(deps, principal, session, outlet, signal, question);
    } finally {
      open--;
    }
  };
}

/**
 * A client's response. `taken` when it has the id of a question of ours; whether anybody still waits
 * for it is not said. `lost` when it belongs to another gateway and Redis is away.
 */
export async function takeReply(
  { sessions }: AskDeps,
  principal: string,
  session: Session | undefined,
  response: Params,
): Promise<'taken' | 'none of ours' | 'lost'> {
  const reply = replyOf(response);
  if (!session || !reply) return 'none of ours';
  try {
    const owner = ownerOf(principal, session);
    return (await sessions.waiting.answer(response['id'], owner, reply)) ? 'taken' : 'none of ours';
  } catch (error) {
    if (error instanceof RedisAway) return 'lost';
    throw error;
  }
}

/** Whose question it is: nobody else's response settles it. */
function ownerOf(principal: string, session: Session): string {
  return `${principal}\n${session.id}`;
}

/** `undefined` when it is no response. */
function replyOf(response: Params): Reply | undefined {
  const { result, error } = response;
  if (isObject(result)) return { result };
  if (!isObject(error) || typeof error['code'] !== 'number') return undefined;
  const { code, message, data } = error;
  return {
    error: { code, message: String(message ?? ''), ...(data !== undefined && { data }) },
  };
}

async function put(
  { sessions, askDeadlineMs = ASK_DEADLINE_MS }: AskDeps,
  principal: string,
  session: Session,
  outlet: Outlet | undefined,
  signal: AbortSignal,
  { method, params }: Question,
): Promise<Reply> {
  if (signal.aborted) return failed(TRANSPORT_ERROR, 'The request was cancelled.');
  const question = sessions.waiting.ask(ownerOf(principal, session), askDeadlineMs);
  const text = JSON.stringify({ jsonrpc: '2.0', id: question.id, method, params });
  const onSessionStream = (message: string) =>
    sessions.streams.deliver(session.id, message).catch(() => false);
  let why = 'The client did not answer in time.';
  const giveUp = (reason: string) => {
    why = reason;
    question.abandon();
  };
  let onOutlet = false;
  const toSession = async () => {
    onOutlet = false;
    if (outlet?.over !== undefined) return giveUp(outlet.over);
    if (!(await onSessionStream(text))) giveUp('The client has no event stream to be asked on.');
  };

  // It may be cancelled while the question is on its way.
  const cancelled = () => giveUp('The request was cancelled.');
  signal.addEventListener('abort', cancelled, { once: true });
  let stay = () => {};
  onOutlet = outlet !== undefined && (await outlet.ask(text));
  if (onOutlet) stay = outlet!.onLost(() => void toSession());
  else await toSession();
  const answer = await question.answer;
  signal.removeEventListener('abort', cancelled);
  stay();
  if (answer !== undefined) return answer as Reply;

  const cancel = JSON.stringify({
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: question.id, reason: why },
  });
  if (onOutlet) outlet!.note(cancel);
  else if (outlet?.over === undefined) void onSessionStream(cancel);
  return failed(TRANSPORT_ERROR, why);
}

function canBeAsked({ elicitation, sampling, roots }: ClientCapabilities): boolean {
  return elicitation !== undefined || sampling !== undefined || roots !== undefined;
}

function isOffered(capabilities: ClientCapabilities, { method, params }: Question): boolean {
  switch (method) {
    case 'elicitation/create':
      return params['mode'] === 'url'
        ? capabilities.elicitation?.url !== undefined
        : capabilities.elicitation?.form !== undefined;
    case 'sampling/createMessage':
      return capabilities.sampling !== undefined;
    case 'roots/list':
      return capabilities.roots !== undefined;
  }
}

const failed = (code: number, message: string): Reply => ({ error: { code, message } });
