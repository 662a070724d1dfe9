import type { ToolView } from '@conducktor/contracts';
import { compilePolicy, parsePolicy, runPolicyTests, type PolicyTool } from '@conducktor/policy';
import type { StackOptions } from '../options.js';
import { openApi, type Api } from './api.js';
import { readPolicyFile } from './read-policy-file.js';
import type { Surroundings } from './surroundings.js';

/**
 * Runs the tests that stand in the document. Alone it asks nobody: classes of tools are those that the
 * tests name, or `write`. With `--url` or `--stack` it takes the tools of a running Conducktor.
 */
export async function testPolicy(
  options: StackOptions,
  file: string,
  { env, out }: Surroundings,
): Promise<number> {
  const document = parsePolicy(readPolicyFile(file, env));
  const asked = options.stack || options.url !== undefined;
  const tools = asked ? await readTools(openApi(options, env)) : new Map<string, PolicyTool>();
  const results = runPolicyTests(compilePolicy(document), document.tests, (name) =>
    tools.get(name),
  );
  const failed = results.filter(({ passed }) => !passed);
  if (options.json) {
    out.write(
      `${JSON.stringify({ passed: results.length - failed.length, failed: failed.length, tests: results })}\n`,
    );
  } else {
    for (const { name, passed, sentence } of results)
      out.write(`${passed ? '✓' : '✗'} ${name}: ${sentence}\n`);
    out.write(`${results.length - failed.length} passed, ${failed.length} failed\n`);
  }
  return failed.length === 0 ? 0 : 1;
}

async function readTools(api: Api): Promise<Map<string, PolicyTool>> {
  const tools = new Map<string, PolicyTool>();
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: { items: ToolView[]; nextCursor: string | null } = await api(
      'GET',
      `/tools?limit=200${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    for (const { name, upstreamName, connection, class: toolClass, labels } of page.items)
      tools.set(name, { name, upstreamName, connection, class: toolClass, labels });
    cursor = page.nextCursor;
  }
  return tools;
}
