import type { Db, TenantTx } from '../db.js';

export interface UserAccount {
  id: string;
  email: string;
  displayName: string;
  /** Undefined for someone who was invited and has not chosen a password. */
  passwordHash: string | undefined;
}

const COLUMNS = `id, email, display_name as "displayName", password_hash as "passwordHash"`;

type Row = Omit<UserAccount, 'passwordHash'> & { passwordHash: string | null };
const toAccount = (row: Row | undefined): UserAccount | undefined =>
  row && { ...row, passwordHash: row.passwordHash ?? undefined };

/** The enabled account of this address, compared without case. */
export async function findUserByEmail(db: Db, email: string): Promise<UserAccount | undefined> {
  const { rows } = await db.pool.query<Row>(
    `select ${COLUMNS} from user_account where lower(email) = lower($1) and disabled_at is null`,
    [email],
  );
  return toAccount(rows[0]);
}

/** The enabled account of this id. */
export async function findUser(db: Db, id: string): Promise<UserAccount | undefined> {
  const { rows } = await db.pool.query<Row>(
    `select ${COLUMNS} from user_account where id = $1 and disabled_at is null`,
    [id],
  );
  return toAccount(rows[0]);
}

/** False when the address has an account already; then nothing is written. */
export async function insertUser(tx: TenantTx, user: UserAccount): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into user_account (id, email, display_name, password_hash) values ($1, $2, $3, $4)
     on conflict ((lower(email))) do nothing`,
    [user.id, user.email, user.displayName, user.passwordHash ?? null],
  );
  return rowCount === 1;
}

/** Gives an account its first password and its name. False when it has a password or is disabled. */
export async function claimUser(
  tx: TenantTx,
  id: string,
  chosen: { displayName: string; passwordHash: string },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update user_account set display_name = $2, password_hash = $3
      where id = $1 and password_hash is null and disabled_at is null`,
    [id, chosen.displayName, chosen.passwordHash],
  );
  return rowCount === 1;
}

/** Stores a password hash made with newer parameters. */
export async function updatePasswordHash(db: Db, id: string, passwordHash: string): Promise<void> {
  await db.pool.query('update user_account set password_hash = $2 where id = $1', [
    id,
    passwordHash,
  ]);
}
