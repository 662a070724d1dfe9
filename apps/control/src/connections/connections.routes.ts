import {
  Connection,
  ConnectionCreated,
  ConnectionPatch,
  ConnectionTested,
  NewConnection,
  PageQuery,
  pageOf,
  ToolQuery,
  ToolView,
} from '@conducktor/contracts';
import { readers, scope, signedIn, writers } from '../http/guards.js';
import { route } from '../http/route.js';
import { listTools } from '../tools/list-tools.js';
import { createConnection } from './create-connection.js';
import { deleteConnection } from './delete-connection.js';
import { getConnection, listConnections } from './read-connections.js';
import { testConnection } from './test-connection.js';
import { updateConnection } from './update-connection.js';

export const connectionRoutes = [
  route('POST', '/connections', {
    summary: 'Connect a service. Its tools appear after the first test',
    guards: [signedIn, scope('admin'), writers],
    body: NewConnection,
    answer: [201, ConnectionCreated],
    handle: ({ control, caller, body }) => createConnection(control, caller, body),
  }),
  route('GET', '/connections', {
    summary: 'List connections by slug',
    guards: [signedIn, scope('admin'), readers],
    query: PageQuery,
    answer: [200, pageOf(Connection)],
    handle: ({ control, caller, query }) => listConnections(control, caller, query),
  }),
  route('GET', '/connections/:id', {
    summary: 'Read one connection',
    guards: [signedIn, scope('admin'), readers],
    answer: [200, Connection],
    handle: ({ control, caller, params }) => getConnection(control, caller, params['id']!),
  }),
  route('PATCH', '/connections/:id', {
    summary: 'Change a connection; secrets given replace those stored',
    guards: [signedIn, scope('admin'), writers],
    body: ConnectionPatch,
    answer: [200, Connection],
    handle: ({ control, caller, params, body }) =>
      updateConnection(control, caller, params['id']!, body),
  }),
  route('DELETE', '/connections/:id', {
    summary: 'Remove a connection with its tools and secrets',
    guards: [signedIn, scope('admin'), writers],
    answer: [204],
    handle: ({ control, caller, params }) => deleteConnection(control, caller, params['id']!),
  }),
  route('POST', '/connections/:id/test', {
    summary:
      'Connect afresh and take over what the service lists now; changes of known tools wait to be accepted',
    guards: [signedIn, scope('admin'), writers],
    answer: [200, ConnectionTested],
    handle: ({ control, caller, params }) => testConnection(control, caller, params['id']!),
  }),
  route('GET', '/connections/:id/tools', {
    summary: 'List the tools of a connection',
    guards: [signedIn, scope('admin'), readers],
    query: ToolQuery,
    answer: [200, pageOf(ToolView)],
    handle: ({ control, caller, params, query }) =>
      listTools(control, caller, query, params['id']!),
  }),
];
