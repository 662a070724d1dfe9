import {
  NewPriceList,
  PageQuery,
  pageOf,
  PriceListPatch,
  PriceListView,
} from '@conducktor/contracts';
import { role, scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';
import { createPriceList } from './create-price-list.js';
import { deletePriceList } from './delete-price-list.js';
import { getPriceList, listPriceLists } from './read-price-lists.js';
import { updatePriceList } from './update-price-list.js';

const keepers = role('owner', 'admin', 'billing');
// Those who see what tools cost.
const priceReaders = role('owner', 'admin', 'approver', 'auditor', 'billing');

export const priceListRoutes = [
  route('POST', '/price-lists', {
    summary: 'Set prices of many tools for a time',
    guards: [signedIn, scope('admin'), keepers],
    body: NewPriceList,
    answer: [201, PriceListView],
    handle: ({ control, caller, body }) => createPriceList(control, caller, body),
  }),
  route('GET', '/price-lists', {
    summary: 'List price lists, with those that are over or have not begun',
    guards: [signedIn, scope('admin'), priceReaders],
    query: PageQuery,
    answer: [200, pageOf(PriceListView)],
    handle: ({ control, caller, query }) => listPriceLists(control, caller, query),
  }),
  route('GET', '/price-lists/:id', {
    summary: 'Read one price list',
    guards: [signedIn, scope('admin'), priceReaders],
    answer: [200, PriceListView],
    handle: ({ control, caller, params }) => getPriceList(control, caller, params['id']!),
  }),
  route('PATCH', '/price-lists/:id', {
    summary: 'Change name, validity or prices of a price list',
    guards: [signedIn, scope('admin'), keepers],
    body: PriceListPatch,
    answer: [200, PriceListView],
    handle: ({ control, caller, params, body }) =>
      updatePriceList(control, caller, params['id']!, body),
  }),
  route('DELETE', '/price-lists/:id', {
    summary: 'Remove a price list; calls that were charged by it stay as they are',
    guards: [signedIn, scope('admin'), keepers],
    answer: [204],
    handle: ({ control, caller, params }) => deletePriceList(control, caller, params['id']!),
  }),
];
