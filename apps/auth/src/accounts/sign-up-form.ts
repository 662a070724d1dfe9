import { z } from 'zod';
import { plainName } from './plain-name.js';
import { PASSWORD_MAX, PASSWORD_MIN } from './passwords.js';
import { normaliseEmail } from './sign-in.js';

const name = (what: string) =>
  z
    .string()
    .default('')
    .transform(plainName)
    .refine((value) => value.length > 0, `Enter ${what}.`);

const newPassword = z
  .string()
  .default('')
  .refine(
    (value) => [...value].length >= PASSWORD_MIN,
    `Choose a password of at least ${PASSWORD_MIN} characters.`,
  )
  .refine((value) => value.length <= PASSWORD_MAX, 'Choose a shorter password.');

const form = z.object({
  name: name('your name'),
  workspace: name('a name for the workspace'),
  email: z
    .string()
    .default('')
    .transform(normaliseEmail)
    .pipe(z.email('Enter an email address, like name@example.com.').max(254)),
  password: newPassword,
});

/** What an invited person adds to the account that waits for them. */
const claim = z.object({ name: name('your name'), password: newPassword });

export type SignUpForm = z.output<typeof form>;
export type ClaimForm = z.output<typeof claim>;

/** The form, tidied, or the first thing that is wrong with it as a sentence. */
export const readSignUpForm = (fields: Record<string, string>) => read(form, fields);
export const readClaimForm = (fields: Record<string, string>) => read(claim, fields);

function read<Form>(
  schema: z.ZodType<Form>,
  fields: Record<string, string>,
): { form: Form } | { problem: string } {
  const parsed = schema.safeParse(fields);
  return parsed.success
    ? { form: parsed.data }
    : { problem: parsed.error.issues[0]?.message ?? 'Check the form.' };
}
