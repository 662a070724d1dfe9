import { GET_USAGE_STATS } from '@conducktor/contracts';
import { ownTool } from './own-tool.js';

export const getUsageStats = ownTool(GET_USAGE_STATS, {
  title: 'Usage statistics',
  description:
    'Counts calls, errors, refusals, cost and response times, grouped as asked. Owners, admins, auditors and billing see the whole workspace, everybody else their own calls.',
  idempotent: true,
});
