import type { PolicyTest, ToolLabel } from '@conducktor/contracts';
import type { CompiledPolicy } from './compile.js';
import { explain } from './explain.js';
import type { Decision, PolicyCaller, PolicyTool } from './types.js';

export interface PolicyTestResult {
  /** The test's name, or its position ("test 2"). */
  name: string;
  passed: boolean;
  /** What was expected, what came, and which rule decided. */
  sentence: string;
}

/**
 * Runs the document's own test cases. `resolveTool` looks a shown name up in the catalogue; a tool
 * that is not there (yet) is taken to be a write of the connection that its name begins with.
 */
export function runPolicyTests(...asked: Parameters<typeof policyTests>): PolicyTestResult[] {
  return [...policyTests(...asked)];
}

/** The same one by one, for whoever has others wait: a test may take as long as two decisions can. */
export function* policyTests(
  policy: CompiledPolicy,
  tests: readonly PolicyTest[] = policy.document.tests,
  resolveTool: (shownName: string) => PolicyTool | undefined = () => undefined,
  now: Date = new Date(),
): Generator<PolicyTestResult> {
  for (const [index, test] of tests.entries()) {
    const { call } = test;
    const found = resolveTool(call.tool) ?? assumedTool(call.tool);
    const { decision, sentence } = explain(policy, {
      caller: callerOf(call),
      tool: { ...found, class: call.class ?? found.class, labels: call.labels ?? found.labels },
      args: call.args,
      context: {
        now: call.at === undefined ? now : new Date(call.at),
        seen: new Set<ToolLabel>(call.seen),
      },
    });
    const passed = isAsExpected(decision, test);
    yield {
      name: test.name ?? `test ${index + 1}`,
      passed,
      sentence: passed ? sentence : `Expected ${expectationOf(test)}. ${sentence}`,
    };
  }
}

/** `expect: redact`: something is taken out, whether or not the call waits for approval. */
function isAsExpected(
  { effect, ruleId, approvals = [], redactions = [] }: Decision,
  { expect, rule }: PolicyTest,
): boolean {
  if (expect === 'redact' ? redactions.length === 0 : effect !== expect) return false;
  if (rule === undefined) return true;
  if (expect === 'redact') return redactions.some((each) => each.ruleId === rule);
  return ruleId === rule || approvals.some((each) => each.ruleId === rule);
}

const expectationOf = (test: PolicyTest) =>
  `${test.expect}${test.rule === undefined ? '' : ` by the rule "${test.rule}"`} of ${test.call.tool}`;

function callerOf(call: PolicyTest['call']): PolicyCaller {
  return {
    memberId: 'mem_test',
    userId: 'usr_test',
    email: call.user ?? 'someone@example.com',
    groups: call.groups ?? [],
    roles: call.roles ?? ['member'],
    clientId: call.client ?? 'test',
    scopes: ['mcp:read', 'mcp:write'],
  };
}

function assumedTool(name: string): PolicyTool {
  const cut = name.indexOf('_');
  return {
    name,
    upstreamName: cut < 0 ? name : name.slice(cut + 1),
    connection: cut < 0 ? '' : name.slice(0, cut),
    class: 'write',
    labels: [],
  };
}
