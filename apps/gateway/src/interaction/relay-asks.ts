import type { AskNote, ReplyNote } from '@conducktor/contracts';
import type { CallOptions } from '@conducktor/runtime';
import { mapQuestionUris } from '../resources/map-uris.js';
import { clientUri } from '../tool-call/answers.js';
import type { Outcome } from '../tool-call/running-calls.js';
import type { CheckedCall, EntryInput } from '../tool-call/types.js';
import { channelOf } from './client-channel.js';
import { missingCapability } from './input-requests.js';

/** The call waits for what a modern client is to be asked; its outcome comes when it comes. */
export interface Asked {
  asks: AskNote[];
  outcome: Promise<Outcome>;
}

// A server that asks several things at once writes them one after the other.
const GATHER_MS = 25;

/**
 * Sends a call and sees to what its upstream asks meanwhile. A legacy client is asked at once, and the
 * call goes on with its reply; for a modern one it resolves with the questions that came together,
 * and the call goes on without the request: the client may go away, and come back on any gateway.
 * `mayHold`: whether one more such call may; where not, the upstream is told that nobody answers.
 */
export function relayAsks(
  call: CheckedCall,
  send: (options: CallOptions) => Promise<Outcome>,
  mayHold: () => boolean = () => true,
): Promise<Outcome | Asked> {
  const { input } = call;
  const sendMapped: typeof send = ({ onAsk, ...options }) =>
    send({
      ...options,
      ...(onAsk && {
        onAsk: (note, reply) => {
          mapQuestionUris(note, (uri) => clientUri(call, uri));
          onAsk(note, reply);
        },
      }),
    });
  return input.context.era === 'modern'
    ? gather(input, sendMapped, mayHold)
    : askAtOnce(input, sendMapped);
}

function askAtOnce(
  input: EntryInput,
  send: (options: CallOptions) => Promise<Outcome>,
): Promise<Outcome> {
  const { ask } = input;
  return send({
    ...channelOf(input),
    ...(ask && {
      onAsk: (note, reply) => {
        if (refused(input, note, reply)) return;
        const { askId, method, params } = note;
        void ask({ method, params }).then(
          (answer) => reply({ ...answer, askId }),
          () => reply({ askId, error: { code: -32_603, message: 'The client was not asked.' } }),
        );
      },
    }),
  });
}

function gather(
  input: EntryInput,
  send: (options: CallOptions) => Promise<Outcome>,
  mayHold: () => boolean,
): Promise<Outcome | Asked> {
  return new Promise((resolve, reject) => {
    const { onProgress, onNotification, ...channel } = channelOf(input);
    const asks: AskNote[] = [];
    let timer: NodeJS.Timeout | undefined;
    let answered = false;
    const giveUp = new AbortController();
    const follow = (): void => giveUp.abort();
    const { signal } = input;
    if (signal.aborted) follow();
    else signal.addEventListener('abort', follow, { once: true });
    const end = (): void => {
      answered = true;
      clearTimeout(timer);
      // From here on the client's connection says nothing about the call.
      signal.removeEventListener('abort', follow);
    };
    const outcome = send({
      ...channel,
      signal: giveUp.signal,
      ...(onProgress && { onProgress: (note) => !answered && onProgress(note) }),
      ...(onNotification && { onNotification: (note) => !answered && onNotification(note) }),
      onAsk: (note, reply) => {
        // What comes after the answer waits in the worker, and is asked of whoever takes the call up.
        if (answered || refused(input, note, reply)) return;
        if (asks.length === 0 && !mayHold()) {
          const message = 'Too many questions wait for this person.';
          return reply({ askId: note.askId, error: { code: -32_603, message } });
        }
        asks.push(note);
        timer ??= setTimeout(() => {
          end();
          resolve({ asks, outcome });
        }, GATHER_MS);
      },
    });
    outcome.then((result) => {
      end();
      resolve(result);
    }, reject);
  });
}

/** An upstream that asks what it was told this client cannot answer gets its refusal from us. */
function refused(
  { context }: EntryInput,
  { askId, method, params }: AskNote,
  reply: (note: ReplyNote) => void,
): boolean {
  if (!missingCapability({ method, params }, context.capabilities)) return false;
  reply({
    askId,
    error: { code: -32_601, message: `This client has not declared what ${method} needs.` },
  });
  return true;
}
