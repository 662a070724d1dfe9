import type { OutgoingCall } from '../connector.js';
import type { Message } from './messages.js';

/** Hands on what the upstream reports of this call's progress; `token` is what it was given. */
export function relayProgress(
  message: Extract<Message, { kind: 'notification' }>,
  token: number,
  call: OutgoingCall,
): void {
  if (message.method !== 'notifications/progress' || !call.wantsProgress) return;
  const { progressToken, progress, total, message: words } = message.params;
  if (progressToken !== token || typeof progress !== 'number') return;
  call.progress({
    progress,
    ...(typeof total === 'number' && { total }),
    ...(typeof words === 'string' && { message: words.slice(0, 2_000) }),
  });
}
