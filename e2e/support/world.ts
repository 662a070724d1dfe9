import { createDb, type Db } from '@conducktor/db';
import {
  seedWorkspace,
  startRecordingUpstream,
  type RecordingUpstream,
  type SeededWorkspace,
} from '@conducktor/testing';
import { inject } from 'vitest';
import { Rest } from './rest.js';
import type { Stack } from './stack.js';

/** A workspace of one's own in the running stack, connected to an upstream that records. */
export interface World {
  stack: Stack;
  mcp: string;
  admin: Db;
  workspace: SeededWorkspace;
  upstream: RecordingUpstream;
  /** As the workspace's owner. */
  rest: Rest;
  connectionId: string;
  close(): Promise<void>;
}

/** Every class is allowed, so that a test meets only the refusal it asks for. */
export const ALLOW_ALL = { version: 1, default: 'allow', rules: [] };

export async function openWorld(
  options: {
    slug?: string;
    limitProfile?: 'standard' | 'burst' | 'host';
    timeoutMs?: number;
    policy?: object;
  } = {},
): Promise<World> {
  const stack = inject('stack');
  const admin = createDb(stack.adminUrl, { max: 2 });
  const upstream = await startRecordingUpstream();
  const workspace = await seedWorkspace(admin, { limitProfile: options.limitProfile ?? 'host' });
  const rest = new Rest(stack.publicUrl, workspace.owner.apiKey);
  const connectionId = await connect(rest, options.slug ?? 'rec', upstream.url, options.timeoutMs);
  await activatePolicy(rest, options.policy ?? ALLOW_ALL);
  return {
    stack,
    mcp: `${stack.publicUrl}/mcp`,
    admin,
    workspace,
    upstream,
    rest,
    connectionId,
    close: async () => {
      await admin.end();
      await upstream.close();
    },
  };
}

/** Connects and lists the tools of an MCP server over HTTP; returns the connection's id. */
export async function connect(
  rest: Rest,
  slug: string,
  url: string,
  timeoutMs?: number,
): Promise<string> {
  const { id } = await rest.must<{ id: string }>('POST', '/connections', {
    slug,
    kind: 'mcp-http',
    url,
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  const tested = await rest.must('POST', `/connections/${id}/test`, {});
  if (tested.status !== 'ACTIVE') throw new Error(`${slug} is ${JSON.stringify(tested)}`);
  return id;
}

export async function activatePolicy(rest: Rest, document: object): Promise<number> {
  const { version } = await rest.must<{ version: number }>('POST', '/policies', { document });
  await rest.must('POST', `/policies/${version}/activate`, {});
  return version;
}

/** Polls until `check` returns something; throws with `what` after `timeoutMs`. */
export async function eventually<Result>(
  what: string,
  check: () => Promise<Result | undefined | false>,
  timeoutMs = 30_000,
): Promise<Result> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > until) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
