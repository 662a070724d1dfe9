import { html } from './html.js';
import { page, problem } from './layout.js';
import { passkeyForm } from './passkey-form.js';

/** Has this browser make a passkey. The one page that needs JavaScript, because passkeys do. */
export function addPasskeyPage(content: {
  action: string;
  csrf: string;
  options: string;
  problem: string | undefined;
}): string {
  return page({
    title: 'Add a passkey',
    passkeys: true,
    body: html`<p class="soft">
        Your device makes a key that never leaves it, or your password manager does. You unlock it
        as you unlock the device.
      </p>
      ${problem(content.problem)}
      ${passkeyForm({
        action: content.action,
        csrf: content.csrf,
        options: content.options,
        asks: 'create',
        label: 'Add a passkey',
        primary: true,
        fields: html`<label for="name">Name</label>
          <input
            id="name"
            name="name"
            autocomplete="off"
            maxlength="100"
            required
            aria-describedby="name-hint"
          />
          <p class="hint" id="name-hint">How you tell it from others, like “Work laptop”.</p>`,
      })}
      <noscript>
        <p class="problem">
          Browsers make passkeys only with JavaScript, which is switched off here.
        </p>
      </noscript>
      <p><a href="/account/security">Go back</a></p>`,
  });
}
