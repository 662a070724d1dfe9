import {
  NewNotificationChannel,
  NotificationChannelPatch,
  NotificationChannelView,
  NotificationDeliveryQuery,
  NotificationDeliveryView,
  NotificationTested,
  PageQuery,
  pageOf,
} from '@conducktor/contracts';
import { readers, scope, signedIn, writers } from '../http/guards.js';
import { route } from '../http/route.js';
import { createChannel } from './create-channel.js';
import { deleteChannel } from './delete-channel.js';
import { listDeliveries, retryDelivery } from './deliveries.js';
import { getChannel, listChannels } from './read-channels.js';
import { testChannel } from './test-channel.js';
import { updateChannel } from './update-channel.js';

export const notificationRoutes = [
  route('POST', '/notification-channels', {
    summary: 'Have a Slack channel or a signed webhook told of approvals and alerts',
    guards: [signedIn, scope('admin'), writers],
    body: NewNotificationChannel,
    answer: [201, NotificationChannelView],
    handle: ({ control, caller, body }) => createChannel(control, caller, body),
  }),
  route('GET', '/notification-channels', {
    summary: 'List channels, without their addresses and secrets',
    guards: [signedIn, scope('admin'), readers],
    query: PageQuery,
    answer: [200, pageOf(NotificationChannelView)],
    handle: ({ control, caller, query }) => listChannels(control, caller, query),
  }),
  route('GET', '/notification-channels/:id', {
    summary: 'Read one channel',
    guards: [signedIn, scope('admin'), readers],
    answer: [200, NotificationChannelView],
    handle: ({ control, caller, params }) => getChannel(control, caller, params['id']!),
  }),
  route('PATCH', '/notification-channels/:id', {
    summary:
      'Change a channel, or switch it off and on; address and secret given replace those stored',
    guards: [signedIn, scope('admin'), writers],
    body: NotificationChannelPatch,
    answer: [200, NotificationChannelView],
    handle: ({ control, caller, params, body }) =>
      updateChannel(control, caller, params['id']!, body),
  }),
  route('DELETE', '/notification-channels/:id', {
    summary: 'Remove a channel; its messages that wait are not sent',
    guards: [signedIn, scope('admin'), writers],
    answer: [204],
    handle: ({ control, caller, params }) => deleteChannel(control, caller, params['id']!),
  }),
  route('POST', '/notification-channels/:id/test', {
    summary: 'Send one message to a channel now and say what became of it',
    guards: [signedIn, scope('admin'), writers],
    answer: [200, NotificationTested],
    handle: ({ control, caller, params }) => testChannel(control, caller, params['id']!),
  }),
  route('GET', '/notification-deliveries', {
    summary: 'List messages to channels; state=dead are those given up, with the reason',
    guards: [signedIn, scope('admin'), readers],
    query: NotificationDeliveryQuery,
    answer: [200, pageOf(NotificationDeliveryView)],
    handle: ({ control, caller, query }) => listDeliveries(control, caller, query),
  }),
  route('POST', '/notification-deliveries/:id/retry', {
    summary: 'Have a message that was given up sent anew, under the id that it had',
    guards: [signedIn, scope('admin'), writers],
    answer: [200, NotificationDeliveryView],
    handle: ({ control, caller, params }) => retryDelivery(control, caller, params['id']!),
  }),
];
