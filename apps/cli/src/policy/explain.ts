import type { PolicyExplanation } from '@conducktor/contracts';
import { UsageError, type StackOptions } from '../options.js';
import { table } from '../terminal/table.js';
import { openApi } from './api.js';
import { readPolicyFile } from './read-policy-file.js';
import type { Surroundings } from './surroundings.js';

/** Asks a running Conducktor how a policy, or else its active one, decides one call, and shows every rule's part. */
export async function explainPolicy(
  options: StackOptions,
  file: string | undefined,
  { env, out }: Surroundings,
): Promise<number> {
  const { tool, event, member } = options;
  if (tool === undefined && event === undefined)
    throw new UsageError(
      'Say which call: --tool NAME with --member ADDRESS and --args JSON, or --event ID.',
    );
  const api = openApi(options, env);
  const explained = await api<PolicyExplanation>('POST', '/policies/explain', {
    ...(file === undefined ? {} : { document: readPolicyFile(file, env) }),
    ...(tool === undefined ? {} : { tool }),
    ...(event === undefined ? {} : { event }),
    ...(member === undefined ? {} : { member }),
    ...(options.args === undefined ? {} : { args: argumentsOf(options.args) }),
  });
  out.write(`${options.json ? JSON.stringify(explained) : describe(explained)}\n`);
  return 0;
}

function argumentsOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`--args must be a JSON object, such as '{"id":1}'.`);
  }
}

function describe({ call, sentence, message, rules, notes }: PolicyExplanation): string {
  return [
    `${call.member} calls ${call.tool} (${call.class}): ${sentence}`,
    ...(message === null ? [] : [`  "${message}"`]),
    ...(rules.length === 0
      ? []
      : [
          '',
          table(
            ['rule', 'effect', 'part', ''],
            rules.map(({ rule, effect, result, because }) => [rule, effect, result, because ?? '']),
          ),
        ]),
    ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `  ${note}`)]),
  ].join('\n');
}
