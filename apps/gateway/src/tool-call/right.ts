import type { Workspace } from '../workspace/types.js';
import { Refusal } from './refusal.js';
import type { Caller } from './types.js';

/** What of a caller a snapshot is asked about. */
export type RightHolder = Pick<Caller, 'clientId' | 'credential'> & {
  member: { id: string; userId: string };
};

/** Why this caller is not to come in any more, after "Sign in again: "; `undefined`: they may. */
export function whyOut(workspace: Workspace, holder: RightHolder): string | undefined {
  const { member, credential } = holder;
  const isKey = credential.kind === 'key';
  if (isKey && !workspace.apiKeys.has(credential.id)) return 'this API key was revoked';
  if (workspace.members.get(member.id)?.userId !== member.userId)
    return isKey
      ? 'the owner of this API key is no longer a member of this workspace'
      : 'you are no longer a member of this workspace';
  if (!isKey && workspace.revokedGrants.has(credential.id)) return 'this access was revoked';
  return undefined;
}

/** What is stopped for now of all that this caller does, and why, as a sentence without its end. */
export function whyFrozen(
  { frozen }: Workspace,
  { member, clientId, credential }: RightHolder,
): string | undefined {
  if (!frozen) return undefined;
  if (frozen.workspace !== undefined) return `this workspace is frozen: ${frozen.workspace}`;
  const ofMember = frozen.members.get(member.id);
  if (ofMember !== undefined) return `your access to this workspace is frozen: ${ofMember}`;
  const ofClient = frozen.clients.get(clientId) ?? frozen.clients.get(credential.id);
  if (ofClient === undefined) return undefined;
  return `this ${credential.kind === 'key' ? 'API key' : 'app'} is frozen: ${ofClient}`;
}

/** The refusal of whatever a frozen caller asks. Nobody is sent to sign in: that would not help. */
export function refuseFrozen(caller: Caller, toolName: string): void {
  const why = whyFrozen(caller.workspace, caller);
  if (why === undefined) return;
  throw new Refusal('frozen', `Permission denied: ${why}`, { caller, toolName });
}

/** Why nothing may be asked of this connection for now. */
export function connectionFrozen(connection: { slug: string; frozen?: string | undefined }) {
  return connection.frozen === undefined
    ? undefined
    : `the connection ${connection.slug} is frozen: ${connection.frozen}`;
}
