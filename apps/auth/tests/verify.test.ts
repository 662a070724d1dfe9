import { emailVerifiedAt, findUserByEmail } from '@conducktor/db';
import { FormBrowser } from '@conducktor/oauth-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  formTo,
  PASSWORD,
  signUp,
  startAuth,
  stayed,
  textOf,
  type AuthService,
} from './harness.js';
import { lettersTo, linkIn } from './smtp.js';

let auth: AuthService;
beforeAll(async () => {
  auth = await startAuth({ MAIL_DIR: '/nowhere' });
});
afterAll(() => auth.stop());

const browserOf = () => new FormBrowser(auth.origin);
const open = async (browser: FormBrowser, url: string) => stayed(await browser.open(url));
const verified = async (email: string) =>
  (await emailVerifiedAt(auth.db, (await findUserByEmail(auth.db, email))!.id)) !== undefined;

describe('an address', () => {
  test('is confirmed by the button behind the link that sign-up sent, and by nothing less', async () => {
    const email = await signUp(auth);
    const letters = await lettersTo(auth, email);
    expect(letters.map(({ subject }) => subject)).toEqual(['Confirm your email address']);
    const link = linkIn(letters[0], '/verify');
    expect(link.startsWith(auth.origin)).toBe(true);
    // A scanner of mail fetches links, with GET and HEAD, more than once.
    for (let n = 0; n < 3; n++) expect((await fetch(link)).status).toBe(200);
    await fetch(link, { method: 'HEAD' });
    expect(await verified(email)).toBe(false);
    const browser = browserOf();
    const page = await open(browser, link);
    expect(textOf(page)).toContain(`Is ${email} your address?`);
    const done = stayed(await browser.submit(formTo(page, '/verify'), {}));
    expect(textOf(done)).toContain('Your address is confirmed');
    expect(await verified(email)).toBe(true);
    expect((await open(browserOf(), link)).status).toBe(404);
  });

  test('is not confirmed by a form of another browser, an expired link or a made-up one', async () => {
    const email = await signUp(auth);
    const link = linkIn((await lettersTo(auth, email))[0], '/verify');
    const form = formTo(await open(browserOf(), link), '/verify');
    expect(stayed(await browserOf().submit(form, {})).status).toBe(400);
    await auth.admin.pool.query("update mailed_link set expires_at = now() - interval '1 s'");
    const pages = [link, '/verify', '/verify?token=x', `/verify?token=${'a'.repeat(43)}`];
    const bodies = await Promise.all(pages.map((url) => open(browserOf(), url)));
    for (const page of bodies) {
      expect(page.status).toBe(404);
      expect(page.html).toBe(bodies[0]!.html);
    }
    expect(await verified(email)).toBe(false);
  });

  test('is asked for again a few times and no more', async () => {
    const browser = browserOf();
    const email = await signUp(auth, browser);
    for (let n = 0; n < 4; n++) {
      const page = await open(browser, '/account');
      const done = stayed(await browser.submit(formWith(page, 'verify'), { decision: 'verify' }));
      expect(textOf(done)).toContain(n < 3 ? 'A letter is on its way' : 'Look into your mailbox');
    }
    expect(await lettersTo(auth, email)).toHaveLength(4);
  });

  test('is stored as a hash of its link', async () => {
    const email = await signUp(auth);
    const token = linkIn((await lettersTo(auth, email))[0], '/verify').split('token=')[1]!;
    const { rows } = await auth.admin.pool.query(
      'select to_jsonb(l)::text as row from mailed_link l union all select to_jsonb(m)::text from mail_outbox m',
    );
    for (const { row } of rows) expect(row).not.toContain(token);
  });
});

describe('a change of address', () => {
  async function begin(browser: FormBrowser, to: string, password = PASSWORD) {
    const page = await open(browser, '/account');
    const fields = { decision: 'change', email: to, password };
    return stayed(await browser.submit(formWith(page, 'change'), fields));
  }

  test('takes the password and the new mailbox, tells the old one, and slips out of no rule', async () => {
    const browser = browserOf();
    const old = await signUp(auth, browser);
    const next = `new-${old}`;
    const wrong = await begin(browser, next, 'not the password');
    expect(textOf(wrong)).toContain('The password is wrong');
    expect(await lettersTo(auth, next)).toEqual([]);
    expect(textOf(await begin(browser, next))).toContain('on its way to the new address');
    expect(await findUserByEmail(auth.db, next)).toBeUndefined();
    const link = linkIn((await lettersTo(auth, next))[0], '/verify');
    const elsewhere = browserOf();
    const page = await open(elsewhere, link);
    expect(textOf(page)).toContain(`the account of ${old} would sign in with ${next}`);
    stayed(await elsewhere.submit(formTo(page, '/verify'), {}));
    expect(await findUserByEmail(auth.db, old)).toBeUndefined();
    expect(await verified(next)).toBe(true);
    expect((await lettersTo(auth, old)).at(-1)).toMatchObject({
      subject: 'Your email address was changed',
    });
    const { rows } = await auth.admin.pool.query(
      "select m.email, o.record from member m join audit_outbox o using (tenant_id) where m.email = $1 and record->>'action' = 'member.change-email'",
      [old],
    );
    // Policies of a workspace name its members by the address that they joined with.
    expect(rows).toMatchObject([{ email: old, record: { actor: old, email: next } }]);
    // The letter of sign-up, in the old mailbox, confirms nothing any more.
    const first = linkIn((await lettersTo(auth, old))[0], '/verify');
    expect((await open(browserOf(), first)).status).toBe(404);
  });

  test('ends with the password that began it', async () => {
    const browser = browserOf();
    const old = await signUp(auth, browser);
    await begin(browser, `thief-${old}`);
    const link = linkIn((await lettersTo(auth, `thief-${old}`))[0], '/verify');
    const security = await open(browser, '/account/security');
    const form = formTo(security, '/account/security/password');
    const password = 'another battery horse entirely';
    await browser.submit(form, { current: PASSWORD, password });
    expect((await open(browserOf(), link)).status).toBe(404);
  });

  test('to an address that has an account of its own changes nothing', async () => {
    const browser = browserOf();
    const [old, theirs] = [await signUp(auth, browser), await signUp(auth)];
    // Said to be on its way, like any other: who asks learns nothing of accounts.
    expect(textOf(await begin(browser, theirs))).toContain('on its way to the new address');
    const link = linkIn((await lettersTo(auth, theirs)).at(-1), '/verify');
    const page = await open(browser, link);
    const refused = stayed(await browser.submit(formTo(page, '/verify'), {}));
    expect(refused.status).toBe(409);
    expect(await findUserByEmail(auth.db, old)).toBeDefined();
  });
});

/** The form whose button decides this. */
function formWith(page: Awaited<ReturnType<typeof open>>, decision: string) {
  const form = page.forms.find(({ choices }) => choices.get('decision')?.includes(decision));
  if (!form) throw new Error(`No form decides ${decision}: ${page.html}`);
  return form;
}
