import {
  BudgetHistory,
  BudgetPatch,
  BudgetView,
  NewBudget,
  PageQuery,
  pageOf,
} from '@conducktor/contracts';
import { role, scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';
import { createBudget } from './create-budget.js';
import { deleteBudget } from './delete-budget.js';
import { budgetHistory } from './budget-history.js';
import { getBudget, listBudgets } from './read-budgets.js';
import { updateBudget } from './update-budget.js';

/** Who looks after money. */
const keepers = role('owner', 'admin', 'billing');

export const budgetRoutes = [
  route('POST', '/budgets', {
    summary: 'Cap what calls may cost: of everybody, a group, user, client, connection or tool',
    guards: [signedIn, scope('admin'), keepers],
    body: NewBudget,
    answer: [201, BudgetView],
    handle: ({ control, caller, body }) => createBudget(control, caller, body),
  }),
  route('GET', '/budgets', {
    summary:
      'List budgets with what is spent and held of them now: one’s own, or all for owner, admin, auditor and billing',
    guards: [signedIn, scope('admin')],
    query: PageQuery,
    answer: [200, pageOf(BudgetView)],
    handle: ({ control, caller, query }) => listBudgets(control, caller, query),
  }),
  route('GET', '/budgets/:id', {
    summary: 'Read one budget, also one that was deleted',
    guards: [signedIn, scope('admin')],
    answer: [200, BudgetView],
    handle: ({ control, caller, params }) => getBudget(control, caller, params['id']!),
  }),
  route('GET', '/budgets/:id/history', {
    summary: 'What was spent of a budget in each period, and who set its limit when',
    guards: [signedIn, scope('admin')],
    query: PageQuery,
    answer: [200, BudgetHistory],
    handle: ({ control, caller, params, query }) =>
      budgetHistory(control, caller, params['id']!, query),
  }),
  route('PATCH', '/budgets/:id', {
    summary: 'Change limit, name, thresholds or forecast of a budget; calls are held to it at once',
    guards: [signedIn, scope('admin'), keepers],
    body: BudgetPatch,
    answer: [200, BudgetView],
    handle: ({ control, caller, params, body }) =>
      updateBudget(control, caller, params['id']!, body),
  }),
  route('DELETE', '/budgets/:id', {
    summary: 'Take a budget out of force; its history stays',
    guards: [signedIn, scope('admin'), keepers],
    answer: [204],
    handle: ({ control, caller, params }) => deleteBudget(control, caller, params['id']!),
  }),
];
