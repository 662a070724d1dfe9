export { parsePolicy, PolicyError, type PolicyProblem } from './parse.js';
export { compileGlob } from './glob.js';
export { compilePolicy, type CompiledPolicy } from './compile.js';
export { decide } from './decide.js';
export { visible, visibility, type Visibility } from './visibility.js';
export { explain, type Explanation, type RuleExplanation } from './explain.js';
export { runPolicyTests, type PolicyTestResult } from './run-tests.js';
export { STARTER_POLICY } from './starter.js';
export type { Decision, PolicyCaller, PolicyContext, PolicyInput, PolicyTool } from './types.js';
