// The suite's scenarios of the tasks extension (SEP-2663). A task here is a call that waits for approval, so
// somebody approves all the while, as fast as they can; what takes a minute, the suite means to cancel.
import { mintApiKey } from '@conducktor/identity';
import { startRecordingUpstream, type RecordingUpstream } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, openWorld, type World } from '../e2e/support/world.js';
import { expectationsOf, problemsOf } from './support/expectations.js';
import { startHeaderProxy } from './support/header-proxy.js';
import { taskScenarios } from './support/requirements.js';
import { runScenario } from './support/suite.js';
import { isToBeCancelled, TASK_TOOLS } from './support/task-tools.js';

const SLUG = 'tasks';
const POLICY = {
  version: 1,
  default: 'allow',
  rules: [
    {
      id: 'jobs-need-approval',
      when: { tools: ['*_slow_compute', '*_failing_job', '*_protocol_error_job'] },
      effect: 'require_approval',
      approvers: { roles: ['owner'] },
    },
  ],
};
const EXPECTED = expectationsOf('tasks');

let world: World;
let upstream: RecordingUpstream;
const approving = new AbortController();
let approver: Promise<void>;

beforeAll(async () => {
  world = await openWorld({ policy: POLICY });
  upstream = await startRecordingUpstream({ tools: TASK_TOOLS });
  await connect(world.rest, SLUG, upstream.url);
  approver = approve();
});
afterAll(async () => {
  approving.abort();
  await approver;
  await upstream?.close();
  await world?.close();
});

async function approve(): Promise<void> {
  while (!approving.signal.aborted) {
    const { items } = await world.rest.must<{
      items: { id: string; arguments: { seconds?: number } | null }[];
    }>('GET', '/approvals?status=pending&whose=decide');
    const wanted = items.filter((item) => !isToBeCancelled(item.arguments));
    // One that was cancelled meanwhile says so.
    for (const { id } of wanted)
      await world.rest.request('POST', `/approvals/${id}/approve`, { reason: '' });
    await pause(50);
  }
}

test.each(taskScenarios())('%s', async (scenario) => {
  const proxy = await startHeaderProxy(world.stack.publicUrl, await newKey());
  try {
    const checks = await runScenario(`${proxy.origin}/mcp/${SLUG}`, scenario);
    // The suite gives people ten seconds, which is no matter of the protocol.
    const late = checks?.find(({ errorMessage = '' }) => TOO_LATE.test(errorMessage));
    if (late) throw new Error(`${late.id} timed out in 10000ms`);
    expect(problemsOf(scenario, checks, EXPECTED)).toEqual([]);
  } finally {
    await proxy.close();
  }
});

const TOO_LATE = /did not reach terminal state within/;

/** Of a client that has called nothing yet: the result of an approved call is given to the same call again. */
async function newKey(): Promise<string> {
  const { key, id, secretHash } = mintApiKey();
  const { tenantId, member } = world.workspace;
  await world.admin.pool.query(
    `insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes)
     values ($1, $2, $3, 'for a scenario', $4, '{mcp:read,mcp:write}')`,
    [tenantId, id, member.memberId, secretHash],
  );
  return key;
}

test('every expected failure names a scenario', () => {
  const known = taskScenarios();
  expect(EXPECTED.filter(({ fails }) => !known.includes(fails.split(':')[0]!))).toEqual([]);
});
