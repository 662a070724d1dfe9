// A client of each kind makes a call that waits for people, and meanwhile Chromium opens the address that the
// client was given. All of it through the one public origin. The transcripts in docs/guides/approvals.md are
// what these clients sent and were sent; pictures of the pages are kept for people to look at.
import { mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTaskSessionFromClient } from '@modelcontextprotocol/ext-tasks/client';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UrlElicitationRequiredError } from '@modelcontextprotocol/sdk/types.js';
import { seriousFindings, startChromium } from '@conducktor/testing';
import type { Person } from '@conducktor/oauth-client';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chatgpt, REDIRECT_OF } from './clients/chatgpt.js';
import * as claude from './clients/claude.js';
import * as cursor from './clients/cursor.js';
import { signUp } from './support/newcomer.js';
import { ROOT } from './support/stack.js';
import { messagesOf, recorded, transcript, type Message, type Wire } from './support/transcript.js';
import { eventually, openWorld, type World } from './support/world.js';

const PICTURES = join(tmpdir(), 'conducktor-pages');
const GUIDE = 'docs/guides/approvals.md';
const TOOL = 'notes_delete_note';
const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
const SHOWS_PAGES = { elicitation: { url: {} } };
const INFO = { name: 'Notes agent', version: '1' };
const POLICY = {
  version: 1,
  default: 'allow',
  rules: [
    {
      id: 'deletions-need-approval',
      when: { tools: [TOOL] },
      effect: 'require_approval',
      approvers: { roles: ['owner'], label: 'Admin team' },
      expires: '24h',
      message: 'What is deleted is gone',
    },
  ],
};

type Result = { isError?: boolean; content: { type: string; text: string }[] };

let world: World;
let browser: Browser;
let requester: Person;
let approver: Person;
let stranger: Person;
/** The approver's, signed in by the first test that needs them. */
let desk: Page;
let agent: { wire: Wire; told: Promise<Result> };
const wires = new Map<string, Wire>();

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  world = await openWorld({ slug: 'notes', policy: POLICY });
  // It is held for 25 seconds, during which everything else happens.
  const wire = wireOf(
    'An agent with an API key: nobody decided in 25 seconds, and it called again later',
  );
  agent = { wire, told: askAsAgent(wire) };
  [browser, stranger] = await Promise.all([
    startChromium(),
    signUp(world.stack.publicUrl, world.admin),
  ]);
  [requester, approver] = await Promise.all([givePassword('member'), givePassword('owner')]);
});
afterAll(async () => {
  await agent?.told.catch(() => undefined);
  await browser?.close();
  await world?.close();
});

test('tasks: a task is shown, approved with a reason, and its client has the result', async () => {
  const wire = wireOf('The tasks extension: SDK v2 with ext-tasks');
  const session = await tasksClient(wire);
  const execution = await session.callTool(TOOL, { note: 'milk' });
  const { taskId, statusMessage } = wire.exchanges.at(-1)!.back[0]!.result as Record<
    string,
    string
  >;
  // Beside the client that polls, one that is told.
  const told = send(wire.fetch, 'subscriptions/listen', { notifications: { taskIds: [taskId] } });

  const url = linkIn(statusMessage!);
  desk = await open(url, approver);
  const words = await desk.innerText('main');
  for (const part of [requester.email, TOOL, '"note": "milk"', 'deletions-need-approval'])
    expect(words).toContain(part);
  expect(words).toContain('0 of 1 from Admin team');
  expect(words).toContain('What is deleted is gone');
  expect(words).toMatch(/Until\s+\d{4}-\d\d-\d\d \d\d:\d\d UTC/);
  expect(await seriousFindings(desk)).toEqual([]);
  await pictures(desk, 'approval-1-to-decide');
  await decide('Approve', 'It is sour');

  const { outcome } = await execution.settle();
  expect(outcome).toMatchObject({ status: 'completed', result: deleted('milk') });
  await told;
  await desk.reload();
  expect(await desk.innerText('h1')).toBe(`Made: ${TOOL}`);
  expect(await desk.innerText('main')).toContain('It is sour');
  await picture(desk, 'approval-2-made');
  await session.close();
});

test('tasks: what its client cancels cannot be approved any more', async () => {
  const wire = wireOf('The tasks extension, cancelled');
  const asked = await send(wire.fetch, 'tools/call', call('keys'), TASKS);
  const { taskId } = asked.result as { taskId: string };
  await send(wire.fetch, 'tasks/cancel', { taskId }, TASKS);
  expect(await send(wire.fetch, 'tasks/get', { taskId }, TASKS)).toMatchObject({
    result: { status: 'cancelled' },
  });
  const late = await world.rest.request('POST', `/approvals/${taskId}/approve`, { reason: '' });
  expect(late).toMatchObject({ status: 409, body: { code: 'conflict' } });
  await eventually('its record', async () => {
    const { items } = await world.rest.must<{ items: { actor: string; action?: string }[] }>(
      'GET',
      '/audit/events?kind=control',
    );
    const record = items.find(({ action }) => action === 'approval.cancel');
    return record?.actor === requester.email;
  });
});

test('held: ChatGPT waits while the page is read, and has the result with the decision', async () => {
  const client = chatgpt(world.mcp, requester, {
    redirectUrl: REDIRECT_OF('notes'),
    metadataUrl: undefined,
  });
  await client.authorize();
  const wire = wireOf('ChatGPT: approved on the page while it was held', client.fetch);
  const waits = send(wire.fetch, 'tools/call', call('bread'));
  const url = await waiting('bread');
  await desk.goto(url);
  expect(await desk.innerText('main')).toContain('ChatGPT');
  await decide('Approve', '');
  expect((await waits).result).toMatchObject(deleted('bread'));
});

test('a page for its person: what waits, nothing to decide; others see nothing; a reason comes back', async () => {
  const wire = wireOf('URL elicitation, 2026-07-28: SDK v2, rejected while its person looked on');
  const client = new Client(INFO, {
    capabilities: SHOWS_PAGES,
    versionNegotiation: { mode: { pin: '2026-07-28' } },
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(world.mcp), withKey(wire)));
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    const { url } = params as { url: string };
    const own = await open(url, requester);
    expect(await own.innerText('h1')).toBe(`Waiting for approval: ${TOOL}`);
    expect(await own.locator('button').allInnerTexts()).toEqual(['Take it back']);
    expect(await seriousFindings(own)).toEqual([]);
    await picture(own, 'approval-3-of-requester');

    const elsewhere = await open(url, stranger, 404);
    expect(await elsewhere.innerText('main')).not.toContain('butter');
    await picture(elsewhere, 'approval-4-of-nobody');

    await desk.goto(url);
    await decide('Reject', 'Not before Monday');
    expect(await desk.innerText('h1')).toBe(`Rejected: ${TOOL}`);
    await pictures(desk, 'approval-5-rejected');
    return { action: 'accept' };
  });
  const result = (await client.callTool(call('butter'))) as Result;
  expect(result.isError).toBe(true);
  expect(result.content[0]!.text).toMatch(/^Approval rejected: Not before Monday\./);
  await client.close();
});

test('a page of 2025-11-25: the client of that revision calls again when its person was there', async () => {
  const wire = wireOf('URL elicitation, 2025-11-25: SDK v1, approved before it called again');
  const client = new ClientV1(INFO, { capabilities: SHOWS_PAGES });
  await client.connect(new TransportV1(new URL(world.mcp), withKey(wire)) as never);
  const refused = await client.callTool(call('jam')).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(UrlElicitationRequiredError);
  await desk.goto((refused as UrlElicitationRequiredError).elicitations[0]!.url);
  await decide('Approve', '');
  expect(await client.callTool(call('jam'))).toMatchObject(deleted('jam'));
  await client.close();
});

test('held: Claude is told why, Cursor has its result, whatever decides', async () => {
  const ofClaude = claude.registeredClaude(world.mcp, requester, claude.REDIRECTS[0]!);
  const ofCursor = cursor.cursor(world.mcp, requester, cursor.REDIRECTS[0]!);
  await Promise.all([ofClaude.authorize(), ofCursor.authorize()]);
  const [forClaude, forCursor] = [
    send(
      wireOf('Claude: rejected while it was held', ofClaude.fetch).fetch,
      'tools/call',
      call('honey'),
    ),
    send(
      wireOf('Cursor: approved over REST while it was held', ofCursor.fetch).fetch,
      'tools/call',
      call('salt'),
    ),
  ];
  const [honey, salt] = await Promise.all([waiting('honey'), waiting('salt')]);
  const act = (url: string, vote: string, reason: string) =>
    world.rest.must('POST', `${new URL(url).pathname}/${vote}`, { reason });
  await Promise.all([act(honey, 'reject', 'We still need it'), act(salt, 'approve', 'Fine')]);
  const [told, made] = await Promise.all([forClaude, forCursor]);
  const { isError, content } = told.result as unknown as Result;
  expect(isError).toBe(true);
  expect(content[0]!.text).toMatch(/^Approval rejected: We still need it\./);
  expect(made.result).toMatchObject(deleted('salt'));
});

test('nobody decided in time: the agent is told whom it waits for, and has the result of the same call later', async () => {
  const told = await agent.told;
  expect(told.isError).toBe(true);
  expect(told.content[0]!.text).toMatch(/^Approval required\. Request sent to Admin team\./);
  await desk.goto(linkIn(told.content[0]!.text));
  await decide('Approve', '');
  expect(await askAsAgent(agent.wire)).toMatchObject(deleted('tea'));
  // Each was made once.
  const made = world.upstream.calls.map((one) => one.arguments['note']);
  expect(made.toSorted()).toEqual(['bread', 'jam', 'milk', 'salt', 'tea']);
});

test('the guide has what these clients sent and were sent', async () => {
  await Promise.all([...wires.values()].map((wire) => wire.quiet()));
  const written = ORDER.map(
    (title) => `### ${title}\n\n${transcript(wires.get(title)!, world.stack.publicUrl)}\n`,
  );
  const guide = readFileSync(join(ROOT, GUIDE), 'utf8');
  const [before, rest = ''] = guide.split(BEGIN);
  const after = rest.slice(rest.indexOf(END));
  await expect(`${before}${BEGIN}\n\n${written.join('\n')}\n${after}`).toMatchFileSnapshot(
    `../${GUIDE}`,
  );
});

const BEGIN = '<!-- written by e2e/approval-page.test.ts -->';
const END = '<!-- end of what is written -->';
const ORDER = [
  'ChatGPT: approved on the page while it was held',
  'Claude: rejected while it was held',
  'Cursor: approved over REST while it was held',
  'An agent with an API key: nobody decided in 25 seconds, and it called again later',
  'The tasks extension: SDK v2 with ext-tasks',
  'The tasks extension, cancelled',
  'URL elicitation, 2026-07-28: SDK v2, rejected while its person looked on',
  'URL elicitation, 2025-11-25: SDK v1, approved before it called again',
];

const call = (note: string) => ({ name: TOOL, arguments: { note } });
const deleted = (note: string) => ({ content: [{ type: 'text', text: `deleted ${note}` }] });
const linkIn = (text: string) => /http:\/\/\S+\/approvals\/apr_\w{22}/.exec(text)![0];

function wireOf(title: string, inner?: typeof globalThis.fetch): Wire {
  const wire = recorded(inner ?? globalThis.fetch);
  wires.set(title, wire);
  return wire;
}

const bearer = () => ({ authorization: `Bearer ${world.workspace.member.apiKey}` });
const withKey = ({ fetch }: Wire) => ({ fetch, requestInit: { headers: bearer() } });

/** One request of 2026-07-28; the last message that came back. */
async function send(
  via: typeof globalThis.fetch,
  method: string,
  params: Record<string, unknown>,
  capabilities: object = method === 'subscriptions/listen' ? TASKS : {},
): Promise<Message> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  };
  const name = params['name'] ?? params['taskId'];
  const response = await via(world.mcp, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof name === 'string' && { 'mcp-name': name }),
      // Clients that signed in put their own token over it.
      ...bearer(),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } }),
  });
  return messagesOf(await response.text()).at(-1)!;
}

/** As a script does it that knows nothing of sessions or revisions. */
async function askAsAgent({ fetch: via }: Wire): Promise<Result> {
  const response = await via(world.mcp, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...bearer(),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: call('tea') }),
  });
  return messagesOf(await response.text()).at(-1)!.result as unknown as Result;
}

async function tasksClient(wire: Wire) {
  const client = new Client(INFO, {
    capabilities: TASKS,
    versionNegotiation: { mode: { pin: '2026-07-28' } },
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(world.mcp), withKey(wire)));
  return createTaskSessionFromClient(client, {
    endpointId: 'notes',
    v2RequestFraming: {
      protocolVersion: '2026-07-28',
      clientInfo: INFO,
      clientCapabilities: TASKS,
    },
    rawDispatch: async (request) => {
      const { method, params } = request as { method: string; params: Record<string, unknown> };
      const { result, error } = await send(wire.fetch, method, params, TASKS);
      return (error ? { kind: 'error', error } : { kind: 'result', result }) as never;
    },
  });
}

/** The address of the page of a call that waits. */
async function waiting(note: string): Promise<string> {
  return eventually(`the call about ${note} waits`, async () => {
    const { items } = await world.rest.must<{
      items: { id: string; arguments: { note?: string } | null }[];
    }>('GET', '/approvals?status=pending&whose=decide');
    const found = items.find((item) => item.arguments?.note === note);
    return found && `${world.stack.publicUrl}/approvals/${found.id}`;
  });
}

/** An account that was seeded without a password gets that of somebody who signed up. */
async function givePassword(who: 'member' | 'owner'): Promise<Person> {
  const { userId, email } = world.workspace[who];
  await world.admin.pool.query(
    `update user_account set password_hash = p.password_hash, email_verified_at = now()
       from user_account p where p.email = $2 and user_account.id = $1`,
    [userId, stranger.email],
  );
  return { email, password: stranger.password };
}

/** A browser of its own that was sent to the address, and whose person signs in on the way. */
async function open(url: string, person: Person, status = 200): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(url);
  expect(new URL(page.url()).pathname).toBe('/login');
  await page.fill('input[name=email]', person.email);
  await page.fill('input[name=password]', person.password);
  const shown = page.waitForResponse(url);
  await page.keyboard.press('Enter');
  expect((await shown).status()).toBe(status);
  await page.waitForURL(url);
  return page;
}

async function decide(button: 'Approve' | 'Reject', reason: string): Promise<void> {
  await desk.getByLabel('Reason').fill(reason);
  await desk.getByRole('button', { name: button }).click();
  await desk.waitForSelector('h2:text("Votes")');
}

const picture = (page: Page, name: string) =>
  page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });

async function pictures(page: Page, name: string): Promise<void> {
  const take = (kind: string) => picture(page, `${name}-${kind}`);
  await take('light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await take('dark');
  await page.emulateMedia({ colorScheme: 'light' });
  const size = page.viewportSize()!;
  await page.setViewportSize({ width: 360, height: 740 });
  await take('narrow');
  await page.setViewportSize(size);
}
