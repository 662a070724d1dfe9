import type { AlertView } from '@conducktor/contracts';
import { membersInRoles, type Db, type TenantTx } from '@conducktor/db';
import { alertLetter, named, type Mail } from '@conducktor/mail';
import { alertLink } from '@conducktor/notifications';
import { alertWords } from '../alerts/alert-words.js';
import { allowedAddresses } from './allowed-addresses.js';

/** Letters of one alert. */
const MOST_LETTERS = 50;

// Who can do something about it.
const MONEY = {
  roles: ['owner', 'admin', 'billing'],
  said: 'an owner, an admin or in the role billing',
};
const CONNECTIONS = { roles: ['owner', 'admin'], said: 'an owner or an admin' };

/** Alerts of money go to owners, admins and billing, those of connections to owners and admins. */
export async function lettersOfAlert(
  { db, publicUrl }: { db: Db; publicUrl: string },
  tx: TenantTx,
  alert: AlertView,
): Promise<Mail[]> {
  const { roles, said } = alert.kind.startsWith('connection.') ? CONNECTIONS : MONEY;
  const { rows } = await tx.query<{ name: string }>('select name from tenant where id = $1', [
    tx.tenantId,
  ]);
  const about = {
    ...alertWords(alert, named),
    publicUrl,
    workspace: rows[0]!.name,
    roles: said,
    url: alertLink(publicUrl, alert.id),
  };
  const members = await membersInRoles(tx, roles, MOST_LETTERS);
  return (await allowedAddresses(db, tx, 'alert', members)).map((to) =>
    alertLetter({ ...about, to }),
  );
}
