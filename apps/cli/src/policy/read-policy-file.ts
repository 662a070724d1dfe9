import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { EmbeddedError } from '@conducktor/embedded';

/** The text of a policy document. npm changes into the repository; a path was typed where the person stood. */
export function readPolicyFile(file: string, env: NodeJS.ProcessEnv): string {
  const path = resolve(env['INIT_CWD'] ?? process.cwd(), file);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new EmbeddedError(`${path} cannot be read: ${(error as Error).message}`);
  }
}
