import { expect, it } from 'vitest';
import { headerDeclarationProblem } from '../schema/header-declarations.js';

const on = (schema: object) => ({ type: 'object', properties: { a: schema } });
const header = (name: unknown, type: unknown = 'string') => ({ type, 'x-mcp-header': name });

it.each([
  ['none', on({ type: 'number' })],
  ['a string', on(header('Region'))],
  ['an integer', on(header('Region', 'integer'))],
  ['a boolean', on(header('Region', 'boolean'))],
  ['a property of a property', on(on(header('Region')))],
  ['an argument that is called so', on({ type: 'object', properties: { 'x-mcp-header': {} } })],
])('declared headers can be used: %s', (_what, schema) => {
  expect(headerDeclarationProblem(schema)).toBeUndefined();
});

it.each([
  ['empty', on(header('')), 'no header name'],
  ['with a space', on(header('My Region')), 'no header name'],
  ['with a colon', on(header('Region:Primary')), 'no header name'],
  ['of other letters', on(header('Région')), 'no header name'],
  ['no text', on(header(7)), 'no header name'],
  ['on a number', on(header('Score', 'number')), 'not on a string'],
  ['on an object', on(header('Data', 'object')), 'not on a string'],
  ['on a union', on(header('Data', ['string', 'null'])), 'not on a string'],
  ['at the top', { type: 'object', 'x-mcp-header': 'A' }, 'not on a property'],
  ['in a list', on({ type: 'array', items: header('A') }), 'not on a property'],
  ['in an alternative', { type: 'object', anyOf: [on(header('A'))] }, 'not on a property'],
  ['in a definition', { type: 'object', $defs: { x: on(header('A')) } }, 'not on a property'],
  [
    'twice, in another case',
    { type: 'object', properties: { a: header('MyField'), b: header('myfield') } },
    'the same header',
  ],
])('declared headers make the tool unusable: %s', (_what, schema, problem) => {
  expect(headerDeclarationProblem(schema)).toContain(problem);
});
