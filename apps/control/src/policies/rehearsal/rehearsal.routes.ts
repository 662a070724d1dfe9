import {
  NewSimulation,
  PageQuery,
  pageOf,
  SimulationChangeView,
  SimulationView,
} from '@conducktor/contracts';
import { readers, scope, signedIn, writers } from '../../http/guards.js';
import { route } from '../../http/route.js';
import { cancelSimulation } from './cancel-simulation.js';
import { readChanges, readSimulation, readSimulations } from './read-simulation.js';
import { startSimulation } from './start-simulation.js';

export const rehearsalRoutes = [
  route('POST', '/policies/simulate', {
    summary: 'Try a draft or a version on the calls that were recorded in the last days',
    guards: [signedIn, scope('admin'), writers],
    body: NewSimulation,
    answer: [201, SimulationView],
    handle: ({ control, caller, body }) => startSimulation(control, caller, body),
  }),
  route('GET', '/policies/simulations', {
    summary: 'List the simulations that are kept, newest first',
    guards: [signedIn, scope('admin'), readers],
    answer: [200, pageOf(SimulationView)],
    handle: ({ control, caller }) => readSimulations(control, caller),
  }),
  route('GET', '/policies/simulations/:id', {
    summary: 'How far a simulation is, and what would change by rule, tool and person',
    guards: [signedIn, scope('admin'), readers],
    answer: [200, SimulationView],
    handle: ({ control, caller, params }) => readSimulation(control, caller, params['id']!),
  }),
  route('GET', '/policies/simulations/:id/changes', {
    summary: 'The calls that would be decided otherwise, one by one: then and now',
    guards: [signedIn, scope('admin'), readers],
    query: PageQuery,
    answer: [200, pageOf(SimulationChangeView)],
    handle: ({ control, caller, params, query }) =>
      readChanges(control, caller, params['id']!, query),
  }),
  route('DELETE', '/policies/simulations/:id', {
    summary: 'Stop a simulation; what it has found stays to be read',
    guards: [signedIn, scope('admin'), writers],
    answer: [204],
    handle: ({ control, caller, params }) => cancelSimulation(control, caller, params['id']!),
  }),
];
