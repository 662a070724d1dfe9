export { newId, type IdPrefix } from './ids.js';
export { CODES, ConducktorError, type Code } from './errors.js';
export {
  FrameType,
  type CallRequest,
  type CallResult,
  type CommittedNote,
  type JournalKey,
  type LateOutcome,
  type OutcomeKind,
  type ProgressNote,
  type RefreshRequest,
  type RefreshResult,
} from './rpc.js';
export {
  PolicyDocument,
  PolicyEffect,
  PolicyRule,
  PolicyTest,
  RuleMatch,
  TimeWindow,
  ToolClass,
} from './policy-document.js';
