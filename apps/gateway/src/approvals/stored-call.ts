import { parseJsonExact } from '@conducktor/catalog';
import { Timeline } from '@conducktor/telemetry';
import type { Vault } from '@conducktor/vault';
import type { ToolCallInput } from '../mcp/ports.js';
import { lookUpSeen } from '../taint/look-up.js';
import type { Taints } from '../taint/taints.js';
import { checkArguments, type SchemaCache } from '../tool-call/check-arguments.js';
import { decideTool } from '../tool-call/decide.js';
import { Refusal } from '../tool-call/refusal.js';
import { resolve } from '../tool-call/resolve.js';
import { refuseFrozen, whyOut } from '../tool-call/right.js';
import type { Caller, DecidedCall } from '../tool-call/types.js';
import { viewFor } from '../tool-call/view-for.js';
import type { Workspace } from '../workspace/types.js';
import { isCredentialGood, type RequestDeps, type StoredCall } from './requests.js';

export interface StoredCallDeps extends RequestDeps {
  vault: Vault;
  schemas: SchemaCache;
  taints: Taints;
}

/**
 * The call of a request as its requester would make it now, by the workspace as it is now: found, checked
 * and decided by the same steps. Throws the refusal that they would get.
 */
export async function callOf(
  deps: StoredCallDeps,
  caller: Caller,
  request: StoredCall,
  signal: AbortSignal,
): Promise<DecidedCall> {
  const name = nameOf(caller, request);
  const target = resolve(caller, name);
  const opened = await deps.vault.openForSubject(
    request.tenantId,
    request.memberId,
    `approval/${request.id}`,
    request.argumentsSealed,
  );
  const input: ToolCallInput = {
    context: caller.context,
    name,
    argumentsValue: parseJsonExact(opened.toString()),
    signal,
  };
  return decideTool(await lookUpSeen(deps, checkArguments(deps, target, input)));
}

/** Who asked, while they are away. Throws the refusal that they would get now. */
export async function requesterOf(
  deps: Pick<RequestDeps, 'db'>,
  workspace: Workspace,
  request: StoredCall,
): Promise<Caller> {
  const [kind, id] = request.credential.split(':', 2) as ['grant' | 'key', string];
  const member = workspace.members.get(request.memberId);
  if (!member) throw new Refusal('unauthenticated', 'The requester is no longer a member.');
  const caller: Caller = {
    workspace,
    member,
    clientId: request.clientId,
    credential: { kind, id },
    scopes: request.scopes,
    actor: member.email,
    context: {
      headers: {},
      sourceIp: request.sourceIp ?? '',
      resourcePath: request.resourcePath,
      // It can be asked nothing, and results are shaped for either era when they are handed over.
      era: 'legacy',
      protocolVersion: '2025-11-25',
      timeline: new Timeline(),
    },
  };
  const why = whyOut(workspace, caller);
  if (why !== undefined || !(await isCredentialGood(deps, request)))
    throw new Refusal(
      'unauthenticated',
      `The access that asked is gone: ${why ?? 'it was revoked or has expired'}.`,
    );
  refuseFrozen(caller, request.tool);
  return caller;
}

/** As its client's path calls the tool now; the name that was asked where it is not there any more. */
function nameOf(caller: Caller, { toolId, tool }: StoredCall): string {
  const { tools, quarantined } = viewFor(caller);
  for (const each of [tools, quarantined])
    for (const [name, { id }] of each) if (id === toolId) return name;
  return tool;
}
