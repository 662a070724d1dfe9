export { NotificationEvent, type NotificationEventKind } from './event.js';
export { notify, type NotifyTx } from './notify.js';
export { messageOf, type Message, type ToldApproval, type ToldEvent } from './message.js';
export { slackBody, slackTestBody } from './slack-body.js';
export { parseSigningSecret, signWebhook, verifyWebhook } from './standard-webhooks.js';
export { testMessage, webhookBody } from './webhook-body.js';
