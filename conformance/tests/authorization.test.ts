import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '@conducktor/embedded';
import { FormBrowser } from '@conducktor/oauth-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  formTo,
  left,
  register,
  signUp,
  startAuth,
  stayed,
  type AuthService,
} from '../../apps/auth/tests/harness.js';
import { AUTHORIZATION_SCENARIOS, runAuthorizationSuite } from '../authorization/run.js';
import { expectationsOf, problemsOf } from '../support/expectations.js';
import type { SuiteRun } from '../support/suite.js';

let auth: AuthService;
let documents: Server;
/** The redirect address of the client whose metadata document is served. */
let redirect = '';
beforeAll(async () => {
  // A metadata document on this machine, as the embedded default allows it.
  documents = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        client_id: `http://${request.headers.host}${request.url}`,
        client_name: 'Conformance suite',
        redirect_uris: [redirect],
        token_endpoint_auth_method: 'none',
      }),
    );
  });
  await new Promise<void>((resolve) => documents.listen(0, '127.0.0.1', resolve));
  auth = await startAuth({ OUTBOUND_ALLOW: 'loopback' });
});
afterAll(async () => {
  await auth.stop();
  documents.close();
});

const BY = {
  'that registered': async (redirectUri: string) =>
    (await register(auth, { redirect_uris: [redirectUri] })).clientMetadata().client_id,
  'with a metadata document': async () =>
    `http://127.0.0.1:${(documents.address() as AddressInfo).port}/client.json`,
};

describe.each(['that registered', 'with a metadata document'] as const)(
  'our authorization server to a client %s',
  (kind) => {
    let run: SuiteRun;
    beforeAll(async () => {
      const port = await freePort();
      redirect = `http://127.0.0.1:${port}/callback`;
      const browser = new FormBrowser(auth.origin);
      await signUp(auth, browser);
      run = await runAuthorizationSuite({
        issuer: auth.origin,
        clientId: await BY[kind](redirect),
        port,
        resource: `${auth.origin}/mcp`,
        signIn: async (url) => {
          const consent = stayed(await browser.open(url));
          return left(await browser.submit(formTo(consent, '/consent'), { decision: 'allow' }));
        },
      });
    }, 60_000);

    test.each(AUTHORIZATION_SCENARIOS)('%s', (scenario) => {
      const checks = run.get(scenario);
      expect(problemsOf(scenario, checks, expectationsOf('authorization'))).toEqual([]);
      expect(checks!.some(({ status }) => status === 'SUCCESS')).toBe(true);
    });
  },
);
