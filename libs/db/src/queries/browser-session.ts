import type { Db } from '../db.js';

/** The person whose browser sent a session. */
export interface BrowserPerson {
  userId: string;
  email: string;
  displayName: string;
  /** When the session ends by itself. */
  expiresAt: Date;
}

/** Who is signed in with the session whose hashed id this is; undefined when it is over. */
export async function findBrowserSession(
  db: Db,
  hashedId: string,
): Promise<BrowserPerson | undefined> {
  const { rows } = await db.pool.query<BrowserPerson>(
    `select user_id as "userId", email, display_name as "displayName", expires_at as "expiresAt"
       from browser_session($1)`,
    [hashedId],
  );
  return rows[0];
}

/** Notes that a key was used for the REST API, `requests` times since the last note. */
export async function touchApiKey(
  db: Db,
  use: { tenantId: string; keyId: string; memberId: string; ip: string; requests: number },
): Promise<void> {
  await db.pool.query('select touch_api_key($1, $2, $3, $4, $5)', [
    use.tenantId,
    use.keyId,
    use.memberId,
    use.ip,
    use.requests,
  ]);
}
