import { ConducktorError } from '@conducktor/contracts';
import { Timeline } from '@conducktor/telemetry';
import { expect, test } from 'vitest';
import type { McpRequestContext } from '../../mcp/ports.js';
import { refuse, type RefuseDeps } from '../refuse.js';

const deps = { publicUrl: 'https://here', metrics: { ended: () => {} } } as unknown as RefuseDeps;
const refused = (error: ConducktorError) =>
  refuse(deps, error, {
    era: 'modern',
    resourcePath: '/mcp',
    timeline: new Timeline(),
  } as McpRequestContext);

test('a call that cannot be made now says why, where it is not that the database is away', async () => {
  const why = 'Too many API keys are being checked right now. Try again in a moment.';
  expect(await refused(new ConducktorError('governance_unavailable', why))).toMatchObject({
    status: 503,
    error: { message: why },
  });
});

test('a call that cannot be made because the database is away says just that', async () => {
  const cause = new Error('Connection terminated unexpectedly');
  const error = new ConducktorError('governance_unavailable', 'It cannot be looked up.', { cause });
  expect(await refused(error)).toMatchObject({
    status: 503,
    error: { message: 'This call was not made, because it cannot be recorded right now.' },
  });
});
