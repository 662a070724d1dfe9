import { CookieJar } from './cookie-jar.js';

export interface Page {
  url: string;
  status: number;
  html: string;
  forms: Form[];
}

export interface Form {
  action: string;
  method: string;
  /** Fields with their preset values; checkboxes and radios only when checked. */
  fields: [name: string, value: string][];
  /** Every value a radio, select or submit button of this name offers. */
  choices: Map<string, string[]>;
}

/**
 * A browser without JavaScript, styles or patience: it follows redirects, keeps cookies and posts
 * forms. It stops at a redirect to another origin and returns that address.
 */
export class FormBrowser {
  readonly jar = new CookieJar();

  constructor(readonly origin: string) {}

  async open(url: string, init: RequestInit = {}): Promise<Page | { leftFor: URL }> {
    let target = new URL(url, this.origin);
    let request = init;
    for (let hops = 0; hops < 12; hops++) {
      const response = await fetch(target, {
        ...request,
        redirect: 'manual',
        headers: { accept: 'text/html', cookie: this.jar.header(), ...request.headers },
      });
      this.jar.store(response);
      const location = response.headers.get('location');
      if (response.status >= 300 && response.status < 400 && location) {
        await response.body?.cancel();
        target = new URL(location, target);
        if (target.origin !== new URL(this.origin).origin) return { leftFor: target };
        request = {};
        continue;
      }
      const html = await response.text();
      return { url: target.href, status: response.status, html, forms: formsOf(html, target.href) };
    }
    throw new Error(`More than 12 redirects from ${url}`);
  }

  /** Posts a form with `values` over its presets. */
  async submit(form: Form, values: Record<string, string>): Promise<Page | { leftFor: URL }> {
    const body = new URLSearchParams(form.fields.filter(([name]) => !(name in values)));
    for (const [name, value] of Object.entries(values)) body.append(name, value);
    if (form.method === 'get') return await this.open(`${form.action}?${body.toString()}`);
    return await this.open(form.action, {
      method: 'POST',
      body: body.toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: new URL(this.origin).origin,
      },
    });
  }
}

/** The forms of our own server-rendered pages; not a parser for other people's HTML. */
export function formsOf(html: string, base: string): Form[] {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(
    ([, head = '', inside = '']) => {
      const form: Form = {
        action: new URL(attribute(head, 'action') ?? '', base).href,
        method: (attribute(head, 'method') ?? 'get').toLowerCase(),
        fields: [],
        choices: new Map(),
      };
      const offer = (name: string, value: string) =>
        form.choices.set(name, [...(form.choices.get(name) ?? []), value]);
      for (const [, tag = '', attributes = ''] of inside.matchAll(/<(input|button)\b([^>]*)>/gi)) {
        const name = attribute(attributes, 'name');
        const type = (
          attribute(attributes, 'type') ?? (tag === 'button' ? 'submit' : 'text')
        ).toLowerCase();
        const value = attribute(attributes, 'value') ?? (type === 'checkbox' ? 'on' : '');
        if (name === undefined) continue;
        if (type === 'submit') offer(name, value);
        else if (type === 'radio' || type === 'checkbox') {
          offer(name, value);
          if (/\schecked\b/i.test(attributes)) form.fields.push([name, value]);
        } else form.fields.push([name, value]);
      }
      for (const [, attributes = '', options = ''] of inside.matchAll(
        /<select\b([^>]*)>([\s\S]*?)<\/select>/gi,
      )) {
        const name = attribute(attributes, 'name');
        if (name === undefined) continue;
        const all = [...options.matchAll(/<option\b([^>]*)>/gi)].map((m) => m[1] ?? '');
        for (const option of all) offer(name, attribute(option, 'value') ?? '');
        const chosen = all.find((o) => /\sselected\b/i.test(o)) ?? all[0];
        if (chosen !== undefined) form.fields.push([name, attribute(chosen, 'value') ?? '']);
      }
      return form;
    },
  );
}

function attribute(text: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(
    text,
  );
  const raw = found?.[1] ?? found?.[2] ?? found?.[3];
  return raw
    ?.replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&#x27;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
