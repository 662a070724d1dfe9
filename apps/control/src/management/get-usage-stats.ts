import { amountText } from '@conducktor/budget';
import { GET_USAGE_STATS, type UsageItem } from '@conducktor/contracts';
import { signedIn } from '../http/guards.js';
import { countUsage, SEES_ALL } from '../usage/count-usage.js';
import { handler } from './handler.js';

/** What a sentence names; the rest is summed as others. */
const NAMED = 10;

/** As `GET /usage`, with people by the names that records have, and what was spent in one line. */
export const getUsageStats = handler(
  GET_USAGE_STATS,
  signedIn,
  async ({ control, caller }, { groupBy, since }) => {
    const report = await countUsage(control, caller, { groupBy: [...new Set(groupBy)], since });
    const items = report.items.map(({ member, hour: _, ...item }) => ({
      ...item,
      ...(member === undefined ? {} : { member: member.actor ?? member.id }),
    }));
    return {
      since: report.since,
      until: report.until,
      currency: report.currency,
      summary: summaryOf(report.totals.costMicros, items, groupBy, report.currency),
      whose: caller.roles.some((role) => SEES_ALL.has(role)) ? 'workspace' : 'own',
      items,
      totals: report.totals,
    } as const;
  },
);

type Item = Omit<UsageItem, 'member' | 'hour'> & { member?: string | null };

/** `Total: $23.45 (linear: $12, github: $8.45, slack: $3)`, the largest first. */
function summaryOf(
  total: number,
  items: readonly Item[],
  groupBy: readonly Exclude<keyof Item, 'calls'>[],
  currency: string,
): string {
  const amount = (micros: number) => amountText(micros, currency);
  const charged = items
    .filter(({ costMicros }) => costMicros > 0)
    .sort((a, b) => b.costMicros - a.costMicros);
  const named = charged
    .slice(0, NAMED)
    .map(
      (item) =>
        `${groupBy.map((name) => item[name] ?? 'none').join(' ')}: ${amount(item.costMicros)}`,
    );
  if (charged.length > NAMED) {
    const others = charged.slice(NAMED).reduce((sum, { costMicros }) => sum + costMicros, 0);
    named.push(`others: ${amount(others)}`);
  }
  return `Total: ${amount(total)}${named.length === 0 ? '' : ` (${named.join(', ')})`}`;
}
