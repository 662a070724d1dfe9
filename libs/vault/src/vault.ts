import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import type { Db, TenantTx } from '@conducktor/db';
import { open, seal } from './cipher.js';
import { KeyCache } from './key-cache.js';

/**
 * Envelope encryption: the installation's key (KEK) wraps one key per tenant, a tenant's key wraps
 * one key per person. `aad` names the place a value belongs to (table, column, row id).
 */
export interface Vault {
  /** Under the tenant's key: connection headers and environment. */
  sealForTenant(tenantId: string, aad: string, plaintext: Uint8Array | string): Promise<Buffer>;
  openForTenant(tenantId: string, aad: string, box: Uint8Array): Promise<Buffer>;
  /** Under the person's own key: arguments and results; erasing the key erases them. */
  sealForSubject(
    tenantId: string,
    memberId: string,
    aad: string,
    plaintext: Uint8Array | string,
  ): Promise<Buffer>;
  openForSubject(tenantId: string, memberId: string, aad: string, box: Uint8Array): Promise<Buffer>;
  /** The person's sealing function when the key is at hand already; spares the hot path a promise. */
  subjectSealer(
    tenantId: string,
    memberId: string,
  ): ((aad: string, plaintext: string) => Buffer) | undefined;
  /**
   * How to open what stands under the keys of these people, all looked up at once. Whoever has no key is
   * not in the map, and is not given one. `since`: when the key was made.
   */
  subjectOpeners(
    tenantId: string,
    memberIds: readonly string[],
  ): Promise<Map<string, { since: Date; open: (aad: string, box: Uint8Array) => Buffer }>>;
  /** Directly under the installation's key: signing keys. */
  sealForInstall(aad: string, plaintext: Uint8Array | string): Buffer;
  openForInstall(aad: string, box: Uint8Array): Buffer;
}

export function createVault(deps: { kek: Buffer; db: Db }): Vault {
  const kek = createSecretKey(deps.kek);
  const tenants = new KeyCache();
  const subjects = new KeyCache(50_000);

  const tenantKey = (tenantId: string) =>
    tenants.get(tenantId, () =>
      deps.db.withTenant(tenantId, (tx) =>
        loadOrMake(tx, {
          select: 'select wrapped from tenant_key where tenant_id = $1',
          insert:
            'insert into tenant_key (tenant_id, wrapped) values ($1, $2) on conflict do nothing',
          ids: [tenantId],
          wrap: (key) => seal(kek, `tenant_key/${tenantId}`, key),
          unwrap: (box) => open(kek, `tenant_key/${tenantId}`, box),
        }),
      ),
    );

  const subjectKey = (tenantId: string, memberId: string) =>
    subjects.get(`${tenantId}/${memberId}`, async () => {
      const parent = await tenantKey(tenantId);
      const place = `subject_key/${tenantId}/${memberId}`;
      return deps.db.withTenant(tenantId, (tx) =>
        loadOrMake(tx, {
          select: 'select wrapped from subject_key where tenant_id = $1 and member_id = $2',
          insert:
            'insert into subject_key (tenant_id, member_id, wrapped) values ($1, $2, $3) on conflict do nothing',
          ids: [tenantId, memberId],
          wrap: (key) => seal(parent, place, key),
          unwrap: (box) => open(parent, place, box),
        }),
      );
    });

  return {
    sealForTenant: async (tenantId, aad, plaintext) =>
      seal(await tenantKey(tenantId), aad, plaintext),
    openForTenant: async (tenantId, aad, box) => open(await tenantKey(tenantId), aad, box),
    sealForSubject: async (tenantId, memberId, aad, plaintext) =>
      seal(await subjectKey(tenantId, memberId), aad, plaintext),
    openForSubject: async (tenantId, memberId, aad, box) =>
      open(await subjectKey(tenantId, memberId), aad, box),
    subjectSealer: (tenantId, memberId) => {
      const key = subjects.peek(`${tenantId}/${memberId}`);
      return key && ((aad, plaintext) => seal(key, aad, plaintext));
    },
    subjectOpeners: async (tenantId, memberIds) => {
      const parent = await tenantKey(tenantId);
      const { rows } = await deps.db.withTenant(tenantId, (tx) =>
        tx.query<{ id: string; wrapped: Buffer; since: Date }>(
          `select member_id as id, wrapped, created_at as since from subject_key
            where tenant_id = $1 and member_id = any($2::text[])`,
          [tenantId, memberIds],
        ),
      );
      return new Map(
        rows.map(({ id, wrapped, since }) => {
          const key = createSecretKey(open(parent, `subject_key/${tenantId}/${id}`, wrapped));
          return [id, { since, open: (aad: string, box: Uint8Array) => open(key, aad, box) }];
        }),
      );
    },
    sealForInstall: (aad, plaintext) => seal(kek, aad, plaintext),
    openForInstall: (aad, box) => open(kek, aad, box),
  };
}

interface KeyRow {
  select: string;
  insert: string;
  ids: string[];
  wrap: (key: Buffer) => Buffer;
  unwrap: (box: Buffer) => Buffer;
}

/** Two processes may make the key at once: the first insert wins and both read it back. */
async function loadOrMake(tx: TenantTx, row: KeyRow): Promise<KeyObject> {
  const read = async () =>
    (await tx.query<{ wrapped: Buffer }>(row.select, row.ids)).rows[0]?.wrapped;
  const known = await read();
  if (known) return createSecretKey(row.unwrap(known));
  await tx.query(row.insert, [...row.ids, row.wrap(randomBytes(32))]);
  const made = await read();
  if (!made) throw new Error('A key could not be stored.');
  return createSecretKey(row.unwrap(made));
}
