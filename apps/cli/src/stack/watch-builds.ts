import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '@conducktor/runtime';
import { REPOSITORY } from './layout.js';
import type { Stack } from './stack.js';

const POLL_MS = 500;

/** For development: starts a service anew when its build, or one of a library it uses, has changed. */
export function watchBuilds(stack: Stack, logger: Logger): void {
  const services = stack.units
    .map((unit) => unit.view.name)
    .filter((name) => existsSync(join(REPOSITORY, 'apps', name)));
  const seen = new Map(services.map((name) => [name, newestBuild(`apps/${name}`)]));
  setInterval(() => {
    for (const name of services) {
      const newest = newestBuild(`apps/${name}`);
      // Half a build is not started: it must have stood still for one round.
      if (newest <= seen.get(name)! || Date.now() - newest < POLL_MS) continue;
      seen.set(name, newest);
      logger.info({ unit: name }, 'Its code has changed');
      void stack.unit(name)?.restart();
    }
  }, POLL_MS).unref();
}

/** Milliseconds since 1970 of the last build of a project and of everything it depends on. */
function newestBuild(project: string, visited = new Set<string>()): number {
  if (visited.has(project)) return 0;
  visited.add(project);
  const built =
    statSync(join(REPOSITORY, project, 'dist/.tsbuildinfo'), { throwIfNoEntry: false })?.mtimeMs ??
    0;
  const { dependencies = {} } = JSON.parse(
    readFileSync(join(REPOSITORY, project, 'package.json'), 'utf8'),
  ) as { dependencies?: Record<string, string> };
  const ours = Object.keys(dependencies).filter((name) => name.startsWith('@conducktor/'));
  return Math.max(
    built,
    ...ours.map((name) => newestBuild(`libs/${name.slice('@conducktor/'.length)}`, visited)),
  );
}
