import { CODES } from '@conducktor/contracts';
import { seriousFindings, startChromium } from '@conducktor/testing';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTE_INVENTORY } from '../src/inventory.js';
import { toHtml } from '../src/pages/error-codes.js';
import { securityHeaders } from '../src/http/security-headers.js';
import { startControl, type ControlService, type Loose } from './harness.js';

const api = ROUTE_INVENTORY.filter(({ path }) => path.startsWith('/api/v1')).map((each) => ({
  ...each,
  path: each.path.replace(/:(\w+)/g, '{$1}'),
}));

let service: ControlService;
beforeAll(async () => {
  service = await startControl();
});
afterAll(() => service.stop());

describe('every answer', () => {
  it('frames, sniffs and refers to nothing, also when it is an error', async () => {
    for (const [method, path, status] of [
      ['GET', '/', 200],
      ['GET', '/docs/api', 200],
      ['GET', '/openapi.json', 200],
      ['GET', '/healthz', 200],
      ['GET', '/api/v1/me', 401],
      ['POST', '/api/v1/groups', 401],
      ['GET', '/nothing/here', 404],
      ['PUT', '/status', 405],
      ['GET', '/%ff', 400],
      ['GET', '/api/v1/members/%zz', 400],
    ] as const) {
      const answer = await service.call(undefined, method, path);
      expect({ path, status: answer.status }).toEqual({ path, status });
      expect(answer.headers.get('content-security-policy'), path).toMatch(
        /default-src 'none';.*frame-ancestors 'none'/,
      );
      expect(Object.fromEntries(answer.headers), path).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'permissions-policy': expect.stringContaining('camera=()') as string,
      });
    }
  });

  it('binds browsers to https where people come by https, and only there', () => {
    expect(securityHeaders('https://conducktor.example')).toHaveProperty(
      'strict-transport-security',
      'max-age=31536000; includeSubDomains',
    );
    expect(securityHeaders('http://localhost:8080')).not.toHaveProperty(
      'strict-transport-security',
    );
  });
});

describe('the description', () => {
  it('is valid OpenAPI 3.1, and says of every operation what it needs and how it is refused', async () => {
    const { body } = await service.call(undefined, 'GET', '/openapi.json');
    const result = await new Validator().validate(structuredClone(body));
    expect(result.errors).toBeUndefined();
    expect(result.valid).toBe(true);
    const broken = structuredClone(body) as Loose;
    broken.paths['/api/v1/me'].get.responses = 'none';
    expect((await new Validator().validate(broken)).valid).toBe(false);

    const tags = new Set(body['tags'].map(({ name }: Loose) => name));
    for (const tag of body['tags']) expect(tag.description, tag.name).toBeTruthy();
    for (const { method, path } of api) {
      const operation = body['paths'][path][method.toLowerCase()];
      expect(operation.summary, path).toMatch(/^[A-Z].*[^.]$/);
      expect(operation.description, path).toMatch(/^Needs: /);
      expect(tags.has(operation.tags[0]), path).toBe(true);
      expect(operation.responses['401'], path).toEqual({
        $ref: '#/components/responses/Unauthenticated',
      });
      for (const parameter of operation.parameters ?? [])
        if (parameter.in === 'path') expect(parameter.description, path).toBeTruthy();
    }
  });
});

describe('the page of error codes', () => {
  it('explains every code at an anchor of its name', async () => {
    const { text } = await service.call(undefined, 'GET', '/docs/errors');
    for (const code of Object.keys(CODES)) expect(text).toContain(`<h3 id="${code}">`);
    expect(text).not.toMatch(/`|\]\(|<p>#/);
  });

  it('shows text as text, whatever it is', () => {
    expect(toHtml('# a <b>\n\n- `<i>`\n- x')).toBe(
      '<h1>a &lt;b&gt;</h1>\n<ul><li><code>&lt;i&gt;</code></li><li>x</li></ul>',
    );
  });
});

describe('pages', () => {
  it('are read without a script, by everybody, and every link within them leads somewhere', async () => {
    const browser = await startChromium();
    try {
      const context = await browser.newContext();
      const page = await context.newPage();
      const problems: string[] = [];
      page.on('console', (message) => problems.push(message.text()));
      for (const path of ['/', '/status', '/docs/errors', '/docs/api']) {
        await page.goto(`${service.origin}${path}`);
        expect(await seriousFindings(page), path).toEqual([]);
      }
      const dead = await page.evaluate(`[...document.querySelectorAll('a[href^="#"]')]
        .map((link) => link.getAttribute('href').slice(1))
        .filter((id) => document.getElementById(id) === null)`);
      expect(dead).toEqual([]);
      const headings = await page.locator('h3').allTextContents();
      for (const { method, path } of api) expect(headings).toContain(`${method} ${path}`);
      // A policy by hash that did not fit the style sheet would say so here.
      expect(problems).toEqual([]);
      await page.setViewportSize({ width: 360, height: 800 });
      const overflow = await page.evaluate(
        'document.documentElement.scrollWidth > document.documentElement.clientWidth',
      );
      expect(overflow).toBe(false);
    } finally {
      await browser.close();
    }
  });
});
