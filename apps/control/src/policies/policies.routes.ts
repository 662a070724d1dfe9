import {
  ExplainRequest,
  NewPolicy,
  PageQuery,
  pageOf,
  PolicyActivated,
  PolicyCreated,
  PolicyDiff,
  PolicyExplanation,
  policyJsonSchema,
  PolicySummary,
  PolicyView,
  ReadyMadeDraft,
  ReadyMadePolicy,
  UseReadyMade,
} from '@conducktor/contracts';
import { z } from 'zod';
import { readers, scope, signedIn, writers } from '../http/guards.js';
import { openRoute, route } from '../http/route.js';
import { activatePolicy } from './activate-policy.js';
import { createPolicy } from './create-policy.js';
import { diffPolicies } from './diff-policies.js';
import { explainCall } from './explain-call.js';
import { draftWithReadyMade, listReadyMade } from './ready-made.js';
import { getPolicy, listPolicies } from './read-policies.js';

export const policyRoutes = [
  route('POST', '/policies', {
    summary: 'Store a policy as a new version. It is not active yet',
    guards: [signedIn, scope('admin'), writers],
    body: NewPolicy,
    answer: [201, PolicyCreated],
    handle: ({ control, caller, body }) => createPolicy(control, caller, body.document),
  }),
  route('GET', '/policies', {
    summary: 'List policy versions, newest first',
    guards: [signedIn, scope('admin'), readers],
    query: PageQuery,
    answer: [200, pageOf(PolicySummary)],
    handle: ({ control, caller, query }) => listPolicies(control, caller, query),
  }),
  route('GET', '/policies/:version', {
    summary: 'Read one version',
    guards: [signedIn, scope('admin'), readers],
    answer: [200, PolicyView],
    handle: ({ control, caller, params }) => getPolicy(control, caller, params['version']!),
  }),
  route('GET', '/policies/schema', {
    summary: 'The JSON Schema of a policy document, for editors',
    guards: [signedIn, scope('admin'), readers],
    answer: [200, z.record(z.string(), z.unknown())],
    handle: async () => policyJsonSchema(),
  }),
  route('GET', '/policies/ready-made', {
    summary: 'List policies that many workspaces want, with what can be set of each',
    guards: [signedIn, scope('admin'), readers],
    answer: [200, pageOf(ReadyMadePolicy)],
    handle: async () => listReadyMade(),
  }),
  route('POST', '/policies/ready-made/:id', {
    summary: 'Store the active policy with the rules of a ready-made one as a draft',
    guards: [signedIn, scope('admin'), writers],
    body: UseReadyMade,
    answer: [201, ReadyMadeDraft],
    handle: ({ control, caller, params, body }) =>
      draftWithReadyMade(control, caller, params['id']!, body.parameters),
  }),
  route('GET', '/policies/:version/diff/:other', {
    summary: 'What another version has otherwise than this one, rule by rule and field by field',
    guards: [signedIn, scope('admin'), readers],
    answer: [200, PolicyDiff],
    handle: ({ control, caller, params }) =>
      diffPolicies(control, caller, params['version']!, params['other']!),
  }),
  route('POST', '/policies/explain', {
    summary:
      'Decide one call, made up or recorded, by a draft, a version or the active policy, and tell why',
    guards: [signedIn, scope('admin'), readers],
    body: ExplainRequest,
    answer: [200, PolicyExplanation],
    handle: ({ control, caller, body }) => explainCall(control, caller, body),
  }),
  route('POST', '/policies/:version/activate', {
    summary: "Run the version's own tests and make it the active one; an older one rolls back",
    guards: [signedIn, scope('admin'), writers],
    answer: [200, PolicyActivated],
    handle: ({ control, caller, params }) => activatePolicy(control, caller, params['version']!),
  }),
];

/** Where editors find the schema without a key: `# yaml-language-server: $schema=…`. It is the same for all. */
export const policySchemaRoute = openRoute(
  '/schema/policy.json',
  'The JSON Schema of a policy document',
  async (_control, _request, reply) =>
    reply
      .header('content-type', 'application/schema+json')
      .header('access-control-allow-origin', '*')
      .header('cache-control', 'public, max-age=3600')
      .send(policyJsonSchema()),
);
