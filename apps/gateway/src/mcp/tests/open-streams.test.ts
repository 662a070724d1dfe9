import { expect, test } from 'vitest';
import { OpenStreams, type OpenStream } from '../open-streams.js';
import type { AuthenticateAnswer, McpRequestContext } from '../ports.js';

const REVOKED: AuthenticateAnswer = {
  kind: 'challenge',
  status: 401,
  wwwAuthenticate: 'Bearer',
  body: {},
};

test('a person whose right takes long to be checked keeps nobody else’s stream open', async () => {
  const { promise: never } = Promise.withResolvers<AuthenticateAnswer>();
  const streams = new OpenStreams({
    authenticate: ({ headers }) =>
      headers['authorization'] === 'slow' ? never : Promise.resolve(REVOKED),
  });
  const forget: (() => void)[] = [];
  const open = (principal: string) => {
    const ended = Promise.withResolvers<unknown>();
    const stream: OpenStream = {
      principal,
      context: { headers: { authorization: principal } } as unknown as McpRequestContext,
      expire: ended.resolve,
      drain: () => {},
    };
    forget.push(streams.add(stream));
    return ended.promise;
  };
  void open('slow');
  // Opened when the check of the first is under way already.
  await new Promise((resolve) => setTimeout(resolve, 600));
  const began = Date.now();
  expect(await open('revoked')).toBe(REVOKED);
  expect(Date.now() - began).toBeLessThan(1_000);
  for (const close of forget) close();
  expect(streams.size).toBe(0);
}, 5_000);
