/**
 * `GET` with the event id of a POST's stream (2025-11-25, transports, resumability): what is still to
 * come of that request comes here, and the session's own stream stays as it is. A request that nobody
 * has any more ends with an error at once, or the client would wait for its own timeout.
 */
import { answeredId, type PostStreamClaim } from '../../sessions/post-stream-ids.js';
import type { Arrival } from '../arrival.js';
import type { EndpointDeps } from '../endpoint.js';
import { EventStream } from '../event-stream.js';
import { errorText, INTERNAL_ERROR, type RequestId } from '../json-rpc.js';
import { AWAY } from '../legacy-session.js';
import type { McpRequestContext } from '../ports.js';
import { RETRY_MS, type RpcReply } from '../reply.js';
import type { ReturnStream } from './post-streams.js';

/** An answer instead of the stream; `undefined` once the stream is open, or its client left. */
export async function resumePost(
  deps: EndpointDeps,
  { response, answerHeaders }: Arrival,
  context: McpRequestContext,
  principal: string,
  claim: PostStreamClaim,
): Promise<RpcReply | undefined> {
  // Clients that saw an error as answer come back, having waited for a result; 204 ends that (WHATWG).
  if (claim.answered) return { status: 204, text: '' };
  const { posts, exchange, streams, sessions } = deps;
  const full = streams.refusalFor(principal);
  if (full)
    return { status: full.status, text: errorText(null, full.error), headers: full.headers };

  const isOwn = claim.instance === sessions.bus.instance;
  const found = isOwn ? 'here' : await exchange.look(claim);
  if (found === 'away') return UNSURE;
  if (response.destroyed) return undefined;
  const stream = new EventStream(response, { headers: answerHeaders });
  const end = () => stream.end();
  stream.onClose(streams.add({ principal, context, expire: end, drain: end }));
  stream.mark(claim.id, RETRY_MS);

  const gone = () => stream.endAs(answeredId(claim.id), outcomeUnknown(claim.requestId));
  const back = returnOn(stream, claim);
  if (found === 'there') {
    stream.onClose(exchange.follow(claim, back, gone));
    return undefined;
  }
  const post = isOwn ? posts.find(claim) : undefined;
  if (!post) {
    gone();
    return undefined;
  }
  post.attach(back);
  stream.onClose(() => post.detach(back));
  return undefined;
}

function returnOn(stream: EventStream, { id }: PostStreamClaim): ReturnStream {
  return {
    send: (text) => stream.send(text),
    ask: (text) => {
      if (!stream.isOpen) return false;
      stream.send(text);
      return true;
    },
    answer: (text, taken) => stream.endAs(answeredId(id), text, taken),
    // Without this the two would replace each other for ever.
    replaced: () => {
      stream.mark(answeredId(id));
      stream.end();
    },
  };
}

/** Whoever ran it died, or what it answered is not kept any more. */
export function outcomeUnknown(id: RequestId): string {
  return errorText(id, {
    code: INTERNAL_ERROR,
    message:
      'The connection to the gateway was lost while this request was running. Whether it acted is not known: look before you try again.',
    data: { _meta: { 'conducktor/code': 'outcome_unknown' } },
  });
}

const UNSURE: RpcReply = {
  status: 503,
  text: errorText(null, { code: INTERNAL_ERROR, message: AWAY }),
  headers: { 'retry-after': '1' },
};
