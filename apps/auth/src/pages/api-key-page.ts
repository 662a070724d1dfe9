import { html } from './html.js';
import { page } from './layout.js';

/** The only page that ever shows the key. */
export function apiKeyPage(content: { key: string; name: string; workspace: string }): string {
  return page({
    title: 'Your API key',
    body: html` <p>
        <strong>${content.name}</strong>, for workspace <strong>${content.workspace}</strong>.
      </p>
      <div class="facts">
        <p><code>${content.key}</code></p>
      </div>
      <p>Copy it now: it is stored nowhere and not shown again. Whoever has it acts as you.</p>
      <p class="soft">Send it as <code>Authorization: Bearer …</code></p>
      <p><a href="/login">Done</a></p>`,
  });
}
