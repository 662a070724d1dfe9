export { alertLink, alertMessage, type AlertWords } from './alert-message.js';
export { approvalMessage, type ToldApproval } from './approval-message.js';
export { NotificationEvent, type ApprovalEventKind, type NotificationEventKind } from './event.js';
export { notify } from './notify.js';
export type { Message, ToldEvent } from './message.js';
export { slackBody, slackTestBody } from './slack-body.js';
export { signWebhook, verifyWebhook } from './standard-webhooks.js';
export { testMessage, webhookBody } from './webhook-body.js';
