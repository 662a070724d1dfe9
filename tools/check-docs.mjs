// docs/errors.md and the codes in libs/contracts agree, both ways; links in the docs lead somewhere.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** Codes declared in libs/contracts/src/errors.ts, with their status. */
export function declaredCodes(source) {
  const body = /CODES\s*=\s*\{([\s\S]*?)\}\s*as const/.exec(source)?.[1] ?? '';
  return new Map([...body.matchAll(/^\s*(\w+):\s*(\d{3}),/gm)].map((m) => [m[1], Number(m[2])]));
}

/** Codes that have a heading ``## `code` (status)`` in docs/errors.md. */
export function documentedCodes(markdown) {
  return new Map(
    [...markdown.matchAll(/^##+ `(\w+)` \((\d{3})\)$/gm)].map((m) => [m[1], Number(m[2])]),
  );
}

/** Sentences for every code that only one side knows or that differ in status. */
export function compareCodes(declared, documented) {
  const problems = [];
  for (const [code, status] of declared) {
    if (!documented.has(code)) problems.push(`docs/errors.md does not explain \`${code}\`.`);
    else if (documented.get(code) !== status) {
      problems.push(
        `docs/errors.md says ${documented.get(code)} for \`${code}\`, the code ${status}.`,
      );
    }
  }
  for (const code of documented.keys()) {
    if (!declared.has(code))
      problems.push(`docs/errors.md explains \`${code}\`, which does not exist.`);
  }
  return problems;
}

/** Relative links of a Markdown file that point at nothing. */
export function deadLinks(root, file) {
  const text = readFileSync(file, 'utf8').replace(/```[\s\S]*?```/g, '');
  return [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
    .map((m) => m[1])
    .filter((link) => !/^[a-z]+:/i.test(link) && !existsSync(resolve(dirname(file), link)))
    .map((link) => `${relative(root, file)}: ${link} does not exist.`);
}

/**
 * Tests that a page names and that do not exist: a link to a *.test.ts, followed by parts of names in
 * “quotes”.
 */
export function missingTests(root, file) {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/\]\(([^)\s]+\.test\.ts)\)((?: “[^”]+”)+)/g)].flatMap(
    ([, link, names]) => {
      const target = resolve(dirname(file), link);
      if (!existsSync(target)) return [];
      const source = readFileSync(target, 'utf8');
      return [...names.matchAll(/“([^”]+)”/g)]
        .map((m) => m[1])
        .filter((name) => !source.includes(name))
        .map((name) => `${relative(root, file)}: ${relative(root, target)} has no test “${name}”.`);
    },
  );
}

/** Every problem of the documentation of the repository at `root`. */
export function findDocProblems(root) {
  const errors = join(root, 'docs/errors.md');
  const source = readFileSync(join(root, 'libs/contracts/src/errors.ts'), 'utf8');
  const documented = existsSync(errors) ? documentedCodes(readFileSync(errors, 'utf8')) : new Map();
  const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md']
    .map((name) => join(root, name))
    .concat(markdownUnder(join(root, 'docs')))
    .filter((file) => existsSync(file));
  return [
    ...compareCodes(declaredCodes(source), documented),
    ...pages.flatMap((page) => [...deadLinks(root, page), ...missingTests(root, page)]),
  ];
}

function markdownUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}
