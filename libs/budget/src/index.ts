export {
  accountId,
  accountOf,
  periodIndex,
  periodIndexesAmong,
  type BudgetPeriod,
  type LocalDays,
} from './period.js';
export { amountText } from './amount.js';
export {
  compilePrice,
  FREE,
  MAX_MICROS,
  quote,
  REPORTED_KEY,
  type AmountOf,
  type CompileAmount,
  type Price,
} from './price.js';
export { charge, chargeOfUnquoted, hangsOnOutcome, isCharged } from './charge.js';
