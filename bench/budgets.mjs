// Prices and caps for the measured workspaces: every call is priced from its arguments and reserved at three
// budgets, none of which runs out.

/** What `--budgets` measures; `people`: how many of a workspace call. */
export const BUDGETS = {
  // Every call of the run at the same three rows.
  'one-row': { workspaces: 1, people: 1 },
  'many-rows': { workspaces: 20, people: 3 },
};

const PRICE = { kind: 'cel', micros: 'args.amount * 2 + size(args.message)', maxMicros: 20_000 };
const CAP = 1_000_000_000_000;

/** Prices the measured tool of each workspace, and caps the workspace, each of its people and the tool. */
export async function setPricesAndBudgets(admin, workspaces, { people }) {
  for (const { tenantId, owner, member, contractor } of workspaces)
    await admin.withTenant(tenantId, async (tx) => {
      const { rows } = await tx.query(
        "update tool set cost = $2 where tenant_id = $1 and shown_name = 'bench_echo' returning id",
        [tenantId, JSON.stringify(PRICE)],
      );
      const budget = (kind, scope, period) =>
        tx.query(
          `insert into budget (tenant_id, id, scope_kind, scope_id, period, limit_micros)
           values ($1, 'bud_' || gen_random_uuid(), $2, $3, $4, $5)`,
          [tenantId, kind, scope, period, CAP],
        );
      await budget('tenant', null, 'month');
      for (const { memberId } of [owner, member, contractor].slice(0, people))
        await budget('user', memberId, 'rolling-30d');
      await budget('tool', rows[0].id, 'day');
    });
}

/** Throws unless calls were charged at every account that there should be: else free calls were measured. */
export async function requireCharged(asAdmin, { workspaces, people }) {
  const { rows } = await asAdmin(
    'select count(*) filter (where spent_micros > 0)::int as charged, sum(spent_micros)::float8 as micros from budget_account',
  );
  const [{ charged, micros }] = rows;
  const expected = workspaces * (people + 2);
  if (charged < expected)
    throw new Error(`${charged} of ${expected} accounts were charged: the calls were not priced.`);
  return { accounts: charged, micros };
}
