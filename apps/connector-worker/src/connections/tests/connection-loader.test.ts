import type { Db } from '@conducktor/db';
import type { Vault } from '@conducktor/vault';
import { expect, it } from 'vitest';
import { ConnectionLoader } from '../connection-loader.js';

it('a call decided on a newer revision is not sent where a read that began before it points', async () => {
  let revision = 1;
  const row = () => ({
    id: 'con_1',
    slug: 'a',
    kind: 'mcp-http',
    url: `http://localhost/${revision}`,
    args: [],
    timeoutMs: 1_000,
    revision,
    headerSchemas: [],
    status: 'PENDING',
    server: null,
  });
  const db = {
    withTenant: async () => {
      const seen = row();
      await new Promise((resolve) => setTimeout(resolve, 20));
      return seen;
    },
  } as unknown as Db;
  const loader = new ConnectionLoader({ db, vault: {} as Vault });
  const first = loader.load('ten_1', 'con_1', 1);
  revision = 2;
  expect((await loader.load('ten_1', 'con_1', 2)).url).toBe('http://localhost/2');
  expect((await first).revision).toBe(1);
});
