import { randomBytes } from 'node:crypto';
import { createDb, type Db } from '@conducktor/db';
import {
  createTestDatabase,
  seedWorkspace,
  type SeededWorkspace,
  type TestDatabase,
} from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVault } from '../vault.js';

let database: TestDatabase;
let admin: Db;
let gateway: Db;
let workspace: SeededWorkspace;
const kek = randomBytes(32);

beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl);
  gateway = createDb(database.urlFor('conducktor_gateway'));
  workspace = await seedWorkspace(admin);
});
afterAll(async () => {
  await gateway.end();
  await admin.end();
  await database.drop();
});

describe('the vault', () => {
  it('opens in one process what another sealed, also when both made the key at once', async () => {
    const { tenantId, owner } = workspace;
    const vaults = Array.from({ length: 8 }, () => createVault({ kek, db: gateway }));
    const boxes = await Promise.all(
      vaults.map((vault, n) =>
        vault.sealForSubject(tenantId, owner.memberId, 'place', `secret ${n}`),
      ),
    );
    const fresh = createVault({ kek, db: gateway });
    for (const [n, box] of boxes.entries()) {
      expect((await fresh.openForSubject(tenantId, owner.memberId, 'place', box)).toString()).toBe(
        `secret ${n}`,
      );
    }
  });

  it('refuses another place, another person, another byte and another installation', async () => {
    const { tenantId, owner, member } = workspace;
    const vault = createVault({ kek, db: gateway });
    const box = await vault.sealForSubject(tenantId, owner.memberId, 'call/1', 'arguments');
    await expect(vault.openForSubject(tenantId, owner.memberId, 'call/2', box)).rejects.toThrow();
    await expect(vault.openForSubject(tenantId, member.memberId, 'call/1', box)).rejects.toThrow();
    const changed = Buffer.from(box);
    changed[changed.length - 1]! ^= 1;
    await expect(
      vault.openForSubject(tenantId, owner.memberId, 'call/1', changed),
    ).rejects.toThrow();
    const stranger = createVault({ kek: randomBytes(32), db: gateway });
    await expect(
      stranger.openForSubject(tenantId, owner.memberId, 'call/1', box),
    ).rejects.toThrow();
  });
});
