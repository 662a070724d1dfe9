import { isLogWanted } from '@conducktor/contracts';
import type { OutgoingCall } from '../connector.js';
import { answerText, type Message, replyText } from './messages.js';
import { relayProgress } from './progress.js';

/** Hands on a notification that belongs to this call; `id` is the request's, which is also its progress token. */
export function relayNotification(
  message: Extract<Message, { kind: 'notification' }>,
  id: number,
  call: OutgoingCall,
): void {
  switch (message.method) {
    case 'notifications/progress':
      return relayProgress(message, id, call);
    case 'notifications/message':
      // A level may be set for a whole session while another call asked for less.
      if (call.logLevel === undefined || isLogWanted(message.params['level'], call.logLevel))
        call.notify({ method: message.method, params: message.params });
      return;
    case 'notifications/cancelled':
      return call.withdraw(message.params['requestId']);
    case 'notifications/elicitation/complete':
      if (typeof message.params['elicitationId'] === 'string')
        call.notify({ method: message.method, params: message.params });
  }
}

/**
 * Puts a request of the upstream to the client of the call that it belongs to, and hands the answer to
 * `send`; refuses what the client cannot be asked, and what belongs to no call.
 */
export function answerRequest(
  message: Extract<Message, { kind: 'request' }>,
  call: OutgoingCall | undefined,
  send: (text: string) => void,
): void {
  const { id, method } = message;
  if (method === 'ping' || !call) return send(answerText(message));
  const refusal = call.ask(message, (reply) => send(replyText(id, reply)));
  if (refusal === undefined) return;
  if (refusal !== 'not-declared')
    return send(replyText(id, { error: { code: -32603, message: REFUSALS[refusal] } }));
  // A client that can be asked, only not in this mode (2025-11-25, elicitation).
  const knows = method === 'elicitation/create' && 'elicitation' in call.declared.capabilities;
  send(knows ? replyText(id, { error: OTHER_MODE }) : answerText(message));
}

const OTHER_MODE = {
  code: -32602,
  message: 'The client does not support this mode of elicitation.',
};

const REFUSALS = {
  'too-many': 'Too many questions wait for an answer.',
  'too-long': 'This question is too long.',
  gone: 'The client cannot be reached any more.',
} as const;

/** The list that a notification says has changed. */
export function changedList(method: string): 'tools' | 'prompts' | 'resources' | undefined {
  switch (method) {
    case 'notifications/tools/list_changed':
      return 'tools';
    case 'notifications/prompts/list_changed':
      return 'prompts';
    case 'notifications/resources/list_changed':
      return 'resources';
    default:
      return undefined;
  }
}
