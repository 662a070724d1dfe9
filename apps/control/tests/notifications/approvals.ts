import { newId } from '@conducktor/contracts';
import type { Approvers } from '@conducktor/contracts';
import type { SeededWorkspace } from '@conducktor/testing';
import type { ControlService } from '../harness.js';

/** A request of the workspace's member as a gateway writes it. Returns its id. */
export async function askApproval(
  { admin, control }: Pick<ControlService, 'admin' | 'control'>,
  { tenantId, member }: SeededWorkspace,
  { approvers, args, status }: { approvers: Partial<Approvers>; args?: object; status?: string },
): Promise<string> {
  const id = newId('apr');
  const text = JSON.stringify(args ?? {});
  const { memberId } = member;
  const sealed = await control.vault.sealForSubject(tenantId, memberId, `approval/${id}`, text);
  await admin.withTenant(tenantId, (tx) =>
    tx.query(
      `insert into approval_request (tenant_id, id, member_id, client_id, credential, scopes, tool_id, tool,
         connection_id, connection, connection_revision, definition_hash, tool_class, arguments_hash,
         arguments_sealed, policy_version, demands, on_approval, expires_at, status)
       values ($1, $2, $3, 'client-1', $6, '{mcp:write}', $2, 'crm_create_lead', 'con_1', 'crm', 1, 'd',
         'write', $2, $4, 1, $5, 'run', now() + interval '1 day', $7)`,
      [
        tenantId,
        id,
        memberId,
        sealed,
        JSON.stringify([
          { ruleId: 'r', approvers: { count: 1, ...approvers }, expiresMs: 1, onApproval: 'run' },
        ]),
        `key:${member.keyId}`,
        status ?? 'pending',
      ],
    ),
  );
  return id;
}
