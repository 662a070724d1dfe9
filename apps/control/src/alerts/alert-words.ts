import { amountText } from '@conducktor/budget';
import type { AlertKind, AlertView, BudgetPeriod } from '@conducktor/contracts';
import type { AlertWords } from '@conducktor/notifications';

type AlertOf<Kind extends AlertKind> = Extract<AlertView, { kind: Kind }>;
/** Makes a name that somebody chose fit for where it is said. */
type Say = (name: string, max?: number) => string;

const asItIs: Say = (name) => name;

/** An alert in words: what happened and what to do, the amounts in the workspace's currency. */
export function alertWords(alert: AlertView, say: Say = asItIs): AlertWords {
  switch (alert.kind) {
    case 'budget.threshold':
      return thresholdWords(alert.detail, say);
    case 'budget.forecast':
      return forecastWords(alert.detail, say);
    case 'spend.unusual':
      return unusualWords(alert.detail, say);
    case 'connection.trouble':
      return troubleWords(alert, say);
    case 'connection.recovered':
      return recoveredWords(alert.detail, say);
  }
}

type BudgetFacts = AlertOf<'budget.threshold' | 'budget.forecast'>['detail'];

function thresholdWords(detail: AlertOf<'budget.threshold'>['detail'], say: Say): AlertWords {
  const { threshold, refusedAt, limitMicros, spentMicros, currency } = detail;
  const budget = budgetText(detail, say);
  const spent = `${amountText(spentMicros, currency)} of ${amountText(limitMicros, currency)}`;
  const part = limitMicros > 0 ? ` (${Math.floor((spentMicros * 100) / limitMicros)} %)` : '';
  const ends = endText(detail);
  if (refusedAt !== null)
    return {
      headline: `Calls are refused: ${budget}`,
      what: `A call was refused on ${minuteOf(refusedAt)} because the ${budget} has no room for it: ${spent} is spent${part}${ends}.`,
      todo: `Calls that do not fit into it are refused ${untilText(detail)}. What is reserved counts, too: GET /api/v1/held-calls has the calls whose outcome nobody knows. ${raise(detail)}`,
    };
  return {
    headline: threshold >= 100 ? `Limit reached: ${budget}` : `${threshold} % spent: ${budget}`,
    what: `Of the ${budget}, ${spent} is spent${part}${ends}.`,
    todo:
      threshold >= 100
        ? `Calls with a price that it counts are refused ${untilText(detail)}. ${raise(detail)}`
        : `It refuses nothing that fits. At the limit, calls with a price are refused ${untilText(detail)}. ${raise(detail)}`,
  };
}

function forecastWords(detail: AlertOf<'budget.forecast'>['detail'], say: Say): AlertWords {
  const { limitMicros, spentMicros, forecastMicros, reachedAt, periodEnd, currency } = detail;
  const budget = budgetText(detail, say);
  return {
    headline: `Likely to go over: ${budget}`,
    what: `At the pace so far, the ${budget} comes to about ${rounded(forecastMicros, currency)} by ${minuteOf(periodEnd!)}; its limit is ${amountText(limitMicros, currency)}. Spent is ${amountText(spentMicros, currency)}.`,
    todo: `At that pace the limit is reached about ${minuteOf(reachedAt)}, and calls with a price are refused from then on. ${raise(detail)}`,
  };
}

function unusualWords(detail: AlertOf<'spend.unusual'>['detail'], say: Say): AlertWords {
  const { day, calls, usualCalls, costMicros, usualCostMicros, currency, mostBy } = detail;
  const cost = amountText(costMicros, currency);
  const sentences = [
    ...(usualCostMicros === null
      ? []
      : [
          `Today this workspace has spent ${cost}; by this time on this weekday it is usually about ${rounded(usualCostMicros, currency)}.`,
        ]),
    ...(usualCalls === null
      ? []
      : [
          `Today this workspace has made ${calls} calls; by this time on this weekday it is usually about ${usualCalls}.`,
        ]),
    ...(mostBy === null
      ? []
      : [
          `Most of it is of the connection ${say(mostBy.connection)}: ${mostBy.calls} calls, ${amountText(mostBy.costMicros, currency)}.`,
        ]),
  ];
  return {
    headline:
      usualCostMicros === null ? `Unusually many calls: ${day}` : `Unusual spending: ${day}`,
    what: sentences.join(' '),
    todo: 'Is it expected? GET /api/v1/usage?groupBy=member,client,tool says who calls what. If it is not, POST /api/v1/freeze stops a person, a client or a connection within a second, and a budget caps what they may cost.',
  };
}

function troubleWords({ subjectId, detail }: AlertOf<'connection.trouble'>, say: Say): AlertWords {
  const { status, reason, since, calls, failed } = detail;
  const connection = say(detail.connection);
  const sentences = [
    ...(since === null
      ? []
      : [
          `The connection ${connection} has been ${status} since ${minuteOf(since)}${reason ? `: ${say(reason, 300)}` : '.'}`,
        ]),
    ...(failed === null
      ? []
      : [`Of the ${calls} calls of ${connection} that ended in 15 minutes, ${failed} failed.`]),
  ];
  const test = `POST /api/v1/connections/${subjectId}/test says whether it works again.`;
  return {
    headline: `Connection in trouble: ${connection}`,
    what: sentences.join(' '),
    todo:
      status === 'AUTH_REQUIRED'
        ? `The service does not take its credentials any more. Enter new ones on the page /connections/${subjectId}/secret of this installation. ${test}`
        : `Look whether the service behind it runs, and whether its address and credentials still hold. ${test}`,
  };
}

function recoveredWords(detail: AlertOf<'connection.recovered'>['detail'], say: Say): AlertWords {
  const connection = say(detail.connection);
  return {
    headline: `Connection well again: ${connection}`,
    what: `The connection ${connection}, in trouble since ${minuteOf(detail.since)}, has been well for 15 minutes.`,
    todo: 'There is nothing to do.',
  };
}

const PERIODS: Record<BudgetPeriod, string> = {
  day: 'daily',
  week: 'weekly',
  month: 'monthly',
  'rolling-30d': '30-day',
};

function budgetText({ name, scope, period }: BudgetFacts, say: Say): string {
  // An address is a person's own, and confirmed; it is said as it is.
  const subject =
    scope.kind === 'user' ? (scope.name ?? scope.id!) : say(scope.name ?? scope.id ?? '');
  const of = scope.kind === 'tenant' ? 'the workspace' : `the ${scope.kind} ${subject}`;
  return `${PERIODS[period]} budget of ${of}${name === null ? '' : ` ("${say(name)}")`}`;
}

const endText = ({ periodEnd }: BudgetFacts) =>
  periodEnd === null ? ' in 30 days' : ` in the period that ends on ${minuteOf(periodEnd)}`;

const untilText = ({ periodEnd }: BudgetFacts) =>
  periodEnd === null ? 'until enough of it is 30 days old' : `until ${minuteOf(periodEnd)}`;

const raise = ({ budgetId }: BudgetFacts) =>
  `To let more through, raise its limit: PATCH /api/v1/budgets/${budgetId}. GET /api/v1/usage?groupBy=tool,member says what it is spent on.`;

/** To hundredths: what is only about right is not said to the millionth. */
const rounded = (micros: number, currency: string) =>
  amountText(Math.round(micros / 10_000) * 10_000, currency);

/** A moment as people read it, to the minute. */
export const minuteOf = (at: string) => `${at.slice(0, 16).replace('T', ' ')} UTC`;
