import { waitingMail, type Db } from '@conducktor/db';
import { CounterFamily, dependencyMetrics, gauge, type Registry } from '@conducktor/runtime';
import type { ObservedResponse } from '@conducktor/telemetry';

const TOKEN_ROUTES: ReadonlySet<string> = new Set([
  '/oauth2/token',
  '/auth/token',
  '/api/mcp/auth/token',
]);

/** What this service counts of sign-ins and tokens, and how it stands. Returns who hears of each answer. */
export function authMetrics(registry: Registry, db: Db): (response: ObservedResponse) => void {
  const signIns = new CounterFamily({
    registry,
    name: 'conducktor_sign_ins_total',
    help: 'Posted sign-in forms by their answer: ok (or a next step), refused, limited, failed',
    labels: ['result'],
  });
  const tokens = new CounterFamily({
    registry,
    name: 'conducktor_token_requests_total',
    help: 'Requests to the token endpoint by their answer: ok, refused, limited, failed',
    labels: ['result'],
  });
  for (const result of ['ok', 'refused', 'limited', 'failed']) {
    signIns.of(result);
    tokens.of(result);
  }
  gauge({
    registry,
    name: 'conducktor_mail_outbox_letters',
    help: 'Letters that wait to be sent',
    read: async () => (await waitingMail(db)).letters,
  });
  gauge({
    registry,
    name: 'conducktor_mail_outbox_oldest_seconds',
    help: 'How long the oldest letter has waited to be sent; 0 when none waits',
    read: async () => (await waitingMail(db)).oldestSeconds,
  });
  dependencyMetrics(registry, { postgres: () => db.pool.query('select 1') });

  return ({ method, route, status }) => {
    if (method !== 'POST') return;
    if (route === '/login') signIns.of(resultOf(status)).inc();
    else if (TOKEN_ROUTES.has(route)) tokens.of(resultOf(status)).inc();
  };
}

function resultOf(status: number): string {
  if (status < 400) return 'ok';
  if (status === 429) return 'limited';
  return status < 500 ? 'refused' : 'failed';
}
