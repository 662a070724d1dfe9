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
}, 60_000);

test('one tenant with many people leaves room for the others', () => {
  const { promise: never } = Promise.withResolvers<AuthenticateAnswer>();
  const streams = new OpenStreams({ authenticate: () => never }, { perPrincipal: 2, total: 90 });
  const forget: (() => void)[] = [];
  const open = (principal: string) => {
    const refused = streams.refusalFor(principal);
    if (refused) return refused.status;
    const context = {} as McpRequestContext;
    forget.push(streams.add({ principal, context, expire: () => {}, drain: () => {} }));
    return 200;
  };
  const opened = (tenant: string) =>
    Array.from({ length: 100 }, (_, n) => open(`${tenant} member${n} client`)).filter(
      (status) => status === 200,
    ).length;
  expect(opened('greedy')).toBe(80);
  expect(open('greedy one-more client')).toBe(429);
  expect(opened('second')).toBe(9);
  expect(opened('third')).toBe(1);
  for (const close of forget) close();
  expect(opened('second')).toBe(80);
  for (const close of forget) close();
});
