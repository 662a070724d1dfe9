// Whatever the product hands out to be shown again, shown by somebody else: another person of the same
// workspace, a person of another one, and nobody. What they are told is what they are told of a handle
// that was never given, it holds nothing of the owner's, and the owner goes on as if nothing had been.
import { FormBrowser } from '@conducktor/oauth-client';
import { startConformanceUpstream, type ConformanceUpstream } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  HANDLE_KINDS,
  likened,
  type Handle,
  type HandleKind,
  type Thief,
} from './handles/handle.js';
import { pageHandles } from './handles/pages.js';
import { NOTES_NEED_APPROVAL, requestHandles } from './handles/requests.js';
import { restHandles } from './handles/rest.js';
import { sessionHandles } from './handles/sessions.js';
import { startAskingUpstream, type AskingUpstream } from './support/asking-upstream.js';
import { membersOf } from './support/id-kinds.js';
import { signUp, type Newcomer } from './support/newcomer.js';
import { connect, openWorld, type World } from './support/world.js';

let world: World;
let other: World;
let asking: AskingUpstream;
let watched: ConformanceUpstream;
let thieves: Thief[];
let handles: Record<HandleKind, () => Promise<Handle>>;

beforeAll(async () => {
  [world, other, asking, watched] = await Promise.all([
    openWorld({ policy: NOTES_NEED_APPROVAL }),
    openWorld(),
    startAskingUpstream(),
    startConformanceUpstream({ revision: '2025-11-25', pageSize: 1 }),
  ]);
  for (const { rest } of [world, other]) await connect(rest, 'asking', asking.url);
  await connect(world.rest, 'watched', watched.url);
  const { admin, stack } = world;
  for (const { workspace } of [world, other])
    await admin.pool.query("update member set permissions = '{audit:payloads}' where id = $1", [
      workspace.owner.memberId,
    ]);
  const victim = await signUp(stack.publicUrl, admin);
  const colleague = await signUp(stack.publicUrl, admin);
  const stranger = await signUp(stack.publicUrl, admin);
  await makeColleague(victim, colleague);
  thieves = [
    {
      who: 'another person of the workspace',
      token: world.workspace.contractor.apiKey,
      browser: colleague.browser,
    },
    {
      who: 'a person of another tenant',
      token: other.workspace.owner.apiKey,
      browser: stranger.browser,
    },
    { who: 'nobody', token: undefined, browser: new FormBrowser(stack.publicUrl) },
  ];
  handles = {
    ...sessionHandles({ world, asking }),
    ...requestHandles(world),
    ...restHandles(world),
    ...pageHandles(stack, admin, victim),
  };
}, 60_000);
afterAll(() => Promise.all([world, other, asking, watched].map((each) => each?.close())));

/** An admin of the victim's workspace, beside their own. */
async function makeColleague(victim: Newcomer, colleague: Newcomer): Promise<void> {
  await world.admin.pool.query(
    `insert into member (tenant_id, id, user_id, email, roles)
     select v.tenant_id, 'mem_' || substr(md5(random()::text), 1, 22), c.user_id, c.email, '{admin}'
       from member v, member c where v.email = $1 and c.email = $2`,
    [victim.email, colleague.email],
  );
}

test.each(HANDLE_KINDS)(
  '%s',
  async (kind) => {
    const handle = await handles[kind]();
    const { real, madeUp, refusals = [401, 403, 404], secrets = [] } = handle;
    expect(real.length).toBeGreaterThan(0);
    expect([madeUp.length > 0, madeUp === real]).toEqual([true, false]);
    try {
      for (const thief of thieves) {
        const given = await handle.replay(thief, real);
        const compared = await handle.replay(thief, madeUp);
        for (const answer of given) {
          expect(refusals, `${thief.who}: ${answer.status} ${answer.text.slice(0, 300)}`).toContain(
            answer.status,
          );
          expect(secrets.filter((secret) => answer.text.includes(secret))).toEqual([]);
        }
        expect([thief.who, ...given.map((answer) => likened(answer, real))]).toEqual([
          thief.who,
          ...compared.map((answer) => likened(answer, madeUp)),
        ]);
      }
      await handle.use();
    } finally {
      await handle.close?.();
    }
  },
  30_000,
);

// Ids of rows are replayed at every place by cross-tenant.test.ts.
test('no key for handles is there that no kind of handle above is made with', () => {
  // What is sealed or signed with them, or that it is shown to nobody.
  const madeWith: Record<string, HandleKind | 'shown to nobody'> = {
    kek: 'shown to nobody',
    rpc: 'shown to nobody',
    cookies: 'browser session',
    sessions: 'MCP session',
    'request-state': 'requestState',
    'list-cursor': 'list cursor',
  };
  expect(membersOf('libs/runtime/src/keys.ts', 'KeyLabel').sort()).toEqual(
    Object.keys(madeWith).sort(),
  );
});
