import { expect, test } from 'vitest';
import { mapResultUris, mapUiReferences } from '../map-uris.js';

const map = (uri: string) => `x+${uri}`;

test('links, embedded resources, contents and messages name their connection', () => {
  const result = {
    content: [
      { type: 'text', text: 'file:///a' },
      { type: 'resource_link', uri: 'file:///a', name: 'a', extra: 1 },
      { type: 'resource', resource: { uri: 'file:///b', text: 'file:///b' } },
      null,
      { type: 'resource' },
    ],
    contents: [{ uri: 'file:///c', blob: '' }],
    messages: [
      { role: 'user', content: { type: 'resource_link', uri: 'file:///d', name: 'd' } },
      {
        role: 'user',
        content: [
          { type: 'tool_result', content: [{ type: 'resource', resource: { uri: 'e:' } }] },
        ],
      },
      'rubbish',
    ],
    structuredContent: { uri: 'file:///f' },
    _meta: { 'openai/outputTemplate': 'ui://g' },
  };
  mapResultUris(result as Record<string, unknown>, map);
  expect(result).toEqual({
    content: [
      { type: 'text', text: 'file:///a' },
      { type: 'resource_link', uri: 'x+file:///a', name: 'a', extra: 1 },
      { type: 'resource', resource: { uri: 'x+file:///b', text: 'file:///b' } },
      null,
      { type: 'resource' },
    ],
    contents: [{ uri: 'x+file:///c', blob: '' }],
    messages: [
      { role: 'user', content: { type: 'resource_link', uri: 'x+file:///d', name: 'd' } },
      {
        role: 'user',
        content: [
          { type: 'tool_result', content: [{ type: 'resource', resource: { uri: 'x+e:' } }] },
        ],
      },
      'rubbish',
    ],
    structuredContent: { uri: 'file:///f' },
    _meta: { 'openai/outputTemplate': 'x+ui://g' },
  });
});

test('a tool’s three ways to name its UI; its other `_meta` stays, and the definition is not changed', () => {
  const meta = {
    ui: { resourceUri: 'ui://a', csp: { connectDomains: ['https://b'] } },
    'ui/resourceUri': 'ui://c',
    'openai/outputTemplate': 'ui://d',
    other: 'ui://e',
  };
  const before = structuredClone(meta);
  expect(mapUiReferences(meta, map)).toEqual({
    ui: { resourceUri: 'x+ui://a', csp: { connectDomains: ['https://b'] } },
    'ui/resourceUri': 'x+ui://c',
    'openai/outputTemplate': 'x+ui://d',
    other: 'ui://e',
  });
  expect(meta).toEqual(before);
});

test('results of tools in what is to be sampled name their connection', () => {
  const block = (uri: string) => ({ type: 'resource_link', uri, name: 'a' });
  const asking = (uri: string) => ({
    inputRequests: {
      one: {
        method: 'sampling/createMessage',
        params: {
          messages: [
            { role: 'user', content: { type: 'tool_result', content: [block(uri)] } },
            { role: 'user', content: [{ type: 'text', text: 'file:///a' }] },
          ],
        },
      },
      two: { method: 'roots/list' },
      three: null,
    },
  });
  const result = asking('file:///a');
  mapResultUris(result, map);
  expect(result).toEqual(asking('x+file:///a'));
});
