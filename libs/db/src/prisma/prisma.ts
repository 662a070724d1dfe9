import { PrismaPg } from '@prisma/adapter-pg';
import { Prisma, PrismaClient } from '../generated/client.js';

export type { Prisma };
/** SQL's null, where a column of JSON is written by Prisma. */
export const { DbNull } = Prisma;
export type PrismaTx = Prisma.TransactionClient;

/** The control plane's typed access. Every use of a tenant's rows goes through `withTenant`. */
export interface PrismaDb {
  withTenant<Result>(tenantId: string, work: (tx: PrismaTx) => Promise<Result>): Promise<Result>;
  end(): Promise<void>;
}

/** A Prisma client on its own pool of `max` connections (default 5), as one service role. */
export function createPrismaDb(
  url: string,
  options: { max?: number; name?: string } = {},
): PrismaDb {
  const client = new PrismaClient({
    adapter: new PrismaPg({
      connectionString: url,
      max: options.max ?? 5,
      application_name: options.name ?? 'conducktor',
      statement_timeout: 15_000,
    }),
  });
  return {
    // An interactive transaction: Prisma's per-query extension escapes it, its batch form can hang.
    withTenant: (tenantId, work) =>
      client.$transaction(
        async (tx) => {
          await tx.$executeRaw`select set_config('conducktor.tenant', ${tenantId}, true)`;
          return work(tx);
        },
        { maxWait: 5_000, timeout: 15_000 },
      ),
    end: () => client.$disconnect(),
  };
}
