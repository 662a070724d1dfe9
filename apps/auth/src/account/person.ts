import { findUser, type UserAccount } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Passwords } from '../accounts/passwords.js';
import type { LoginDeps } from '../interactions/login.js';
import type { WayOut } from '../mail/way-out.js';
import type { LetterDeps } from './verify-email.js';

export interface AccountDeps extends LoginDeps, LetterDeps {
  passwords: Passwords;
  mail: WayOut['kind'];
  logger: Logger;
}

/** Who is signed in in this browser; undefined: nobody, or an account that was disabled. */
export async function personOf(
  deps: Pick<AccountDeps, 'sessions' | 'db'>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<UserAccount | undefined> {
  const session = await deps.sessions.read(request, reply);
  return session && findUser(deps.db, session.accountId);
}

/** What a query's `done` says that just happened: one of our own sentences, or nothing. */
export function sentenceOf(
  request: FastifyRequest,
  sentences: Record<string, string>,
): string | undefined {
  const { done } = request.query as Record<string, unknown>;
  return typeof done === 'string' && Object.hasOwn(sentences, done) ? sentences[done] : undefined;
}
