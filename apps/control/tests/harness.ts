import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RefreshRequest, RefreshResult } from '@conducktor/contracts';
import { createDb, type Db } from '@conducktor/db';
import { hashedId, sessionCsrf, signCookie } from '@conducktor/identity';
import { createLogger, deriveKey, RpcServer } from '@conducktor/runtime';
import { createTestDatabase, seedWorkspace, type SeededWorkspace } from '@conducktor/testing';
import { freePort } from '@conducktor/embedded';
import { openControl, type Control, type ControlSettings } from '../src/control.js';
import { createApp } from '../src/create-app.js';

// oxlint-disable-next-line typescript/no-explicit-any -- a test reads of an answer what it expects there
export type Loose = any;

export interface Answer<Body = Record<string, Loose>> {
  status: number;
  headers: Headers;
  body: Body;
  text: string;
}

/** What a page of ours would send. */
export interface Browser {
  cookie: string;
  csrf: string;
}

/** The control service on a port, over a real Postgres, with a worker that answers as told. */
export interface ControlService {
  origin: string;
  control: Control;
  admin: Db;
  databaseUrlFor(
    role: 'conducktor_app' | 'conducktor_audit' | 'conducktor_billing' | 'conducktor_gateway',
  ): string;
  secretKey: string;
  /** What the worker answers next. */
  worker: { answer: (request: RefreshRequest) => Promise<RefreshResult> | RefreshResult };
  seed(): Promise<SeededWorkspace>;
  call<Body = Record<string, Loose>>(
    key: string | undefined,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Answer<Body>>;
  /** A browser in which this person is signed in, as sign-in leaves it. */
  browser(userId: string): Promise<Browser>;
  /** The records of changes of a workspace that are not sealed yet, oldest first. */
  changes(tenantId: string): Promise<Record<string, Loose>[]>;
  stop(): Promise<void>;
}

export async function startControl(
  settings: Partial<ControlSettings> = {},
): Promise<ControlService> {
  const database = await createTestDatabase();
  const admin = createDb(database.adminUrl, { max: 3 });
  const secretKey = randomBytes(32).toString('base64url');
  const [port, rpcPort] = [await freePort(), await freePort()];
  const worker: ControlService['worker'] = {
    answer: () => ({ status: 'ERROR', reason: 'Not scripted.', tools: [], ms: 1 }),
  };
  const rpc = await RpcServer.listen({
    listen: { host: '127.0.0.1', port: rpcPort },
    key: deriveKey(secretKey, 'rpc'),
    handlers: {
      call: async () => ({ outcome: 'unavailable', durationMs: 0 }),
      refresh: async (request) => worker.answer(request),
      resume: async () => ({ outcome: 'unknown', durationMs: 0 }),
      watch: async () => ({ ok: false, message: 'Not scripted.' }),
      committed: () => {},
    },
  });
  const origin = `http://127.0.0.1:${port}`;
  let networks = 0;
  const control = openControl(
    {
      PUBLIC_URL: origin,
      SECRET_KEY: secretKey,
      DATABASE_URL: database.urlFor('conducktor_app'),
      WORKERS: [`127.0.0.1:${rpcPort}`],
      ...settings,
    },
    createLogger('control', 'silent'),
  );
  const app = await createApp(control);
  await app.listen(port, '127.0.0.1');
  while (control.workers.count().ready === 0) await sleep(10);

  return {
    origin,
    control,
    admin,
    databaseUrlFor: (role) => database.urlFor(role),
    secretKey,
    worker,
    seed: () => seedWorkspace(admin),
    call: async (key, method, path, body) => {
      const response = await fetch(`${origin}${path}`, {
        method,
        headers: {
          // Every call from a network of its own, so that refusals are not counted together.
          'x-forwarded-for': `2001:db8:${(++networks).toString(16)}::1`,
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      let parsed: Loose = text;
      try {
        parsed = JSON.parse(text);
      } catch {
        // Pages and empty answers are compared as text.
      }
      return { status: response.status, headers: response.headers, body: parsed, text };
    },
    browser: async (userId) => {
      const id = randomBytes(32).toString('base64url');
      await admin.pool.query(
        `insert into oidc_payload (kind, id, payload, expires_at)
         values ('Session', $1, $2, now() + interval '1 hour')`,
        [hashedId(id), { accountId: userId }],
      );
      const { key } = control.sessionCookie;
      const name = await control.sessionCookie.name();
      return {
        cookie: `${name}=${id}; ${name}.sig=${signCookie(key, name, id)}`,
        csrf: sessionCsrf(key, hashedId(id)),
      };
    },
    changes: (tenantId) =>
      admin.withTenant(tenantId, async (tx) => {
        const { rows } = await tx.query<{ record: Record<string, Loose> }>(
          'select record from audit_outbox where tenant_id = $1 order by id',
          [tenantId],
        );
        return rows.map(({ record }) => record);
      }),
    stop: async () => {
      await app.close();
      await (control as Control & { close(): Promise<void> }).close();
      await rpc.close();
      await admin.end();
      await database.drop();
    },
  };
}

/** A tool definition as a service lists it. */
export function listed(name: string, rest: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name,
    description: `Does ${name}.`,
    inputSchema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
    ...rest,
  };
}
