export { NotificationEvent, type NotificationEventKind } from './event.js';
export { notify } from './notify.js';
export { messageOf, type Message, type ToldApproval, type ToldEvent } from './message.js';
export { slackBody, slackTestBody } from './slack-body.js';
export { signWebhook, verifyWebhook } from './standard-webhooks.js';
export { testMessage, webhookBody } from './webhook-body.js';
