import { readinessAnswer } from '@conducktor/runtime';
import { openRoute } from '../http/route.js';
import { errorCodes } from './error-codes.js';
import { escapeHtml, sendPage } from './layout.js';
import { readStatus } from './status.js';

export const pageRoutes = [
  openRoute('/', 'What this is and how to connect', async (control, _request, reply) => {
    const url = escapeHtml(control.publicUrl);
    return sendPage(
      reply,
      'Conducktor',
      `<h1>Conducktor</h1>
<p>A gateway between AI clients and the services of a company. Every tool call is checked against the
workspace's policy and recorded before it leaves.</p>
<h2>Connect a client</h2>
<p>Enter this address in ChatGPT, Claude, Cursor or any other MCP client, and sign in when it asks:</p>
<p class="box"><code>${url}/mcp</code></p>
<h2>Manage a workspace</h2>
<ul>
<li><a href="/signup">Create an account and a workspace</a></li>
<li><a href="/docs/api">REST API</a>, called with an API key; as a document: <a href="/openapi.json">JSON</a>, <a href="/openapi.yaml">YAML</a></li>
<li><a href="/docs/errors">Error codes</a>, what they mean and what to do</li>
<li><a href="/status">Status of this installation</a></li>
</ul>
<p>Guides are in the folder <code>docs</code> beside the <code>README.md</code> of this installation.</p>`,
    );
  }),
  openRoute('/docs/errors', 'What every error code means', async (_control, _request, reply) =>
    sendPage(
      reply,
      'Error codes of Conducktor',
      `${await errorCodes()}<p><a href="/">Back</a></p>`,
    ),
  ),
  openRoute(
    '/status',
    'Whether the parts of this installation answer',
    async (control, request, reply) => {
      const status = await readStatus(control);
      if (request.headers.accept?.includes('application/json')) return reply.send(status);
      const rows = status.parts
        .map(
          ({ name, state }) =>
            `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(state)}</td></tr>`,
        )
        .join('');
      return sendPage(
        reply,
        'Status of Conducktor',
        `<h1>${status.ok ? 'Everything answers' : 'Something does not answer'}</h1><table>${rows}</table><p><a href="/">Back</a></p>`,
      );
    },
  ),
  openRoute('/healthz', 'Liveness', async () => ({ status: 'ok' })),
  openRoute('/readyz', 'Readiness: Postgres answers', async (control, _request, reply) => {
    const { status, body } = await readinessAnswer(control.readiness);
    return reply.code(status).send(body);
  }),
];
