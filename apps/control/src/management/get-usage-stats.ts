import { GET_USAGE_STATS } from '@conducktor/contracts';
import { signedIn } from '../http/guards.js';
import { countUsage, SEES_ALL } from '../usage/count-usage.js';
import { handler } from './handler.js';

/** As `GET /usage`, with people by the names that records have. */
export const getUsageStats = handler(
  GET_USAGE_STATS,
  signedIn,
  async ({ control, caller }, { groupBy, since }) => {
    const report = await countUsage(control, caller, {
      groupBy: [...new Set(groupBy)],
      since,
      zone: 'UTC',
    });
    return {
      since: report.since,
      until: report.until,
      whose: caller.roles.some((role) => SEES_ALL.has(role)) ? 'workspace' : 'own',
      items: report.items.map(({ member, hour: _, ...item }) => ({
        ...item,
        ...(member === undefined ? {} : { member: member.actor ?? member.id }),
      })),
      totals: report.totals,
    } as const;
  },
);
