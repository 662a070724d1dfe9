import { mintApiKey } from '@conducktor/identity';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startGovernedStack, type GovernedStack } from '../../tests/support/governed-stack.js';

let stack: GovernedStack;
beforeAll(async () => {
  stack = await startGovernedStack();
});
afterAll(() => stack?.stop());

it('lets a key in that is newer than the snapshot of its workspace', async () => {
  const { tenantId, member } = stack.people;
  // Ten times: now and then a gateway hears of a change before it is asked.
  for (let i = 0; i < 10; i++) {
    await stack.governed.mcp.authenticate(stack.context());
    const { id, key, secretHash } = mintApiKey();
    await stack.admin.withTenant(tenantId, (tx) =>
      tx.query(
        'insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes) values ($1, $2, $3, $4, $5, $6)',
        [tenantId, id, member.memberId, `key ${i}`, secretHash, ['mcp:read']],
      ),
    );
    expect(await stack.governed.mcp.authenticate(stack.context({ apiKey: key }))).toMatchObject({
      kind: 'caller',
    });
  }
});
