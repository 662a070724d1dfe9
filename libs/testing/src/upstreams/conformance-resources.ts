import { PNG, type Exchange, type Outcome } from './conformance-exchange.js';
import { RpcError } from './fixture-tools.js';

const TEMPLATE = /^test:\/\/template\/([^/]+)\/data$/;

/** The resources to list; the description of one of them tells how often the list was changed. */
export function listResources({ world }: Pick<Exchange, 'world'>): Record<string, unknown>[] {
  return [
    {
      uri: 'test://static-text',
      name: 'Static text',
      description: 'Text that never changes.',
      mimeType: 'text/plain',
    },
    {
      uri: 'test://static-binary',
      name: 'Static binary',
      description: 'An image that never changes.',
      mimeType: 'image/png',
    },
    {
      uri: 'test://watched-resource',
      name: 'Watched resource',
      description: 'Made for subscriptions.',
      mimeType: 'text/plain',
    },
    {
      uri: 'test://changing',
      name: 'Changing resource',
      description: `The list was changed ${world.changes.resources} times.`,
      mimeType: 'text/plain',
    },
  ];
}

export const RESOURCE_TEMPLATES = [
  {
    uriTemplate: 'test://template/{id}/data',
    name: 'Template',
    description: 'Data for an id.',
    mimeType: 'application/json',
  },
];

/** @throws RpcError when there is none: -32602 since 2026-07-28 (SEP-2164), -32002 before. */
export async function readResource(uri: string, exchange: Exchange): Promise<Outcome> {
  if (uri === 'test://static-binary') {
    return { contents: [{ uri, mimeType: 'image/png', blob: PNG }] };
  }
  const content = textOf(uri);
  if (content === undefined) {
    const code = exchange.revision >= '2026-07-28' ? -32602 : -32002;
    throw new RpcError(code, 'Resource not found', { uri });
  }
  return { contents: [{ uri, ...content }] };
}

function textOf(uri: string): { mimeType: string; text: string } | undefined {
  const id = TEMPLATE.exec(uri)?.[1];
  if (id !== undefined) {
    const data = { id, templateTest: true, data: `Data for ID: ${id}` };
    return { mimeType: 'application/json', text: JSON.stringify(data) };
  }
  switch (uri) {
    case 'test://static-text':
      return {
        mimeType: 'text/plain',
        text: 'This is the content of the static text resource.',
      };
    case 'test://watched-resource':
    case 'test://changing':
      return { mimeType: 'text/plain', text: `The contents of ${uri}.` };
    default:
      return undefined;
  }
}
