import { ActivityQuery } from '@conducktor/contracts';
import { role, scope, signedIn } from '../http/guards.js';
import { streamRoute } from '../http/route.js';
import { streamActivity } from './stream-activity.js';

export const activityRoutes = [
  streamRoute('/activity', {
    summary: 'Calls, outcomes, refusals and changes as they are recorded, as server-sent events',
    guards: [signedIn, scope('admin'), role('owner', 'admin', 'auditor')],
    query: ActivityQuery,
    streams: ['text/event-stream'],
    handle: streamActivity,
  }),
];
