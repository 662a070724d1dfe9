import type { InventoryEntry } from '../../src/inventory.js';
import { ROLES, rightsOf } from './matrix.js';

const HEAD = `# Who may do what

You want to give somebody the rights they need and no more. A member of a workspace has one or more roles; several roles add up.

| role | is for | has |
|---|---|---|
| owner | who answers for the workspace | everything. Alone: making owners and acting for them, permissions, initial access tokens, how long records are kept, currency and zone. At least one always remains |
| admin | who runs it | connections, tools, policies, members, groups, keys and apps of others, limits, settings, the emergency stop |
| approver | who judges calls | reads what a call is judged by: connections, tools, toolsets, policies, members and groups. Whom a call waits for, a [rule](approvals.md) names: by this role, another one, a group or an address |
| auditor | who looks into what happened | reads all that approvers read, audit events, live activity, usage and budgets |
| billing | who looks after money | reads tools and everybody's usage, sets prices and budgets, reconciles calls whose outcome nobody knows |
| member | who uses the connections | their own: apps, keys, sessions, usage, budgets, leaving |

What a person may *call* is no matter of roles alone: the [policy](policies.md) decides, and its rules can name roles and groups.

## Beyond roles

- The permission \`audit:payloads\` lets an owner, admin or auditor read the arguments of recorded calls. Only owners give it (\`PATCH /api/v1/members/{id}\` with \`{"permissions":["audit:payloads"]}\`), and each reading is itself recorded.
- An admin never touches what is an owner's: roles, keys, apps, freezing, limits. Nor does an admin make keys for somebody who has permissions of their own.
- An API key needs the scope \`admin\` for this API, and is never wider than its person. A browser session is its person; it carries a token against forged requests.
- Who is frozen is refused with \`frozen\`, who is disabled or removed with \`unauthenticated\` (in a browser: the workspace is not there any more). To the members of another workspace nothing here exists.
- A frozen workspace is still managed over REST, so that somebody can look into it and lift the freeze; calls through it stop.

## Every operation

● yes · ◐ their own, and of approvals what they may decide · ◇ with the permission \`audit:payloads\` · blank: no

`;

const SIGNS = { yes: '●', own: '◐', perm: '◇', '-': '' } as const;

const TAIL = `
Everything else is open to anybody: the pages \`/\`, \`/status\`, \`/docs/api\` and \`/docs/errors\`, the description of the API, the schema of policies \`/schema/policy.json\`, and the probes.

Check: \`curl -H "Authorization: Bearer ck_…" <PUBLIC_URL>/api/v1/me\` says which roles and permissions a key speaks with.
`;

/** docs/guides/roles.md, out of the routes and the matrix that the test holds them to. */
export function rolesGuide(routes: readonly InventoryEntry[]): string {
  const rows = routes.map(({ method, path, summary }) => {
    const rights = rightsOf(`${method} ${path}`);
    const cells = ROLES.map((role) => SIGNS[rights[role]]);
    const shown = path.replace(/:(\w+)/g, '{$1}');
    return `| \`${method} ${shown}\` | ${summary.replaceAll('|', '\\|')} | ${cells.join(' | ')} |`;
  });
  return `${HEAD}| operation | does | ${ROLES.join(' | ')} |
|---|---|${ROLES.map(() => ':-:').join('|')}|
${rows.join('\n')}
${TAIL}`;
}
