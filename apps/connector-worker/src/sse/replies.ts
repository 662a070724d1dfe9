import type { HttpReply } from '../http/http-exchange.js';

/** What HTTP says of a message whose answer, if any, came by the stream. */
export function replyOf(status: number, answer?: HttpReply['answer']): HttpReply {
  return {
    status,
    sessionId: undefined,
    wwwAuthenticate: undefined,
    answer,
    resume: undefined,
    broken: undefined,
    tooLarge: false,
  };
}
