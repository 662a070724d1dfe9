// Managing a workspace from a conversation, through the one origin: tools, the link, signing in, the secret.
import { formsOf, FormBrowser, type Page } from '@conducktor/oauth-client';
import { rawCall } from '@conducktor/testing';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { Rest } from './support/rest.js';
import { openWorld, type World } from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await openWorld({ slug: 'rec' });
});
afterAll(() => world.close());

for (const era of ['modern', 'legacy'] as const)
  test(`a ${era} client of an owner lists connections; a member’s is told what it needs`, async () => {
    const { owner, member } = world.workspace;
    const call = (token: string) =>
      rawCall(world.mcp, 'conducktr_list_connections', {}, { token, era });
    const listed = (await call(owner.apiKey)).message?.result;
    expect(listed?.structuredContent).toMatchObject({
      connections: [{ slug: 'rec', status: 'ACTIVE' }],
    });
    expect(listed?.content).toEqual([
      { type: 'text', text: JSON.stringify(listed?.structuredContent) },
    ]);
    const refused = (await call(member.apiKey)).message?.result;
    expect(refused).toMatchObject({
      isError: true,
      content: [
        {
          text: 'Permission denied: this needs the role owner, admin, approver or auditor.',
        },
      ],
    });
  });

test('a connection made in a conversation gets its secret from a person in a browser', async () => {
  const { demo, publicUrl } = inject('stack');
  const slug = 'by-chat';
  const made = await rawCall(
    `${publicUrl}/mcp`,
    'conducktr_create_connection',
    { slug, kind: 'mcp-http', url: world.upstream.url },
    { token: demo.apiKey },
  );
  const { id, secretUrl } = made.message!.result!.structuredContent as {
    id: string;
    secretUrl: string;
  };
  expect(secretUrl).toMatch(/\/connections\/con_\w{22}\/secret$/);

  const browser = new FormBrowser(publicUrl);
  const signIn = (await browser.open(secretUrl)) as Page;
  expect(new URL(signIn.url).pathname).toBe('/login');
  const form = signIn.forms.find(({ action }) => action.endsWith('/login'))!;
  const page = (await browser.submit(form, {
    email: demo.email,
    password: demo.password,
  })) as Page;
  expect(page.url).toBe(secretUrl);
  const [secret] = formsOf(page.html, page.url);
  // The page posts to its own address.
  const tested = (await browser.submit(
    { ...secret!, action: page.url },
    { name0: 'Authorization', value0: 'Bearer by-hand', do: 'save' },
  )) as Page;
  expect(tested.html).toContain('<dt>Status</dt><dd>ACTIVE</dd>');
  const echo = await rawCall(
    `${publicUrl}/mcp/${slug}`,
    'echo',
    { message: 'here' },
    { token: demo.apiKey },
  );
  expect(echo.message?.result?.content).toEqual([{ type: 'text', text: 'here' }]);
  expect(world.upstream.calls.at(-1)?.headers).toMatchObject({ authorization: 'Bearer by-hand' });
  await new Rest(publicUrl, demo.apiKey).must('DELETE', `/connections/${id}`);
});
