/** The order of the columns below. */
export const ROLES = ['owner', 'admin', 'approver', 'auditor', 'billing', 'member'] as const;
export type RoleName = (typeof ROLES)[number];

/**
 * What each role may do, written by hand and pinned: a route that lets somebody else in, or is not here,
 * fails its test. `yes`; `own`: what is their own; `perm`: with the permission beside the role; `-`: no.
 */
export const MATRIX: Record<string, string> = {
  //                                                  owner admin approver auditor billing member
  'GET /api/v1/session': /*                        */ 'yes   yes   yes      yes     yes     yes',
  'GET /api/v1/me': /*                             */ 'yes   yes   yes      yes     yes     yes',
  'GET /api/v1/workspace': /*                      */ 'yes   yes   yes      yes     yes     yes',
  'PATCH /api/v1/workspace': /*                    */ 'yes   yes   -        -       -       -',

  'POST /api/v1/connections': /*                   */ 'yes   yes   -        -       -       -',
  'GET /api/v1/connections': /*                    */ 'yes   yes   yes      yes     -       -',
  'GET /api/v1/connections/:id': /*                */ 'yes   yes   yes      yes     -       -',
  'PATCH /api/v1/connections/:id': /*              */ 'yes   yes   -        -       -       -',
  'DELETE /api/v1/connections/:id': /*             */ 'yes   yes   -        -       -       -',
  'POST /api/v1/connections/:id/test': /*          */ 'yes   yes   -        -       -       -',
  'GET /api/v1/connections/:id/tools': /*          */ 'yes   yes   yes      yes     -       -',
  'GET /connections/:id/secret': /*                */ 'yes   yes   -        -       -       -',
  'POST /connections/:id/secret': /*               */ 'yes   yes   -        -       -       -',

  'GET /api/v1/tools': /*                          */ 'yes   yes   yes      yes     yes     -',
  'PATCH /api/v1/tools/:id': /*                    */ 'yes   yes   -        -       -       -',
  'GET /api/v1/tools/:id/change': /*               */ 'yes   yes   yes      yes     -       -',
  'POST /api/v1/tools/:id/accept': /*              */ 'yes   yes   -        -       -       -',
  'POST /api/v1/tools/:id/reject': /*              */ 'yes   yes   -        -       -       -',
  'PUT /api/v1/tools/:id/cost': /*                 */ 'yes   yes   -        -       yes     -',
  'DELETE /api/v1/tools/:id/cost': /*              */ 'yes   yes   -        -       yes     -',

  'POST /api/v1/toolsets': /*                      */ 'yes   yes   -        -       -       -',
  'GET /api/v1/toolsets': /*                       */ 'yes   yes   yes      yes     -       -',
  'GET /api/v1/toolsets/:id': /*                   */ 'yes   yes   yes      yes     -       -',
  'PATCH /api/v1/toolsets/:id': /*                 */ 'yes   yes   -        -       -       -',
  'DELETE /api/v1/toolsets/:id': /*                */ 'yes   yes   -        -       -       -',

  'POST /api/v1/policies': /*                      */ 'yes   yes   -        -       -       -',
  'GET /api/v1/policies': /*                       */ 'yes   yes   yes      yes     -       -',
  'GET /api/v1/policies/:version': /*              */ 'yes   yes   yes      yes     -       -',
  'POST /api/v1/policies/:version/activate': /*    */ 'yes   yes   -        -       -       -',
  'GET /api/v1/policies/schema': /*                */ 'yes   yes   yes      yes     -       -',
  'GET /api/v1/policies/ready-made': /*            */ 'yes   yes   yes      yes     -       -',
  'POST /api/v1/policies/ready-made/:id': /*       */ 'yes   yes   -        -       -       -',
  'GET /api/v1/policies/:version/diff/:other': /*  */ 'yes   yes   yes      yes     -       -',
  'POST /api/v1/policies/explain': /*              */ 'yes   yes   yes      yes     -       -',
  'POST /api/v1/policies/simulate': /*             */ 'yes   yes   -        -       -       -',
  'GET /api/v1/policies/simulations': /*           */ 'yes   yes   yes      yes     -       -',
  'GET /api/v1/policies/simulations/:id': /*       */ 'yes   yes   yes      yes     -       -',
  'GET /api/v1/policies/simulations/:id/changes': /* */ 'yes   yes   yes      yes     -       -',
  'DELETE /api/v1/policies/simulations/:id': /*    */ 'yes   yes   -        -       -       -',

  'GET /api/v1/approvals': /*                      */ 'yes   yes   own      own      own     own',
  'GET /api/v1/approvals/:id': /*                  */ 'yes   yes   own      own      own     own',
  'POST /api/v1/approvals/:id/approve': /*         */ 'own   own   own      own      own     own',
  'POST /api/v1/approvals/:id/reject': /*          */ 'own   own   own      own      own     own',
  'POST /api/v1/approvals/:id/cancel': /*          */ 'own   own   own      own      own     own',
  'POST /api/v1/approval-delegations': /*          */ 'own   own   own      own      own     own',
  'GET /api/v1/approval-delegations': /*           */ 'yes   yes   own      own      own     own',
  'DELETE /api/v1/approval-delegations/:id': /*    */ 'yes   yes   own      own      own     own',
  'GET /approvals/:id': /*                         */ 'yes   yes   own      own      own     own',
  'POST /approvals/:id': /*                        */ 'own   own   own      own      own     own',

  'POST /api/v1/members': /*                       */ 'yes   yes   -        -       -       -',
  'GET /api/v1/members': /*                        */ 'yes   yes   yes      yes     -       -',
  'GET /api/v1/members/:id': /*                    */ 'yes   yes   yes      yes     -       -',
  'PATCH /api/v1/members/:id': /*                  */ 'yes   yes   -        -       -       -',
  'POST /api/v1/members/:id/invitations': /*       */ 'yes   yes   -        -       -       -',
  'DELETE /api/v1/members/:id': /*                 */ 'yes   yes   own      own     own     own',
  'POST /api/v1/groups': /*                        */ 'yes   yes   -        -       -       -',
  'GET /api/v1/groups': /*                         */ 'yes   yes   yes      yes     -       -',
  'GET /api/v1/groups/:id': /*                     */ 'yes   yes   yes      yes     -       -',
  'GET /api/v1/groups/:id/members': /*             */ 'yes   yes   yes      yes     -       -',
  'PATCH /api/v1/groups/:id': /*                   */ 'yes   yes   -        -       -       -',
  'DELETE /api/v1/groups/:id': /*                  */ 'yes   yes   -        -       -       -',

  'POST /api/v1/api-keys': /*                      */ 'yes   yes   own      own     own     own',
  'GET /api/v1/api-keys': /*                       */ 'yes   yes   own      own     own     own',
  'DELETE /api/v1/api-keys/:id': /*                */ 'yes   yes   own      own     own     own',
  'GET /api/v1/apps': /*                           */ 'yes   yes   own      own     own     own',
  'DELETE /api/v1/apps/:id': /*                    */ 'yes   yes   own      own     own     own',
  'GET /api/v1/sessions': /*                       */ 'yes   yes   own      own     own     own',
  'POST /api/v1/freeze': /*                        */ 'yes   yes   -        -       -       -',
  'GET /api/v1/freeze': /*                         */ 'yes   yes   yes      yes     -       -',
  'DELETE /api/v1/freeze/:kind/:id': /*            */ 'yes   yes   -        -       -       -',
  'POST /api/v1/limits': /*                        */ 'yes   yes   -        -       -       -',
  'GET /api/v1/limits': /*                         */ 'yes   yes   yes      yes     -       -',
  'GET /api/v1/limits/:id': /*                     */ 'yes   yes   yes      yes     -       -',
  'PATCH /api/v1/limits/:id': /*                   */ 'yes   yes   -        -       -       -',
  'DELETE /api/v1/limits/:id': /*                  */ 'yes   yes   -        -       -       -',
  'POST /api/v1/initial-access-tokens': /*         */ 'yes   -     -        -       -       -',
  'GET /api/v1/initial-access-tokens': /*          */ 'yes   -     -        -       -       -',
  'DELETE /api/v1/initial-access-tokens/:id': /*   */ 'yes   -     -        -       -       -',

  'POST /api/v1/budgets': /*                       */ 'yes   yes   -        -       yes     -',
  'GET /api/v1/budgets': /*                        */ 'yes   yes   own      yes     yes     own',
  'GET /api/v1/budgets/:id': /*                    */ 'yes   yes   own      yes     yes     own',
  'GET /api/v1/budgets/:id/history': /*            */ 'yes   yes   own      yes     yes     own',
  'PATCH /api/v1/budgets/:id': /*                  */ 'yes   yes   -        -       yes     -',
  'DELETE /api/v1/budgets/:id': /*                 */ 'yes   yes   -        -       yes     -',
  'POST /api/v1/price-lists': /*                   */ 'yes   yes   -        -       yes     -',
  'GET /api/v1/price-lists': /*                    */ 'yes   yes   yes      yes     yes     -',
  'GET /api/v1/price-lists/:id': /*                */ 'yes   yes   yes      yes     yes     -',
  'PATCH /api/v1/price-lists/:id': /*              */ 'yes   yes   -        -       yes     -',
  'DELETE /api/v1/price-lists/:id': /*             */ 'yes   yes   -        -       yes     -',
  'GET /api/v1/held-calls': /*                     */ 'yes   yes   -        yes     yes     -',
  'POST /api/v1/held-calls/:callId/reconcile': /*  */ 'yes   yes   -        -       yes     -',

  'POST /api/v1/notification-channels': /*         */ 'yes   yes   -        -       -       -',
  'GET /api/v1/notification-channels': /*          */ 'yes   yes   yes      yes     -       -',
  'GET /api/v1/notification-channels/:id': /*      */ 'yes   yes   yes      yes     -       -',
  'PATCH /api/v1/notification-channels/:id': /*    */ 'yes   yes   -        -       -       -',
  'DELETE /api/v1/notification-channels/:id': /*   */ 'yes   yes   -        -       -       -',
  'POST /api/v1/notification-channels/:id/test': /* */ 'yes   yes   -        -       -       -',
  'GET /api/v1/notification-deliveries': /*        */ 'yes   yes   yes      yes     -       -',
  'POST /api/v1/notification-deliveries/:id/retry': /* */ 'yes   yes   -        -       -       -',
  'GET /api/v1/alerts': /*                         */ 'yes   yes   -        yes     yes     -',
  'GET /alerts/:id': /*                            */ 'yes   yes   -        yes     yes     -',

  'GET /api/v1/audit/events': /*                   */ 'yes   yes   -        yes     -       -',
  'GET /api/v1/audit/export': /*                   */ 'yes   yes   -        yes     -       -',
  'GET /api/v1/audit/events/:id': /*               */ 'yes   yes   -        yes     -       -',
  'GET /api/v1/audit/events/:id/payload': /*       */ 'perm  perm  -        perm    -       -',
  'GET /api/v1/activity': /*                       */ 'yes   yes   -        yes     -       -',
  'GET /api/v1/usage': /*                          */ 'yes   yes   own      yes     yes     own',
  'GET /api/v1/ledger': /*                         */ 'yes   yes   -        yes     yes     -',
};

export type Right = 'yes' | 'own' | 'perm' | '-';

export const rightsOf = (operation: string): Record<RoleName, Right> => {
  const cells = MATRIX[operation]?.split(/ +/) ?? [];
  if (cells.length !== ROLES.length) throw new Error(`The matrix has no row for ${operation}`);
  return Object.fromEntries(ROLES.map((role, i) => [role, cells[i]])) as Record<RoleName, Right>;
};
