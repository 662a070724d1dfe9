/** What has been given to gateways so that a server of their catalogue runs something else, all of it to make `canary`. */
export interface InjectionCorpus {
  /** For the name of a server. */
  names: string[];
  /** Arguments that a program could take for more than a value. */
  args: string[];
  /** Variables that make a program run code, or another program be found. */
  env: [name: string, value: string][];
}

/** `canary`: the path of a file that no attempt may make. */
export function injectionCorpus(canary: string): InjectionCorpus {
  const touch = `touch ${canary}`;
  const script = `require('node:fs').writeFileSync('${canary}','')`;
  const shell = [
    `; ${touch}`,
    `&& ${touch}`,
    `| ${touch}`,
    `|| ${touch}`,
    `& ${touch} &`,
    `$(${touch})`,
    `\`${touch}\``,
    `\${IFS}$(${touch})`,
    `'; ${touch}; '`,
    `"; ${touch}; "`,
    `\n${touch}\n`,
    `\r\n${touch}\r\n`,
    `> ${canary}`,
    `<(${touch})`,
    `\u037e ${touch}`,
    `\uff1b ${touch}`,
    `\u2028${touch}`,
    `{state}$(${touch})`,
    `%0a${touch}`,
    `!${touch}`,
    `~root/$(${touch})`,
  ];
  return {
    names: [
      ...shell.map((tail) => `witness${tail}`),
      'sh',
      '/bin/sh',
      'node',
      'touch',
      touch,
      '../witness',
      './witness',
      '../../bin/sh',
      'witness/../../../bin/touch',
      '-c',
      '--eval',
      'constructor',
      '__proto__',
      'toString',
      'WITNESS',
      'witness\0',
      'witness\u200b',
      'w\u0456tness',
      'ｗitness',
      ' witness',
      'witness ',
      '',
      'w'.repeat(65),
    ],
    args: [
      ...shell,
      '-e',
      '-',
      '--',
      '--eval',
      `--eval=${script}`,
      `--import=data:text/javascript,${script}`,
      '--require=/tmp/x.js',
      '--inspect=0.0.0.0:9229',
      '-c',
      `value\0--eval=${script}`,
      '../../../../bin/touch',
      `@${canary}`,
      '＋－－eval',
      'a'.repeat(4_097),
    ],
    env: [
      ['NODE_OPTIONS', `--import=data:text/javascript,${script}`],
      ['NODE_PATH', '/tmp'],
      ['NODE_REPL_EXTERNAL_MODULE', canary],
      ['LD_PRELOAD', '/tmp/x.so'],
      ['LD_LIBRARY_PATH', '/tmp'],
      ['LD_AUDIT', '/tmp/x.so'],
      ['PATH', '/tmp'],
      ['HOME', '/root'],
      ['TMPDIR', '/root'],
      ['BASH_ENV', canary],
      ['ENV', canary],
      ['IFS', '/'],
      ['SHELL', '/bin/sh'],
      ['PYTHONSTARTUP', canary],
      ['PERL5OPT', '-Mx'],
      ['GIT_SSH_COMMAND', touch],
      ['BASH_FUNC_ls%%', `() { ${touch}; }`],
      ['api_token', 'small'],
      ['API_TOKEN\n', 'x'],
      ['API_TOKEN=x\nNODE_OPTIONS', 'x'],
      ['API_TOKEN\0', 'x'],
      ['ＡPI_TOKEN', 'x'],
      ['__proto__', 'x'],
      ['constructor', 'x'],
      ['', 'x'],
      ['API_TOKEN', `x\0NODE_OPTIONS=--eval=${script}`],
    ],
  };
}
