import { CODES, ConducktorError, type Code, type Problem } from '@conducktor/contracts';
import { JsonRefused } from '@conducktor/catalog';
import type { FastifyReply } from 'fastify';
import { type ZodError } from 'zod';

/** A request that does not fit its schema, with each field and why. */
export function invalidRequest(error: ZodError, where: string): ConducktorError {
  const errors = error.issues.slice(0, 20).map((issue) => ({
    field: fieldOf(issue.path) || where,
    problem: problemOfIssue(issue),
  }));
  return new ConducktorError(
    'invalid_request',
    errors.map(({ field, problem }) => `"${field}": ${problem}.`).join(' '),
    { detail: { errors } },
  );
}

function problemOfIssue(issue: ZodError['issues'][number]): string {
  if (issue.code === 'unrecognized_keys')
    return `has fields that are not known here: ${issue.keys.join(', ')}`;
  // The name itself is wrong: why, is one level down.
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message;
  return issue.message;
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
}

/** What a person may see of any error: everything of ours, nothing of a fault's. */
export function problemOf(error: unknown): Problem {
  const known = toConducktorError(error);
  return {
    // Explained under this name in docs/errors.md, which the page /docs/errors shows.
    type: `urn:conducktor:error:${known.code}`,
    title: known.code.replaceAll('_', ' '),
    status: known.status,
    code: known.code,
    detail: known.message,
    ...known.options.detail,
  };
}

// What Fastify itself refuses, by its status.
const BY_STATUS: Partial<Record<number, Code>> = {
  400: 'invalid_request',
  404: 'not_found',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
};

function toConducktorError(error: unknown): ConducktorError {
  if (error instanceof ConducktorError) return error;
  if (error instanceof JsonRefused) return new ConducktorError('invalid_request', error.message);
  const status = (error as { statusCode?: unknown }).statusCode;
  const code = typeof status === 'number' ? BY_STATUS[status] : undefined;
  if (code === 'unsupported_media_type')
    return new ConducktorError(code, 'Send JSON with "Content-Type: application/json".');
  if (code === 'payload_too_large')
    return new ConducktorError(code, 'The body is larger than 1 MiB.');
  if (code) return new ConducktorError(code, (error as Error).message);
  return new ConducktorError(
    'internal_error',
    'Something failed inside Conducktor. It was logged; try again, and tell the operator if it stays.',
  );
}

export function sendProblem(reply: FastifyReply, error: unknown): FastifyReply {
  const problem = problemOf(error);
  if (problem.status === CODES.unauthenticated)
    void reply.header('www-authenticate', 'Bearer realm="Conducktor REST API"');
  if (problem.code === 'insufficient_scope')
    void reply.header('www-authenticate', 'Bearer error="insufficient_scope", scope="admin"');
  if (typeof problem['retryAfterMs'] === 'number')
    void reply.header('retry-after', String(Math.ceil(problem['retryAfterMs'] / 1000)));
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json')
    .send(JSON.stringify(problem));
}
