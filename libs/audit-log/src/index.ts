export { encodeRecord, type CallRecord, type OutcomeRecord } from './record.js';
