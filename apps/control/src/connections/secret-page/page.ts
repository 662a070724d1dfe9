import type { Connection } from '@conducktor/contracts';
import { card, facts, problemBox } from '../../pages/card.js';
import { escapeHtml } from '../../pages/layout.js';
import { ROWS } from './form.js';

export interface SecretPage {
  csrf: string;
  workspace: string;
  connection: Connection;
  /** Names entered before; values are never shown again. */
  names: string[];
  problem: string | undefined;
}

export function secretPage(content: SecretPage): string {
  const { connection, problem } = content;
  const isStdio = connection.kind === 'mcp-stdio';
  const what = isStdio ? 'variable' : 'header';
  const example = isStdio ? 'API_TOKEN' : 'Authorization';
  const row = (index: number) => {
    const name = content.names[index] || (index === 0 && !isStdio ? 'Authorization' : '');
    const described = index === 0 ? ' aria-describedby="how"' : '';
    return `<fieldset><legend>Secret ${index + 1}</legend>
<div><label for="name${index}">Name of the ${what}</label>
<input id="name${index}" name="name${index}" maxlength="200" autocomplete="off" autocapitalize="none" spellcheck="false" placeholder="${example}" value="${escapeHtml(name)}"></div>
<div><label for="value${index}">Value</label>
<input id="value${index}" name="value${index}" type="password" maxlength="8192" autocomplete="off" spellcheck="false"${described}></div></fieldset>`;
  };
  const more = Array.from({ length: ROWS - 1 }, (_, index) => row(index + 1)).join('');
  return card(
    `Secret of ${connection.slug}`,
    `<p>The server behind this connection may want a secret with every ${isStdio ? 'start' : 'request'}. Enter it here: it is stored encrypted and never shown again to anybody.</p>
${problemBox(problem)}
${factsOf(content)}
<form method="post"${problem === undefined ? '' : ' aria-describedby="problem"'}>
<input type="hidden" name="csrf" value="${escapeHtml(content.csrf)}">
${row(0)}
<p class="hint" id="how">${isStdio ? 'As the server calls it.' : 'With its scheme, such as “Bearer” and a space before a token.'}${connection.hasSecret ? ' What is stored already is replaced.' : ''}</p>
<details><summary>More than one</summary>${more}</details>
<button type="submit" name="do" value="save">Store and test</button>
<button class="quiet" type="submit" name="do" value="test">Test ${connection.hasSecret ? 'with what is stored' : 'without a secret'}</button>
</form>`,
  );
}

function factsOf({ workspace, connection }: SecretPage): string {
  const { url, catalog, status, statusReason, tools, hasSecret } = connection;
  const host = url === null ? undefined : URL.parse(url)?.host;
  return facts([
    ['Workspace', workspace],
    host === undefined ? ['Server', catalog ?? ''] : ['Sent to', host],
    ['Status', status === 'PENDING' ? 'PENDING: not tested yet' : status],
    ...(statusReason === null ? [] : [['Reason', statusReason] as const]),
    ['Tools', String(tools)],
    ['Secret', hasSecret ? 'stored' : 'none stored'],
  ]);
}
