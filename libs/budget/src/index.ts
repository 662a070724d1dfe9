export { accountId, accountOf, periodIndex, type BudgetPeriod } from './period.js';
export { amountText } from './amount.js';
