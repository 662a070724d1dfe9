import { CREATE_CONNECTION, NewConnection } from '@conducktor/contracts';
import { createConnection as create } from '../connections/create-connection.js';
import { writers } from '../http/guards.js';
import { invalidRequest } from '../http/problem.js';
import { handler } from './handler.js';

/** As REST, without any secret: those are entered by a person, on a page. */
export const createConnection = handler(
  CREATE_CONNECTION,
  writers,
  async ({ control, caller }, input) => {
    const wanted = NewConnection.safeParse(input);
    if (!wanted.success) throw invalidRequest(wanted.error, 'arguments');
    const created = await create(control, caller, wanted.data);
    const secretUrl = `${control.publicUrl}/connections/${created.id}/secret`;
    return {
      ...created,
      secretUrl,
      next: `Open ${secretUrl} as an owner or admin: enter the secret that the server wants, if it wants one, and test the connection. Its tools appear after that.`,
    };
  },
);
