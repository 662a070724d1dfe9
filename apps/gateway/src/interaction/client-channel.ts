import type { CallOptions } from '@conducktor/runtime';
import { isLogWanted, type ClientCapabilities, type NotificationNote } from '@conducktor/contracts';
import type { CheckedCall, EntryInput } from '../tool-call/types.js';
import { mayAsk } from './rounds.js';

/**
 * What an upstream is told of the client. A call of one that cannot be asked, for want of a stream to
 * ask it on, declares no such capability. Requests that ask nothing declare them all the same, so that
 * they and the calls share a session at the upstream.
 */
export function declaredTo({ input, sent }: CheckedCall): ClientCapabilities | undefined {
  const { capabilities, era } = input.context;
  if (!capabilities || era === 'modern' || input.ask || !mayAsk(sent.method)) return capabilities;
  return capabilities.extensions && { extensions: capabilities.extensions };
}

/** Whether this call may have to wait for what its upstream asks the client. */
export function canBeAsked({ input, sent }: CheckedCall): boolean {
  const { capabilities, era } = input.context;
  if (!capabilities || (era === 'legacy' && !input.ask)) return false;
  const { elicitation, sampling, roots } = capabilities;
  return (elicitation ?? sampling ?? roots) !== undefined && mayAsk(sent.method);
}

/** How progress, logs and cancellation travel between the client and the worker. */
export function channelOf(input: EntryInput): CallOptions {
  const { onProgress, onNotification, signal, context } = input;
  return {
    signal,
    ...(onProgress ? { onProgress } : {}),
    ...(onNotification
      ? { onNotification: (note) => wants(context, note) && onNotification(note) }
      : {}),
  };
}

/** A modern client gets logs only if it asks for them, and is not told that a URL was visited. */
function wants({ era, logLevel }: EntryInput['context'], note: NotificationNote): boolean {
  if (note.method !== 'notifications/message') return era === 'legacy';
  if (logLevel === undefined) return era === 'legacy';
  return isLogWanted(note.params['level'], logLevel);
}
