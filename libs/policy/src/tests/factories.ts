import type { PolicyCaller, PolicyInput, PolicyTool } from '../types.js';

export function aCaller(overrides: Partial<PolicyCaller> = {}): PolicyCaller {
  return {
    memberId: 'mem_1',
    userId: 'usr_1',
    email: 'ada@example.com',
    groups: [],
    roles: ['member'],
    clientId: 'client-1',
    scopes: ['mcp:read', 'mcp:write'],
    ...overrides,
  };
}

export function aTool(overrides: Partial<PolicyTool> = {}): PolicyTool {
  return {
    name: 'linear-prod_update_issue',
    upstreamName: 'update_issue',
    connection: 'linear-prod',
    class: 'write',
    labels: [],
    ...overrides,
  };
}

export function aCall(overrides: Partial<PolicyInput> = {}): PolicyInput {
  return {
    caller: aCaller(),
    tool: aTool(),
    args: {},
    context: { now: new Date('2026-11-23T10:30:00Z') },
    ...overrides,
  };
}
