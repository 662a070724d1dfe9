export {
  encodeRecord,
  timestamp,
  type BudgetAtRefusal,
  type CallRecord,
  type OutcomeRecord,
} from './record.js';
