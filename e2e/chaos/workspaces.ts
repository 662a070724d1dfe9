import { randomBytes } from 'node:crypto';
import { seedWorkspace } from '@conducktor/testing';
import { makeBudgets } from './budgets.ts';
import type { Installation } from './installation.ts';
import { PRICES, SLUG } from './prices.ts';

/** A workspace with one connection to the upstream, prices on its tools, caps, and everything allowed. */
export interface Workspace {
  tenantId: string;
  apiKey: string;
  ownerKey: string;
  /** In every note of this workspace and of no other. */
  canary: string;
}

const TIMEOUT_MS = 2_000;

const ALLOW_ALL = { version: 1, default: 'allow', rules: [] };

export async function makeWorkspaces(
  of: Installation,
  count: number,
  { timeoutMs = TIMEOUT_MS, policy = ALLOW_ALL as object } = {},
): Promise<Workspace[]> {
  const made: Workspace[] = [];
  for (let n = 0; n < count; n++) {
    const { tenantId, owner, member } = await seedWorkspace(of.admin);
    const rest = async (path: string, body: object) => {
      const response = await fetch(`${of.gateways[0]}/api/v1${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${owner.apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${text}`);
      return JSON.parse(text) as Record<string, unknown>;
    };
    const url = of.upstreamUrl;
    const connection = { slug: SLUG, kind: 'mcp-http', url, timeoutMs };
    const { id } = await rest('/connections', connection);
    const tested = await rest(`/connections/${String(id)}/test`, {});
    if (tested['status'] !== 'ACTIVE') throw new Error(`The upstream is ${JSON.stringify(tested)}`);
    const { version } = await rest('/policies', { document: policy });
    await rest(`/policies/${String(version)}/activate`, {});
    await of.admin.withTenant(tenantId, async (tx) => {
      for (const [name, micros] of Object.entries(PRICES))
        await tx.query('update tool set cost = $1 where shown_name = $2', [
          JSON.stringify({ kind: 'flat', micros }),
          name,
        ]);
    });
    await makeBudgets(of.admin, tenantId, member.memberId);
    const { apiKey } = member;
    made.push({ tenantId, apiKey, ownerKey: owner.apiKey, canary: randomBytes(6).toString('hex') });
  }
  return made;
}
