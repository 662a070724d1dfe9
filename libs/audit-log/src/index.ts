export { encodeRecord, timestamp, type CallRecord, type OutcomeRecord } from './record.js';
