import { ENTRY_NAMES } from '@conducktor/contracts';
import type { PolicyCaller, PolicyTool } from '@conducktor/policy';
import type { PrismaTx } from '@conducktor/db';
import type { Control } from '../../control.js';
import { entryTool, labelsOfTools, readCatalogue } from '../catalogue.js';

/** People and tools of a workspace as they are now, for deciding recorded calls again. */
export interface World {
  /** One object for each person and client, so that policies remember what they worked out for it. */
  caller(memberId: string, clientId: string): PolicyCaller | undefined;
  /** The id of the member with this address, letter case ignored. */
  memberCalled(email: string): string | undefined;
  tool(name: string, connection: string | null): PolicyTool | undefined;
  /** Names of tools, and of what else is asked of their connections, that give private data, or what strangers wrote. */
  tainting: ReadonlyMap<string, ('private' | 'untrusted')[]>;
}

/** Not recorded: every client counts as having what clients are given by default. */
export const ASSUMED_SCOPES: readonly string[] = ['mcp:read', 'mcp:write'];

// A person has a few clients; whoever makes up more does not fill the memory.
const MOST_CALLERS = 50_000;

/** Two queries, however large the workspace; some 200 bytes for each person and tool. */
export async function readWorld(
  { prisma }: Pick<Control, 'prisma'>,
  tenantId: string,
): Promise<World> {
  const { people, tools } = await prisma.withTenant(tenantId, async (tx) => ({
    people: await readPeople(tx, tenantId),
    tools: await readCatalogue(tx, tenantId, { removed: true }),
  }));
  const callers = new Map<string, PolicyCaller>();
  const ofConnections = labelsOfTools(tools.values());
  const entries = [...ofConnections.keys()].flatMap((slug) =>
    ENTRY_NAMES.map((method) => entryTool(`${slug}_${method}`, slug, ofConnections)!),
  );
  const labels = [...tools.values(), ...entries].flatMap(({ name, labels: all }) => {
    const given = all.filter((label) => label === 'private' || label === 'untrusted');
    return given.length > 0 ? [[name, given] as const] : [];
  });
  return {
    caller: (memberId, clientId) => {
      const key = `${memberId} ${clientId}`;
      const known = callers.get(key);
      const person = people.get(memberId);
      if (known || !person) return known;
      if (callers.size >= MOST_CALLERS) callers.clear();
      const caller = { ...person, clientId };
      callers.set(key, caller);
      return caller;
    },
    memberCalled: (email) =>
      [...people.values()].find((person) => person.email.toLowerCase() === email.toLowerCase())
        ?.memberId,
    tool: (name, connection) => {
      const known = tools.get(name) ?? entryTool(name, connection, ofConnections);
      // Kept, so that it is one object the next time. Connections are few, and so are methods.
      if (known && tools.size < MOST_CALLERS) tools.set(name, known);
      return known;
    },
    tainting: new Map(labels),
  };
}

async function readPeople(
  tx: PrismaTx,
  tenantId: string,
): Promise<Map<string, Omit<PolicyCaller, 'clientId'>>> {
  const rows = await tx.member.findMany({
    where: { tenantId },
    select: {
      id: true,
      userId: true,
      email: true,
      roles: true,
      memberships: { select: { group: { select: { name: true } } } },
    },
  });
  return new Map(
    rows.map((row) => [
      row.id,
      {
        memberId: row.id,
        userId: row.userId,
        email: row.email,
        groups: row.memberships.map(({ group }) => group.name).sort(),
        roles: row.roles,
        scopes: ASSUMED_SCOPES,
      },
    ]),
  );
}
