import { z } from 'zod';
import { plainName } from './plain-name.js';
import { passwordProblem } from './password-rules.js';
import { normaliseEmail } from './sign-in.js';

const name = (what: string) =>
  z
    .string()
    .default('')
    .transform(plainName)
    .refine((value) => value.length > 0, `Enter ${what}.`);

const password = z.string().default('');

const form = z.object({
  name: name('your name'),
  workspace: name('a name for the workspace'),
  email: z
    .string()
    .default('')
    .transform(normaliseEmail)
    .pipe(z.email('Enter an email address, like name@example.com.').max(254)),
  password,
});

/** What an invited person adds to the account that waits for them. */
const claim = z.object({ name: name('your name'), password });

export type SignUpForm = z.output<typeof form>;
export type ClaimForm = z.output<typeof claim>;

/** The form, tidied, or the first thing that is wrong with it as a sentence. */
export function readSignUpForm(fields: Record<string, string>) {
  return read(form, fields, ({ email, name, workspace }) => [email, name, workspace]);
}

/** `about`: what is known of the account besides, such as its address. */
export function readClaimForm(fields: Record<string, string>, about: readonly string[] = []) {
  return read(claim, fields, ({ name }) => [name, ...about]);
}

function read<Form extends { password: string }>(
  schema: z.ZodType<Form>,
  fields: Record<string, string>,
  about: (form: Form) => string[],
): { form: Form } | { problem: string } {
  const parsed = schema.safeParse(fields);
  if (!parsed.success) return { problem: parsed.error.issues[0]?.message ?? 'Check the form.' };
  const problem = passwordProblem(parsed.data.password, about(parsed.data));
  return problem === undefined ? { form: parsed.data } : { problem };
}
