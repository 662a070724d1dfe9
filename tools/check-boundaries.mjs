// Who may import whom. Project references and npm workspaces do not enforce it: hoisting lets any
// file import any package. The project graph is read from package.json files and import statements.
import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';

const SCOPE = '@conducktor/';
const leaf = ['contracts', 'runtime', 'db'];

/** Libs a lib may use. A lib that is not listed may use contracts, runtime and db. */
const LIB_MAY_USE = {
  contracts: [],
  config: ['contracts'],
  runtime: ['contracts', 'config'],
  db: ['contracts', 'runtime'],
  policy: ['contracts'],
  embedded: ['contracts', 'runtime'],
  'oauth-client': [],
};

/** Packages with one home. Everyone else goes through what that home exports. */
const ONE_HOME = {
  pg: ['libs/db'],
  prisma: ['libs/db'],
  '@prisma/client': ['libs/db'],
  '@prisma/adapter-pg': ['libs/db'],
  'oidc-provider': ['apps/auth'],
  stripe: ['apps/billing-usage'],
};

/** Folders beside the projects: they may use any lib, also testing. */
const OUTSIDE_PROJECTS = ['bench', 'e2e'];

/**
 * Every violation in the repository at `root`, as sentences that name the file and the way out.
 * Empty when all is well.
 */
export function findViolations(root) {
  const projects = readProjects(root);
  const violations = [];
  for (const project of projects) {
    for (const file of sourceFiles(join(root, project.path))) {
      violations.push(...violationsOfFile(root, project, file));
    }
    violations.push(...cyclesThrough(project, projects));
  }
  for (const folder of OUTSIDE_PROJECTS) {
    for (const file of sourceFiles(join(root, folder))) {
      violations.push(
        ...violationsOfFile(root, { path: folder, kind: 'outside', name: folder }, file),
      );
    }
  }
  return [...new Set(violations)];
}

function readProjects(root) {
  return ['libs', 'apps'].flatMap((kind) =>
    existsSync(join(root, kind))
      ? readdirSync(join(root, kind))
          .filter((name) => existsSync(join(root, kind, name, 'package.json')))
          .map((name) => {
            const manifest = JSON.parse(
              readFileSync(join(root, kind, name, 'package.json'), 'utf8'),
            );
            const declared = Object.keys({
              ...manifest.dependencies,
              ...manifest.devDependencies,
              ...manifest.optionalDependencies,
              ...manifest.peerDependencies,
            });
            return { kind, name, path: `${kind}/${name}`, declared };
          })
      : [],
  );
}

function* sourceFiles(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (['dist', 'node_modules', 'generated', 'fixtures'].includes(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sourceFiles(path);
    else if (/\.(ts|tsx|mts|mjs|js)$/.test(entry.name)) yield path;
  }
}

const IMPORT =
  /(?:^|[\s;}])(?:import|export)\s+(?:type\s+)?(?:[\w*\s{},$]+?\s+from\s+)?['"]([^'"\n]+)['"]/g;
const DYNAMIC = /\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/g;

/** Module specifiers of a source text: static, re-exported and dynamic with a literal. */
export function importsOf(text) {
  const bare = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return [...bare.matchAll(IMPORT), ...bare.matchAll(DYNAMIC)].map((m) => m[1]);
}

function violationsOfFile(root, project, file) {
  const text = readFileSync(file, 'utf8');
  const where = relative(root, file).split(sep).join('/');
  const isTest = /(^|\/)tests\//.test(where) || project.kind === 'outside';
  const found = [];
  const say = (sentence) => found.push(`${where}: ${sentence}`);

  if (project.kind !== 'outside') {
    if (/^\s*export\s+\*/m.test(text)) {
      say('`export *` hides what a library offers; name each export.');
    }
    if (/\bforwardRef\s*\(/.test(text)) {
      say('forwardRef hides a cycle; move what both sides need into a third file.');
    }
  }
  for (const specifier of importsOf(text)) {
    if (specifier.startsWith('.')) {
      const target = relative(root, resolve(file, '..', specifier))
        .split(sep)
        .join('/');
      if (project.kind !== 'outside' && !target.startsWith(`${project.path}/`)) {
        say(`reaches into ${target}; import the package instead.`);
      }
      continue;
    }
    if (isBuiltin(specifier)) continue;
    const name = packageName(specifier);
    if (name.startsWith(SCOPE)) {
      found.push(
        ...projectRule(project, name.slice(SCOPE.length), isTest).map((s) => `${where}: ${s}`),
      );
      if (specifier !== name) say(`${specifier} bypasses the index of ${name}.`);
    }
    const home = ONE_HOME[name];
    if (home && !home.includes(project.path)) {
      say(`${name} may only be imported in ${home.join(', ')}.`);
    }
    // Tests may use the tools of the repository root (vitest, fast-check, the SDK clients).
    if (
      project.declared &&
      !isTest &&
      name !== `${SCOPE}${project.name}` &&
      !project.declared.includes(name)
    ) {
      say(`${name} is not declared in ${project.path}/package.json.`);
    }
  }
  return found;
}

function packageName(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function projectRule(project, target, isTest) {
  if (target === project.name) return [];
  if (existsAsApp(target))
    return [`apps are not imported (${target}); move the shared part to a lib.`];
  if (target === 'testing' || (target === 'embedded' && project.kind === 'libs')) {
    const mayUse = isTest || (project.name === 'testing' && target === 'embedded');
    return mayUse
      ? []
      : [`${target} is for tests${target === 'embedded' ? ' and the launcher' : ''}.`];
  }
  if (project.kind !== 'libs' || isTest || project.name === 'testing') return [];
  const allowed = LIB_MAY_USE[project.name] ?? leaf;
  return allowed.includes(target)
    ? []
    : [`${project.name} may import ${allowed.join(', ') || 'no other lib'}, not ${target}.`];
}

const APPS = new Set([
  'gateway',
  'connector-worker',
  'auth',
  'control',
  'billing-usage',
  'audit',
  'dashboard',
  'cli',
]);
const existsAsApp = (name) => APPS.has(name);

/** A cycle of declared dependencies, reported at its alphabetically first member only. */
function cyclesThrough(start, projects) {
  const byName = new Map(projects.map((p) => [p.name, p]));
  const visit = (project, path) => {
    for (const dependency of project.declared) {
      if (!dependency.startsWith(SCOPE)) continue;
      const name = dependency.slice(SCOPE.length);
      const circle = [...path, name];
      if (name === start.name) {
        if ([...path].sort()[0] === start.name) return circle;
        continue;
      }
      const next = byName.get(name);
      if (!next || path.includes(name)) continue;
      const found = visit(next, circle);
      if (found) return found;
    }
    return undefined;
  };
  const circle = visit(start, [start.name]);
  return circle ? [`${start.path}/package.json: dependency cycle ${circle.join(' → ')}.`] : [];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const violations = findViolations(resolve(import.meta.dirname, '..'));
  for (const violation of violations) console.error(violation);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
