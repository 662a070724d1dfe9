import { html } from './html.js';
import { page } from './layout.js';

/** Shows recovery codes: once, to be kept. */
export function recoveryCodesPage(content: {
  codes: readonly string[];
  email: string;
  host: string;
}): string {
  const { codes, email, host } = content;
  const text = `Recovery codes of ${email} for Conducktor at ${host}\nEach works once.\n\n${codes.join('\n')}\n`;
  return page({
    title: 'Your recovery codes',
    body: html`<p>
        Keep these where you find them without your phone. Each signs you in once in place of the
        second step.
      </p>
      <ul class="facts codes">
        ${codes.map((code) => html`<li><code>${code}</code></li>`)}
      </ul>
      <p>They are not shown again; codes that you had before no longer work.</p>
      <p>
        <a
          class="button quiet"
          download="conducktor-recovery-codes.txt"
          href="data:text/plain;charset=utf-8,${encodeURIComponent(text)}"
          >Download as a text file</a
        >
      </p>
      <p><a class="button" href="/account/security">I have kept them</a></p>`,
  });
}
