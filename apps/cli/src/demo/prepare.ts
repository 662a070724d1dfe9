import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedError, replaceFile } from '@conducktor/embedded';
import type { Ports, filesOf } from '../stack/layout.js';
import type { DemoAccess } from '../stack/state.js';
import { createDemoPeople, demoStillStands } from './people.js';
import { DEMO_POLICY } from './policy.js';
import { DEMO_PRICES } from './prices.js';
import { createRest, type Rest } from './rest.js';

export interface PrepareDeps {
  adminUrl: string;
  ports: Ports;
  files: ReturnType<typeof filesOf>;
  note: (text: string) => void;
}

interface Connection {
  id: string;
  slug: string;
}

/**
 * Makes the demo workspace at the first start, and at every start sees to it that its three servers
 * are connected. All but its people goes through the REST API, as everybody else's workspace does.
 */
export async function prepareDemo(deps: PrepareDeps): Promise<DemoAccess> {
  const { files, note } = deps;
  note('people');
  let access = readAccess(files.demo);
  if (!access || !(await demoStillStands(deps.adminUrl, access))) {
    access = await createDemoPeople(deps.adminUrl);
    replaceFile(files.demo, `${JSON.stringify(access, null, 2)}\n`);
  }
  // The address that clients know may be a tunnel that is not open yet.
  const rest = createRest(`http://127.0.0.1:${deps.ports.control}`, access.apiKey);
  const existing = new Map(
    (await rest<{ items: Connection[] }>('GET', '/connections?limit=100')).items.map((item) => [
      item.slug,
      item,
    ]),
  );
  const wanted = [
    { slug: 'everything', kind: 'mcp-http', url: `http://127.0.0.1:${deps.ports.everything}/mcp` },
    { slug: 'files', kind: 'mcp-stdio', catalog: 'filesystem' },
    { slug: 'memory', kind: 'mcp-stdio', catalog: 'memory' },
  ];
  note('connecting everything, files and memory');
  await Promise.all(
    wanted.map(async (connection) =>
      connect(
        rest,
        existing.get(connection.slug) ??
          (await rest<Connection>('POST', '/connections', connection)),
      ),
    ),
  );
  await beginOnce(rest);
  return access;
}

async function connect(rest: Rest, connection: Connection): Promise<void> {
  let last = '';
  for (let attempt = 0; attempt < 5; attempt++) {
    const tested = await rest<{ status: string; reason?: string; tools: number }>(
      'POST',
      `/connections/${connection.id}/test`,
      {},
    );
    if (tested.status === 'ACTIVE' && tested.tools > 0) return;
    last = `${tested.status}${tested.reason ? `, ${tested.reason}` : ''}`;
    await sleep(1_000);
  }
  throw new EmbeddedError(`The demo server "${connection.slug}" could not be connected: ${last}.`);
}

/** What people have made of policies and prices is left alone: the demo's come first, and never again. */
async function beginOnce(rest: Rest): Promise<void> {
  const { items } = await rest<{ items: { version: number }[] }>('GET', '/policies');
  if (items.some((policy) => policy.version > 1)) return;
  for (const [tool, cost] of Object.entries(DEMO_PRICES))
    await rest('PUT', `/tools/${tool}/cost`, cost);
  const { version } = await rest<{ version: number }>('POST', '/policies', {
    document: DEMO_POLICY,
  });
  await rest('POST', `/policies/${version}/activate`, {});
}

function readAccess(path: string): DemoAccess | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as DemoAccess;
  } catch {
    return undefined;
  }
}
