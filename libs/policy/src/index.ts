export { parsePolicy, PolicyError, type PolicyProblem } from './parse.js';
export { readYaml } from './read-yaml.js';
export { compileAmount, type Amount } from './condition/amount.js';
export { compileGlob, compileGlobs } from './glob.js';
export { compilePolicy, type CompiledPolicy } from './compile.js';
export { decide, redactionsOf } from './decide.js';
export { approvalNeed, visible, visibility, type Visibility } from './visibility.js';
export { explain, type Explanation, type RuleExplanation } from './explain.js';
export { entryLabels } from './entry-labels.js';
export { policyTests, runPolicyTests, type PolicyTestResult } from './run-tests.js';
export { READY_MADE, readyMade } from './ready-made/ready-made.js';
export type { ReadyMade, ReadyMadeParameter, ReadyMadeValue } from './ready-made/types.js';
export { redactJson } from './redact/redact-json.js';
export { RedactionError, RedactionWork } from './redact/work.js';
export { STARTER_POLICY } from './starter.js';
export type {
  ApprovalDemand,
  Decision,
  PolicyCaller,
  PolicyContext,
  PolicyInput,
  PolicyTool,
  Redaction,
} from './types.js';
