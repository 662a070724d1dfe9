import { escapeHtml } from './layout.js';
import { fieldTable, typeOf } from './schema-words.js';

type Json = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- a document of many shapes

/**
 * The OpenAPI document as a page: one heading with an anchor for each operation (its operationId) and
 * each named schema (`schema-<name>`). Nothing is loaded and nothing runs; a browser's own search finds
 * what one looks for.
 */
export function apiReference(document: Json): string {
  const operations = operationsOf(document);
  const tags = (document['tags'] as Json[]).map((tag) => ({
    ...tag,
    operations: operations.filter(({ tags: [own] }) => own === tag['name']),
  })) as Json[];
  const schemas = Object.entries(document['components'].schemas as Record<string, Json>).sort(
    ([one], [other]) => (one < other ? -1 : 1),
  );
  return `<h1>REST API</h1>
<p>${escapeHtml(document['info'].description)}</p>
<p>The same as a document for tools: <a href="/openapi.json">OpenAPI 3.1 as JSON</a>, <a href="/openapi.yaml">as YAML</a>.</p>
<h2 id="calling">Calling it</h2>
<p>With an API key that has the scope <code>admin</code>:</p>
<pre>curl ${escapeHtml(document['servers'][0].url)}/api/v1/me -H "Authorization: Bearer ck_…"</pre>
<p>Or from a page of this origin. ${escapeHtml(document['components'].securitySchemes.session.description)}</p>
<h2 id="operations">Operations</h2>
<nav aria-label="Operations">${tags.map(indexOf).join('')}</nav>
${tags.map(sectionOf).join('')}
<h2 id="refusals">When it is refused</h2>
<p>Every operation may answer with one of these, as <code>application/problem+json</code> (<a href="#schema-Problem">Problem</a>).</p>
${refusals(document)}
<h2 id="schemas">Schemas</h2>
<nav aria-label="Schemas"><ul class="index">${schemas.map(([name]) => `<li><a href="#schema-${name}">${name}</a></li>`).join('')}</ul></nav>
${schemas.map(([name, schema]) => `<h3 id="schema-${name}">${name}</h3>${fieldTable(schema, `Fields of ${name}`)}`).join('')}
<p><a href="/">Back</a></p>`;
}

function operationsOf(document: Json): Json[] {
  return Object.entries(document['paths'] as Record<string, Json>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...(operation as Json),
      path,
      method: method.toUpperCase(),
      // A shared parameter is described above, once.
      parameters: ((operation as Json)['parameters'] ?? []).filter(({ $ref }: Json) => !$ref),
    })),
  ) as Json[];
}

const name = ({ method, path }: Json) =>
  `<span class="method">${method}</span> <code>${escapeHtml(path)}</code>`;

const titleOf = (tag: string) =>
  tag === 'api-keys' ? 'API keys' : (tag[0]!.toUpperCase() + tag.slice(1)).replaceAll('-', ' ');

const indexOf = (tag: Json) =>
  `<p><strong>${escapeHtml(titleOf(tag['name']))}</strong></p><ul>${(tag['operations'] as Json[])
    .map(
      (each) =>
        `<li><a href="#${each['operationId']}">${each['method']} ${escapeHtml(each['path'])}</a></li>`,
    )
    .join('')}</ul>`;

const sectionOf = (tag: Json) =>
  `<h2 id="tag-${tag['name']}">${escapeHtml(titleOf(tag['name']))}</h2>${tag['description'] ? `<p>${escapeHtml(tag['description'])}.</p>` : ''}${(tag['operations'] as Json[]).map(operationSection).join('')}`;

function operationSection(operation: Json): string {
  const { operationId: id, parameters, requestBody } = operation;
  const body = requestBody?.content['application/json'].schema as Json | undefined;
  return `<h3 id="${id}">${name(operation)}</h3>
<p>${escapeHtml(operation['summary'])}.</p>
<p class="soft">${escapeHtml(operation['description'])}</p>
${parameters.length > 0 ? `<h4>Parameters</h4>${parameterTable(parameters, id)}` : ''}
${body ? `<h4>Body</h4>${fieldTable(body, `Body of ${id}`)}` : ''}
<h4>Answer</h4>${answers(operation['responses'])}`;
}

function parameterTable(parameters: Json[], id: string): string {
  const schema = {
    type: 'object',
    required: parameters.filter(({ required }) => required).map((each) => each['name']),
    properties: Object.fromEntries(
      parameters.map((each) => [
        each['name'],
        { ...each['schema'], description: each['description'] },
      ]),
    ),
  };
  return fieldTable(schema, `Parameters of ${id}`);
}

function answers(responses: Record<string, Json>): string {
  const [status, success] = Object.entries(responses)[0]!;
  const content = Object.entries((success['content'] ?? {}) as Record<string, Json>);
  if (content.length === 0) return `<p>${status}, no body.</p>`;
  return content
    .map(([type, { schema }]) =>
      type === 'application/json'
        ? `<p>${status}: ${schema ? typeOf(schema as Json) : 'JSON'}</p>`
        : `<p>${status}: <code>${escapeHtml(type)}</code></p>`,
    )
    .join('');
}

function refusals(document: Json): string {
  const rows = Object.values(document['components'].responses as Record<string, Json>).map(
    (each) => {
      const { example } = each['content']['application/problem+json'];
      return `<tr><th scope="row">${example.status} <a href="/docs/errors#${example.code}"><code>${example.code}</code></a></th><td>${escapeHtml(each['description'])}</td></tr>`;
    },
  );
  return `<table><tbody>${rows.join('')}</tbody></table>`;
}
