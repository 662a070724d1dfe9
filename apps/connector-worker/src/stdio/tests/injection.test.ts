// Whatever stands in a connection's row, however it got there: nothing runs but what the catalogue names.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { injectionCorpus } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestWorker, type NewConnection, type TestWorker } from '../../tests/support.js';
import { createFixtures, textOf } from './fixture.js';

const { dir, fixture, remove } = createFixtures();
const canary = join(dir, 'canary');
const corpus = injectionCorpus(canary);
const path = process.env['PATH'];
/** What begins like an option or could not be handed to a process. */
const isRefused = (arg: string) => arg.startsWith('-') || arg.includes('\0') || arg.length > 4_096;

describe.each(['in the sandbox', 'where there is none'])('a server %s', (where) => {
  let test: TestWorker;
  beforeAll(async () => {
    if (where === 'where there is none') process.env['PATH'] = '/nonexistent';
    const witness = fixture(
      'witness',
      `text(id, JSON.stringify({ args: process.argv.slice(2), execArgv: process.execArgv, env: process.env }))`,
    );
    test = await startTestWorker({
      catalogue: {
        witness: { ...witness, acceptsArgs: true, acceptsEnv: ['API_TOKEN'] },
        closed: witness,
      },
    });
    process.env['PATH'] = path;
  });
  afterAll(async () => {
    await test.stop();
    if (where === 'where there is none') remove();
  });

  /** The outcome of listing and calling, one for both. */
  async function outcomeOf(connection: NewConnection): Promise<string> {
    const connectionId = await test.connect({ kind: 'mcp-stdio', ...connection });
    const listed = await test.client.refresh({ tenantId: test.tenantId, connectionId });
    const { outcome } = await test.call(connectionId, 'x');
    return `${listed.status} ${outcome}`;
  }

  it('is started for no other name, and takes no option and no variable of its own choosing', async () => {
    const storable = (text: string) => !text.includes('\0');
    const attempts: NewConnection[] = [
      ...corpus.names.filter(storable).map((catalog) => ({ catalog })),
      ...corpus.args
        .filter(storable)
        .flatMap((arg) => [
          { catalog: 'closed', args: [arg] },
          ...(isRefused(arg) ? [{ catalog: 'witness', args: ['fine', arg] }] : []),
        ]),
      ...corpus.env.flatMap(([name, value]) => [
        { catalog: 'closed', env: { [name]: value } },
        { catalog: 'witness', env: Object.fromEntries([[name, value]]) },
      ]),
      { catalog: 'witness', args: Array<string>(33).fill('x') },
    ];
    const outcomes = new Map<string, string>();
    await Promise.all(
      attempts.map(async (attempt) =>
        outcomes.set(JSON.stringify(attempt), await outcomeOf(attempt)),
      ),
    );
    const others = [...outcomes].filter(([, outcome]) => outcome !== 'ERROR unavailable');
    expect(others).toEqual([]);
    expect(outcomes.size).toBe(attempts.length);
    // No directory was even made for one: they are made before a process is.
    expect(existsSync(join(test.dir, 'stdio-state'))).toBe(false);
    expect(existsSync(canary)).toBe(false);
  });

  it('gets words of a shell as plain data, in one argument and one variable each', async () => {
    const args = corpus.args.filter((arg) => !isRefused(arg));
    const API_TOKEN = args.join(' ');
    const id = await test.connect({ catalog: 'witness', args, env: { API_TOKEN } });
    const seen = JSON.parse(textOf((await test.call(id, 'x')).resultJson)) as {
      args: string[];
      execArgv: string[];
      env: Record<string, string>;
    };
    expect(seen.args).toEqual(args);
    expect(seen.execArgv).toEqual([]);
    expect(seen.env['API_TOKEN']).toBe(API_TOKEN);
    expect(new Set(Object.keys(seen.env))).toEqual(
      new Set([
        'PATH',
        'HOME',
        'TMPDIR',
        'LANG',
        'API_TOKEN',
        ...Object.keys(seen.env).filter((name) => name === 'PWD'),
      ]),
    );
    expect(seen.env['PATH']).toBe('/usr/local/bin:/usr/bin:/bin');
    expect(existsSync(canary)).toBe(false);
    expect(readdirSync(dir)).toEqual(['witness.mjs']);
  });
});
