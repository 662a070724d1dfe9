import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './stack.js';

/** The members of a union of texts, as its source names them. */
export function membersOf(file: string, type: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const [, body] = new RegExp(`type ${type} =([^;]*);`).exec(text)!;
  return [...body!.matchAll(/'([\w-]+)'/g)].map(([, name]) => name!);
}

/** The prefix of every kind of id that there is. */
export const idKinds = (): string[] => membersOf('libs/contracts/src/ids.ts', 'IdPrefix');
