import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDb, type Db } from '../db.js';
import { createPrismaDb } from '../prisma/prisma.js';

const SCHEMA = join(import.meta.dirname, '../../../../prisma/schema');
const TYPES: Record<string, string> = {
  String: 'text',
  Int: 'int4',
  BigInt: 'int8',
  Boolean: 'bool',
  DateTime: 'timestamptz',
  Json: 'jsonb',
  Bytes: 'bytea',
  Float: 'float8',
};

let database: TestDatabase;
let admin: Db;
beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl);
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

/** `table.column type null?` of every field that is a column. */
function prismaColumns(): Map<string, string[]> {
  const text = readdirSync(SCHEMA)
    .map((name) => readFileSync(join(SCHEMA, name), 'utf8'))
    .join('\n');
  const models = [...text.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)];
  const names = new Set(models.map((model) => model[1]));
  return new Map(
    models.map(([, name, body]) => {
      const table = /@@map\("(\w+)"\)/.exec(body!)?.[1] ?? name!;
      const columns = [...body!.matchAll(/^ {2}(\w+) +(\w+)(\[\])?(\?)?(.*)$/gm)]
        .filter(([, , type]) => !names.has(type!))
        .map(([, field, type, list, optional, rest]) => {
          const column = /@map\("(\w+)"\)/.exec(rest!)?.[1] ?? field!;
          return `${column} ${list ? '_' : ''}${TYPES[type!]}${optional ? ' null' : ''}`;
        });
      return [table, columns.sort()];
    }),
  );
}

describe('the Prisma schema', () => {
  it('says of every table what the catalogue says', async () => {
    for (const [table, columns] of prismaColumns()) {
      const { rows } = await admin.pool.query(
        `select a.attname || ' ' || t.typname || case when a.attnotnull then '' else ' null' end as column
           from pg_attribute a join pg_type t on t.oid = a.atttypid
          where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped order by 1`,
        [table],
      );
      expect({ table, columns: rows.map((row) => row.column).sort() }).toEqual({ table, columns });
    }
  });

  it('reads one tenant’s rows inside withTenant, and none of another', async () => {
    const [one, other] = [await seedWorkspace(admin), await seedWorkspace(admin)];
    const prisma = createPrismaDb(database.urlFor('conducktor_app'));
    try {
      const members = await prisma.withTenant(one.tenantId, (tx) => tx.member.findMany());
      expect(new Set(members.map((member) => member.tenantId))).toEqual(new Set([one.tenantId]));
      const foreign = await prisma.withTenant(one.tenantId, (tx) =>
        tx.member.findFirst({ where: { tenantId: other.tenantId } }),
      );
      expect(foreign).toBeNull();
    } finally {
      await prisma.end();
    }
  });
});
