import {
  countApiKeys,
  insertApiKey,
  lockMember,
  recordControlEvent,
  type Db,
  type UserAccount,
} from '@conducktor/db';
import { mintApiKey } from '@conducktor/identity';
import { z } from 'zod';
import { plainName } from './plain-name.js';

/** Keys of one member that are not revoked. */
export const KEYS_MAX = 20;
export const KEY_SCOPES = ['mcp:read', 'mcp:write', 'admin'] as const;
const KEY_MAKERS = ['owner', 'admin'];

/** Whether a member with these roles is offered keys on the signed-in page. */
export const makesKeys = (roles: readonly string[]) =>
  roles.some((role) => KEY_MAKERS.includes(role));

const form = z.object({
  name: z
    .string()
    .default('')
    .transform(plainName)
    .refine((name) => name.length > 0, 'Enter a name for the key.'),
  scopes: z.array(z.enum(KEY_SCOPES)).min(1, 'Choose what the key may do.'),
});

/** The form, tidied, or the first thing that is wrong with it as a sentence. */
export function readKeyForm(
  fields: Record<string, string>,
): { form: z.output<typeof form> } | { problem: string } {
  // A checkbox each, because no field may be sent twice.
  const scopes = KEY_SCOPES.filter((scope) => fields[`scope-${scope}`] === 'yes');
  const parsed = form.safeParse({ name: fields['name'], scopes });
  return parsed.success
    ? { form: parsed.data }
    : { problem: parsed.error.issues[0]?.message ?? 'Check the form.' };
}

export type OwnApiKey =
  | { outcome: 'made'; key: string }
  | { outcome: 'not-allowed' }
  | { outcome: 'too-many' };

/** Makes a key for the person's own membership; only its hash is stored. */
export async function makeOwnApiKey(
  { db }: { db: Db },
  user: UserAccount,
  member: { tenantId: string; memberId: string },
  wanted: z.output<typeof form>,
): Promise<OwnApiKey> {
  const { tenantId, memberId } = member;
  const { id, key, secretHash } = mintApiKey();
  return db.withTenant(tenantId, async (tx) => {
    const roles = await lockMember(tx, memberId);
    if (!roles || !makesKeys(roles)) return { outcome: 'not-allowed' };
    if ((await countApiKeys(tx, memberId)) >= KEYS_MAX) return { outcome: 'too-many' };
    await insertApiKey(tx, { id, memberId, secretHash, ...wanted });
    await recordControlEvent(tx, {
      action: 'api-key.create',
      memberId,
      actor: user.email,
      keyId: id,
      subject: memberId,
      ...wanted,
      expiresAt: null,
    });
    return { outcome: 'made', key };
  });
}
